"""What methods value and what they learn from: subjects with features and money, and deals with both.

A deal's features are those known at the last half-year's end before the deal, so that a price is never
explained by what came after it. Nothing known later than the fit date is looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ipvalue.assumptions import Assumptions
from ipvalue.features import Whole, compute
from ipvalue.features.grant import grant_probability
from ipvalue.law.fees import calendar
from ipvalue.methods.base import Deals, Evidence, Subject
from ipvalue.methods.currency import exchange_rate, price_trend
from ipvalue.records.book import Book, Known
from ipvalue.records.snapshot import Snapshot

__all__ = ["gather", "grant_group", "prepare"]

Floats = npt.NDArray[np.float64]
_MONEY = ("revenue", "cost_to_develop", "historical_cost")
_AS_GIVEN = ("revenue_life", "success_probability", "industry")


def prepare(snapshot: Snapshot, assumptions: Assumptions, whole: Whole | None = None) -> Subject:
    """Compute what every method needs of a snapshot, once for all methods."""
    rows = snapshot.economics
    rate = exchange_rate(snapshot, assumptions, rows["currency"])
    money = {name: rows[name] * rate for name in _MONEY} | {name: rows[name] for name in _AS_GIVEN}
    patents = snapshot.patents
    money["price_trend"] = price_trend(snapshot, assumptions, rows["currency"], rows["date"])
    money["fee_rate"] = _fee_rate(snapshot, assumptions)
    return Subject(
        snapshot.patent_ids,
        patents["jurisdiction"],
        patents["right"],
        snapshot.field,
        compute(snapshot, whole),
        money,
        {
            "as_of": np.full(len(snapshot), snapshot.date),
            "filing": patents["application_date"],
            "grant": patents["grant_date"],
        },
    )


def _fee_rate(snapshot: Snapshot, assumptions: Assumptions) -> Floats:
    """Rate of exchange of the currency in which each right's renewal fees are due; NaN without a schedule."""
    office, right = snapshot.patents["jurisdiction"], snapshot.patents["right"]
    if not len(office):
        return np.zeros(0)
    kinds, place = np.unique(np.char.add(np.char.add(office, "/"), right), return_inverse=True)
    names = np.char.partition(kinds, "/")
    nowhen = np.full(len(kinds), np.datetime64("NaT", "D"))
    currency = calendar(names[:, 0], names[:, 2], nowhen, nowhen).currency
    rate = np.where(currency == "", np.nan, exchange_rate(snapshot, assumptions, currency))
    return np.asarray(rate[place], np.float64)


def grant_group(jurisdiction: npt.NDArray[np.str_], right: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Group in which the share of granted applications is counted: office and right."""
    return np.char.add(np.char.add(jurisdiction, "/"), right)


def gather(
    book: Book,
    as_of: np.datetime64,
    known: Known,
    assumptions: Assumptions,
    grant_rates: dict[str, float],
    *,
    years: float = 12.0,
) -> Evidence:
    """Gather what is known of a book on the fit date: the subject, and the priced deals until then.

    Parameters
    ----------
    book : Book
    as_of : numpy.datetime64
        The fit date.
    known : {'announced', 'loaded'}
    assumptions : Assumptions
        Currency, rates of exchange, and the price of a kind of deal against a sale's.
    grant_rates : dict of str to float
        Probability of grant by :func:`grant_group`, by which the price of an application is divided.
    years : float, default 12
        Older deals are left out.

    Returns
    -------
    Evidence
    """
    snapshot = book.as_of(as_of, known=known)
    subject = prepare(snapshot, assumptions)
    table = snapshot.transactions
    rate = exchange_rate(snapshot, assumptions, table["currency"], table["date"])
    price = table["price"] * rate / assumptions.by_key("deal_kind_factor", table["kind"])
    oldest = as_of - np.timedelta64(round(years * 365.25), "D")
    usable = table["arms_length"] & (table["deal_patents"] == 1) & (price > 0) & (table["date"] >= oldest)
    rows = np.flatnonzero(usable & np.isfinite(price))
    parts = [
        _deals_after(book, day, known, assumptions, grant_rates, snapshot, price, rows[ends == day])
        for ends in [_half_year_before(table["date"][rows])]
        for day in np.unique(ends)
    ]
    parts = [part for part in parts if len(part)]
    return Evidence(snapshot, subject, _join(parts, subject))


def _half_year_before(dates: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Last 30 June or 31 December before each date."""
    month = (dates.astype("datetime64[M]").astype(np.int64) // 6) * 6
    first: npt.NDArray[np.datetime64] = month.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(first - np.timedelta64(1, "D"), "datetime64[D]")


def _deals_after(
    book: Book,
    day: np.datetime64,
    known: Known,
    assumptions: Assumptions,
    grant_rates: dict[str, float],
    today: Snapshot,
    price: Floats,
    rows: npt.NDArray[np.int64],
) -> Deals:
    """The deals of one half-year, with what was known when it began."""
    table = today.transactions
    before = book.as_of(day, known=known)
    ids = today.patent_ids[table["patent"][rows]]
    place = np.searchsorted(before.patent_ids, ids)
    place = np.minimum(place, max(len(before) - 1, 0))
    filed = before.patent_ids[place] == ids if len(before) else np.zeros(len(ids), bool)
    rows, place = rows[filed], place[filed]
    distinct, position = np.unique(place, return_inverse=True)
    known_then = prepare(before.select(distinct), assumptions, Whole.of(before))
    alive = known_then.features["alive"][position] == 1
    rows, sold = rows[alive], known_then.take(position[alive])
    default = assumptions.by_key("grant_probability", sold.jurisdiction)
    chance = grant_probability(grant_group(sold.jurisdiction, sold.right), grant_rates, default)
    pending = sold.features["pending"] == 1
    return Deals(sold, price[rows] / np.where(pending, chance, 1.0), table["date"][rows])


def _join(parts: list[Deals], subject: Subject) -> Deals:
    """All deals in the order of their dates, then of patents and prices."""
    if not parts:
        return Deals(subject.take(np.zeros(0, np.int64)), np.zeros(0), np.zeros(0, "datetime64[D]"))
    price = np.concatenate([p.price for p in parts])
    date = np.concatenate([p.date for p in parts])
    joined = Deals(Subject.concatenate([p.subject for p in parts]), price, date)
    return joined.take(np.lexsort((price, joined.subject.patent_id.astype(str), date)))
