"""Subjects with features and amounts of money, and the priced deals that methods learn from.

A deal's features are those known at the last end of a half-year before the deal, so that later knowledge never explains
a price. Nothing known after the fit date is read.
"""

from __future__ import annotations

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.evidence.currency import exchange_rate, price_trend
from ipvalue.evidence.grant_probability import grant_group, grant_probability
from ipvalue.evidence.risk_free_rates import curve_columns
from ipvalue.evidence.subject import Deals, Evidence, PackageDeals, Subject
from ipvalue.features import Features, features_of
from ipvalue.features.base import families
from ipvalue.law.fees import calendar
from ipvalue.records.book import Book, Known
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats, Ints, Texts

__all__ = ["gather", "money_of", "prepare"]

_OLDEST_DEAL = 12.0  # years
_MONEY = ("revenue", "cost_to_develop", "historical_cost")
_AS_GIVEN = ("revenue_life", "success_probability", "industry")


def prepare(snapshot: Snapshot, assumptions: Assumptions, features: Features | None = None) -> Subject:
    """Collect the inputs of all methods from a snapshot.

    Parameters
    ----------
    assumptions : Assumptions
        For the money of the subject: its currency and rates.
    features : Features, optional
        Those of the snapshot where they are known already.
    """
    patents = snapshot.patents
    office, right = patents["jurisdiction"], patents["right"]
    return Subject(
        snapshot.patent_ids,
        office,
        right,
        snapshot.field,
        features_of(snapshot) if features is None else features,
        money_of(snapshot, assumptions, snapshot.economics, office, right),
        {
            "as_of": np.full(len(snapshot), snapshot.date),
            "filing": patents["application_date"],
            "grant": patents["grant_date"],
        },
    )


def money_of(market: Snapshot, assumptions: Assumptions, rows: Columns, office: Texts, right: Texts) -> Columns:
    """Amounts of a subject from ``economics``, in the assumptions' currency.

    Parameters
    ----------
    market : Snapshot
        Its exchange rates, price levels and yield curves, and its date.
    rows : dict of str to ndarray, each of shape (n,)
        As :attr:`ipvalue.Snapshot.economics`.
    office, right : ndarray of str, shape (n,)
        From which the currency of the renewal fees follows.
    """
    rate = exchange_rate(market, assumptions, rows["currency"])
    money = (
        {"exchange_rate": rate}
        | {name: rows[name] * rate for name in _MONEY}
        | {name: rows[name] for name in _AS_GIVEN}
    )
    money["price_trend"] = price_trend(market, assumptions, rows["currency"], rows["date"])
    money["fee_rate"] = _fee_rate(market, assumptions, office, right)
    return money | curve_columns(market, assumptions, len(office))


def _fee_rate(market: Snapshot, assumptions: Assumptions, office: Texts, right: Texts) -> Floats:
    """Exchange rate of the currency of each right's renewal fees; NaN without a schedule."""
    if not len(office):
        return np.zeros(0)
    kinds, place = np.unique(np.char.add(np.char.add(office, "/"), right), return_inverse=True)
    names = np.char.partition(kinds, "/")
    nowhen = np.full(len(kinds), np.datetime64("NaT", "D"))
    currency = calendar(names[:, 0], names[:, 2], nowhen, nowhen).currency
    rate = np.where(currency == "", np.nan, exchange_rate(market, assumptions, currency))
    return np.asarray(rate[place], np.float64)


def gather(book: Book, snapshot: Snapshot, assumptions: Assumptions, grant_rates: dict[str, float]) -> Evidence:
    """Collect the evidence known on the fit date: the subject, and the priced deals until then.

    Parameters
    ----------
    snapshot : Snapshot
        Of the book, on the fit date.
    assumptions : Assumptions
        Currency, exchange rates, and the price of a kind of deal against a sale's.
    grant_rates : dict of str to float
        Probability of grant by :func:`grant_group`, by which the price of an application is divided.

    Notes
    -----
    Deals older than 12 years are left out. Only arm's-length prices are used. An amount that is not the price of a deal
    (a stock market reaction to a grant, an appraisal, a book value) does not belong into ``transactions``.
    """
    as_of, known = snapshot.date, snapshot.known
    subject = prepare(snapshot, assumptions)
    table = snapshot.transactions
    rate = exchange_rate(snapshot, assumptions, table["currency"], table["date"])
    price = table["price"] * rate / assumptions.by_key("deal_kind_factor", table["kind"])
    oldest = as_of - np.timedelta64(round(_OLDEST_DEAL * 365.25), "D")
    usable = table["arms_length"] & (price > 0) & np.isfinite(price) & (table["date"] >= oldest)
    rows = np.flatnonzero(usable & (table["deal_patents"] >= 1))
    if not len(rows):
        none = np.zeros(0)
        return Evidence(snapshot, subject, Deals(subject.take(rows), none, none.astype("datetime64[D]")))
    ends = _half_year_before(table["date"][rows])
    parts = [_sold_after(book, day, known, assumptions, snapshot, rows[ends == day]) for day in np.unique(ends)]
    known_rows = np.concatenate([part[0] for part in parts])
    sold = Subject.concatenate([part[1] for part in parts])
    chance = _chance(sold, assumptions, grant_rates)
    alone = table["deal_patents"][known_rows] == 1
    deals = _deals(sold.take(alone), price[known_rows[alone]] / chance[alone], table["date"][known_rows[alone]])
    together = np.flatnonzero(~alone)
    packages = _packages(sold.take(together), chance[together], known_rows[together], price, table)
    return Evidence(snapshot, subject, deals, packages)


