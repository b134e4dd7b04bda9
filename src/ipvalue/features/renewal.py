"""Renewal features: fees paid and due, the life that the book's own renewals leave to expect, and what was recorded."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.features.grant import granted_shares
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


def _life(context: Context, standing: Mask, dead: Mask) -> Columns:
    """Hazard of lapse and expected life of granted rights, by the renewals of the whole book."""
    snapshot, legal = context.snapshot, context.legal
    patents = snapshot.patents
    from_grant = counted_from_grant(patents["jurisdiction"], patents["right"])
    group = group_of(patents["jurisdiction"], patents["right"], from_grant)
    groups, place = np.unique(group, return_inverse=True)
    hazards = Hazards.of(context.whole.tallies["renewals"], groups)
    row = np.searchsorted(hazards.group, groups)[place]
    start = np.where(from_grant, patents["grant_date"], patents["application_date"])
    age = np.where(standing, years_between(start, snapshot.date), np.nan)
    life = expected_years(hazards.rate, row, age, legal.remaining)
    return {
        "lapse_hazard": yearly_hazard(hazards.rate, row, age),
        "expected_life": np.where(dead, 0.0, life),
    }


def _granted_share(context: Context) -> Floats:
    """Share of decided applications that were granted, by the whole book's decisions at the same office."""
    patents = context.snapshot.patents
    group = group_of(patents["jurisdiction"], patents["right"])
    groups, place = np.unique(group, return_inverse=True)
    return granted_shares(context.whole.tallies["decisions"], groups)[place]


def _days_recorded(snapshot: Snapshot, effect: Effect) -> Floats:
    """Days on which events with an effect were recorded, a patent; an event told by two feeds counts once."""
    events = snapshot.events
    found = events.operators.effect == effect
    day = events.effective[found].astype("datetime64[D]").astype(np.int64) + (1 << 23)
    once = distinct((events.patent[found].astype(np.int64) << 24) + day) >> 24
    return np.bincount(once, minlength=len(snapshot)).astype(np.float64)


_FEES = "law.fee_position: due dates by fee_rules, payments by register events"
_CHINA = (
    "a fee counts as paid if its payment is seen; where payments are not published (China), if it fell due "
    "and the right stands, or the right ended later than that fee's lapse"
)
_NO_FEES = "no schedule covers the right, or no fee arises before a grant"
_NONE_LEFT = "no fee is left, the right has ended, or no schedule covers it"
_RENEWALS = (
    "features.hazard: years at risk and lapses in the book by office, right and age; Kaplan and Meier (1958), "
    "Journal of the American Statistical Association 53"
)
_NO_LIFE = "application, end of the term unknown, or no renewal known in the book"
_DECISIONS = "the book's own decisions by office and right, shrunk by 50 decisions towards all offices' share"

FAMILY = Family(
    "renewal",
    (
        Feature(
            "share_of_fees_paid",
            "share",
            0.0,
            1.0,
            0,
            f"fees paid over all fees of the term, by number; {_CHINA}; a European patent by Germany's calendar",
            _FEES,
            _NO_FEES,
        ),
        Feature("fees_paid", "fees", 0.0, 100.0, 1, "renewal fees paid, seen or taken as paid", _FEES, _NO_FEES),
        Feature(
            "remaining_fees_share",
            "share",
            0.0,
            1.0,
            0,
            "amount of the fees not paid over the amount of all fees of the term, in the office's currency",
            _FEES,
            _NO_FEES,
        ),
        Feature("fee_year_next", "fee year", 1.0, 100.0, 0, "patent year of the next fee", _FEES, _NONE_LEFT),
        Feature(
            "next_fee_years",
            "years",
            -2.0,
            200.0,
            0,
            "years to the due date of the next fee; negative within its grace",
            _FEES,
            _NONE_LEFT,
        ),
        Feature(
            "years_in_force",
            "years",
            0.0,
            200.0,
            0,
            "years from grant to the date, or to the end of the right",
            "law.status; Schankerman and Pakes (1986), Economic Journal 96",
            "not granted",
        ),
        Feature(
            "lapse_hazard",
            "share",
            0.0,
            1.0,
            -1,
            "chance that a right in force lapses within a year: 1 - (1-h(a))^(1-f) (1-h(a+1))^f; "
            "h(a) = (lapses + 50 p(a)) / (years at risk + 50), p(a) of all offices with the same right",
            _RENEWALS,
            f"{_NO_LIFE}; or the right has ended",
        ),
        Feature(
            "expected_life",
            "years",
            0.0,
            200.0,
            1,
            "expected years to lapse or to the end of the term: integral of the survival function over the "
            "remaining term; 0 for a right that has ended",
            _RENEWALS,
            _NO_LIFE,
        ),
        Feature("n_pledges", "pledges", 0.0, 1e4, 0, "pledges registered and not cancelled", "law.encumbrances"),
        Feature("pledges_recorded", "days", 0.0, 1e4, 0, "days on which a pledge was registered", "law.encumbrances"),
        Feature("licences_recorded", "days", 0.0, 1e4, 1, "days on which a licence was recorded", "law.encumbrances"),
        Feature(
            "probability_of_grant",
            "share",
            0.0,
            1.0,
            1,
            "granted over decided applications; low in a young book, since withdrawals come before grants",
            _DECISIONS,
            "the application is decided, or the book knows no decision",
        ),
    ),
    _compute,
    reads=("renewals", "decisions"),
    after=(),
    tables=("legal_events",),
    without={"legal_events": ("n_pledges", "pledges_recorded", "licences_recorded")},
)
