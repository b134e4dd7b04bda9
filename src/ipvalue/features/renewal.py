"""Renewal features: fees paid and due, hazard of lapse and expected life, recorded pledges and licences."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.features.grant_decisions import granted_shares
from ipvalue.features.hazard import Hazards, expected_years, group_of, yearly_hazard
from ipvalue.law.dates import years_between
from ipvalue.law.events import Effect
from ipvalue.law.fee_position import FeePosition, counted_from_grant, fee_position
from ipvalue.law.states import DEAD
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats, Mask

__all__ = ["FAMILY"]

_NO_DATE = np.datetime64("NaT", "D")


def _compute(context: Context) -> Columns:
    snapshot, legal = context.snapshot, context.legal
    patents = snapshot.patents
    dead = DEAD[legal.status.state]
    ended = np.where(dead, legal.status.since, _NO_DATE)
    fees = _fees(context, ended)
    granted = ~np.isnat(patents["grant_date"])
    return {
        "share_of_fees_paid": np.where(fees.fees > 0, fees.paid / np.maximum(fees.fees, 1), np.nan),
        "fees_paid": np.where(fees.fees > 0, fees.paid, np.nan).astype(np.float64),
        "remaining_fees_share": fees.share_left,
        "fee_year_next": np.where(fees.next_year > 0, fees.next_year, np.nan).astype(np.float64),
        "next_fee_years": years_between(snapshot.date, fees.next_due),
        "years_in_force": _years_in_force(snapshot.date, patents["grant_date"], ended),
        **_life(context, np.asarray(granted & legal.enforceable), dead),
        "n_pledges": legal.status.n_pledges.astype(np.float64),
        "pledges_recorded": _days_recorded(snapshot, Effect.PLEDGE_ON),
        "licences_recorded": _days_recorded(snapshot, Effect.LICENCE_ON),
        "probability_of_grant": np.where(legal.pending, _granted_share(context), np.nan),
    }


def _fees(context: Context, ended: Dates) -> FeePosition:
    snapshot, legal = context.snapshot, context.legal
    patents = snapshot.patents
    return fee_position(
        patents["jurisdiction"],
        patents["right"],
        patents["application_date"],
        patents["grant_date"],
        legal.end,
        patents["n_claims"],
        snapshot.date,
        legal.status.last_paid_year,
        ended,
    )


def _years_in_force(date: np.datetime64, grant: Dates, ended: Dates) -> Floats:
    return np.maximum(years_between(grant, np.fmin(date, ended)), 0.0)


def _life(context: Context, in_force: Mask, dead: Mask) -> Columns:
    """Hazard of lapse and expected life of granted rights, by the renewals of the book."""
    snapshot, legal = context.snapshot, context.legal
    patents = snapshot.patents
    from_grant = counted_from_grant(patents["jurisdiction"], patents["right"])
    group = group_of(patents["jurisdiction"], patents["right"], from_grant)
    groups, place = np.unique(group, return_inverse=True)
    hazards = Hazards.of(context.statistics.counts["renewals"], groups)
    row = np.searchsorted(hazards.group, groups)[place]
    start = np.where(from_grant, patents["grant_date"], patents["application_date"])
    age = np.where(in_force, years_between(start, snapshot.date), np.nan)
    life = expected_years(hazards.rate, row, age, legal.remaining)
    return {"lapse_hazard": yearly_hazard(hazards.rate, row, age), "expected_life": np.where(dead, 0.0, life)}


def _granted_share(context: Context) -> Floats:
    """Share of decided applications that were granted, by the book's decisions at the same office."""
    patents = context.snapshot.patents
    group = group_of(patents["jurisdiction"], patents["right"])
    groups, place = np.unique(group, return_inverse=True)
    return granted_shares(context.statistics.counts["decisions"], groups)[place]


def _days_recorded(snapshot: Snapshot, effect: Effect) -> Floats:
    """Days on which events with an effect were recorded, a patent; an event that two sources report counts once."""
    events = snapshot.events
    found = events.operators.effect == effect
    day = events.effective[found].astype("datetime64[D]").astype(np.int64) + (1 << 23)
    days = distinct((events.patent[found].astype(np.int64) << 24) + day) >> 24
    return np.bincount(days, minlength=len(snapshot)).astype(np.float64)


FAMILY = Family.listed("renewal", _compute)