def _half_year_before(dates: Dates) -> Dates:
    """Last 30 June or 31 December before each date."""
    month = (dates.astype("datetime64[M]").astype(np.int64) // 6) * 6
    first: Dates = month.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(first - np.timedelta64(1, "D"), "datetime64[D]")


def _sold_after(
    book: Book, day: np.datetime64, known: Known, assumptions: Assumptions, today: Snapshot, rows: Ints
) -> tuple[Ints, Subject]:
    """Sales within one half-year of rights that were alive when it began, with what was known of them then."""
    before = book.as_of(day, known=known)
    ids = today.patent_ids[today.transactions["patent"][rows]]
    place = np.searchsorted(before.patent_ids, ids)
    place = np.minimum(place, max(len(before) - 1, 0))
    filed = before.patent_ids[place] == ids if len(before) else np.zeros(len(ids), bool)
    rows, place = rows[filed], place[filed]
    distinct, position = np.unique(place, return_inverse=True)
    chosen = before.select(distinct)
    # cached: several engines, or one engine on several dates, need the same patents at the same ends of half-years
    key = ("features", *families(), str(day), known, *chosen.patent_ids)
    known_then = prepare(chosen, assumptions, book.derive(key, lambda: features_of(chosen)))
    alive = known_then.features["alive"][position] == 1
    return rows[alive], known_then.take(position[alive])


def _chance(sold: Subject, assumptions: Assumptions, grant_rates: dict[str, float]) -> Floats:
    """Probability of grant of each application that was sold; 1 of a granted right."""
    default = assumptions.by_key("grant_probability", sold.jurisdiction)
    chance = grant_probability(grant_group(sold.jurisdiction, sold.right), grant_rates, default)
    return np.where(sold.features["pending"] == 1, chance, 1.0)


def _deals(sold: Subject, price: Floats, date: Dates) -> Deals:
    """Deals in the order of their dates, then of patents and prices."""
    return Deals(sold, price, date).take(np.lexsort((price, sold.patent_id.astype(str), date)))


def _packages(sold: Subject, chance: Floats, rows: Ints, price: Floats, table: Columns) -> PackageDeals:
    """Deals of several patents, all of them known and sold for one price, in the order of dates and patents.

    A deal of which a patent is not in the book, was dead or not yet filed, or whose rows contradict each other on
    date or price is left out, since the missing patents' share of the price is unknown.
    """
    if not len(rows):
        return PackageDeals(sold, np.zeros(0), np.zeros(0, "datetime64[D]"), np.zeros(0, np.int64), chance)
    name, date, paid = sold.patent_id.astype(str), table["date"][rows], price[rows]
    order = np.lexsort((name, table["deal"][rows]))
    _, first, inverse, count = np.unique(
        table["deal"][rows][order], return_index=True, return_inverse=True, return_counts=True
    )
    leader = order[first[inverse]]  # the first patent, by name, of the deal of each row
    agrees = (date[order] == date[leader]) & (paid[order] == paid[leader])
    agrees &= table["deal_patents"][rows][order] == count[inverse]
    full = np.flatnonzero((np.bincount(inverse, weights=agrees) == count)[inverse])
    # by date, then by the deal's first patent: the hash of deal_id would be an arbitrary order
    full = full[np.lexsort((name[order][full], inverse[full], name[leader][full], date[order][full]))]
    rows, number = order[full], np.cumsum(np.append(0, np.diff(inverse[full]) != 0)[: len(full)])
    return PackageDeals(sold.take(rows), paid[rows], date[rows], number.astype(np.int64), chance[rows])
