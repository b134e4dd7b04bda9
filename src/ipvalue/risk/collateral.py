"""Patents as collateral: which secure a loan, how much may be lent on them, and how long they cover the loan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import REASONS, Reason, SchemaError
from ipvalue.records.arrow import to_arrow
from ipvalue.records.coerce import coerce
from ipvalue.records.columns import dates, flags, numbers
from ipvalue.records.schema import TABLES
from ipvalue.records.snapshot import Snapshot
from ipvalue.risk.eligibility import Facts, broken_rules, facts_of, reason_texts
from ipvalue.risk.lending import (
    Ageing,
    Allocation,
    Lending,
    aged_share,
    allocate,
    cover_lost,
    grouped_quantile,
    lending,
    rounded_cents,
)
from ipvalue.risk.origin import Origin, date_of, expect, model_value, number, origin_of, rates_of, sigma_of, text
from ipvalue.risk.policy import CollateralPolicy
from ipvalue.types import Dates, Floats, Ints, Ints16, Mask, Objects, Texts
from ipvalue.valuation import Valuation

__all__ = ["CollateralReport", "LoanPairs", "collateral", "read_loans"]

_COLUMNS = tuple(TABLES["loans"].columns.values())
_REJECT_COLUMNS = ["row", "loan_id", "patent_id", "code", "message"]


@dataclass(frozen=True)
class LoanPairs:
    """One element a pair of loan and patent, in the order of rank, then loan_id, then patent_id.

    ``loan`` is the loan's row in ``loans`` (loan_id, drawn_date, maturity_date, exposure, currency, in rank order) and
    ``patent`` the patent's row in the valuation. ``rejects`` are rejected rows: row, loan_id, patent_id, code, message.
    """

    loan_id: Objects
    patent_id: Objects
    loan: Ints
    patent: Ints
    consent: Mask
    loans: pd.DataFrame
    rejects: pd.DataFrame

    def __len__(self) -> int:
        return len(self.loan)


def read_loans(data: object, patent_ids: Objects, as_of: np.datetime64) -> LoanPairs:
    """Read loans: columns of the schema, optionally ``rank`` and ``consent``; the exposure is repeated in each row.

    ``patent_ids`` are the valuation's patents, sorted. Loans drawn after ``as_of`` are rejected.

    Raises
    ------
    SchemaError
        If it is not a table, or a required column is missing.

    Notes
    -----
    A loan's terms are those of its first patent in sorted order; a row with other terms is rejected. The smaller
    rank comes first; loans without a rank come after those with one, by drawn date (Civil Code of China (2020),
    art. 414 and 415: by time of registration), a loan not drawn yet last; loan_id breaks ties.
    """
    raw = to_arrow("loans", data)
    frame, code = _coerced(raw)
    place = np.searchsorted(patent_ids.astype(object), frame["patent_id"].fillna("").to_numpy(object))
    found = np.append(patent_ids, "")[place] == frame["patent_id"].to_numpy(object)
    code = np.where((code == 0) & ~found, Reason.UNKNOWN_PATENT, code)
    drawn, due = frame["drawn_date"].to_numpy("M8[D]"), frame["maturity_date"].to_numpy("M8[D]")
    code = np.where((code == 0) & (drawn > due), Reason.INCONSISTENT_DATES, code)
    code = np.where((code == 0) & (drawn > as_of), Reason.NOT_DRAWN, code)
    frame["patent"] = place
    good = frame[code == 0].sort_values(["loan_id", "patent_id", "row"], kind="stable")
    first = good.groupby("loan_id", sort=False)[["exposure", "currency", "drawn_date", "maturity_date", "rank"]]
    same = _same(good, first.transform("first"))
    fault = good.duplicated(["loan_id", "patent_id"]) | ~same
    code[good.loc[fault, "row"].to_numpy()] = Reason.DUPLICATE_KEY
    return _ranked(good[~fault], _rejects(frame, code))


def _coerced(raw: pa.Table) -> tuple[pd.DataFrame, Ints16]:
    """Columns by the schema's types, and the first fault of each row."""
    code = np.zeros(raw.num_rows, np.int16)
    columns: dict[str, object] = {"row": np.arange(raw.num_rows)}
    for column in _COLUMNS:
        if column.name not in raw.column_names:
            if column.required:
                raise SchemaError(f"loans: the required column {column.name!r} is missing")
            values: pa.Array | pa.ChunkedArray = pa.nulls(raw.num_rows, column.arrow_type())
        else:
            values, codes = coerce(column, raw[column.name])
            code = np.where(code == 0, codes, code).astype(np.int16)
        values = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
        if column.kind == "date":
            columns[column.name] = dates(values)
        elif column.kind in ("number", "integer"):
            columns[column.name] = numbers(values)
        elif column.kind == "flag":
            columns[column.name] = flags(values) == 1
        else:
            columns[column.name] = np.array(["" if v is None else v for v in values.to_pylist()], object)
    return pd.DataFrame(columns), code


def _same(good: pd.DataFrame, first: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row has the terms of its loan's first row."""
    mine = good[first.columns]
    return ((mine == first) | (mine.isna() & first.isna())).all(axis=1)


def _ranked(good: pd.DataFrame, rejects: pd.DataFrame) -> LoanPairs:
    order = ["rank", "drawn_date", "loan_id", "patent_id"]
    good = good.sort_values(order, kind="stable", na_position="last").reset_index(drop=True)
    loan, _ = pd.factorize(good["loan_id"])
    terms = ["loan_id", "drawn_date", "maturity_date", "exposure", "currency"]
    loans = good.drop_duplicates("loan_id")[terms].reset_index(drop=True)
    return LoanPairs(
        good["loan_id"].to_numpy(object),
        good["patent_id"].to_numpy(object),
        loan.astype(np.int64),
        good["patent"].to_numpy(np.int64),
        good["consent"].to_numpy(bool),
        loans,
        rejects,
    )


def _rejects(frame: pd.DataFrame, code: Ints16) -> pd.DataFrame:
    bad = frame[code != 0].copy()
    reasons = [Reason(int(c)) for c in code[code != 0]]
    bad["code"] = [reason.label for reason in reasons]
    bad["message"] = [REASONS[reason] for reason in reasons]
    rejects: pd.DataFrame = bad[_REJECT_COLUMNS].reset_index(drop=True)
    return rejects


_DAYS_PER_YEAR = 365.25
_FAR = 100.0  # no loan's curve is drawn further, in years


@dataclass(frozen=True, eq=False, repr=False)
class CollateralReport:
    """What patents are worth to a lender. Money is in the valuation's currency.

    Attributes
    ----------
    pairs : DataFrame
        One row a pair of loan and patent, in rank order: eligible, reasons (every rule that is broken), value (an
        expert's where there is an override), value_reason (the valuation's reason code: ``overridden`` where an
        expert set the value), model_value (what the model says), basis,
        each haircut and all together, collateral_value, sale_months, forced_sale_value, lendable, available (what
        better ranks leave of it) and allocated (what the loan takes).
    loans : DataFrame
        One row a loan, in rank order: rank, exposure, patents, eligible_patents, value (median of the sum of its
        eligible patents, which is not the sum of their medians), available, allocated, cover (available over
        exposure), ltv (exposure over value), shortfall, margin_call (cover below the policy's, or unknown: without an
        exchange rate exposure, cover and shortfall are, and ``reason`` says so), cover_lost (day on which cover falls
        below 1; NaT where it holds until maturity or is unknown), cover_lost_q05 (the same at the 5 % quantile),
        reason.
    curve : DataFrame
        One row a loan and point in time: years, date, exposure, value (median) and value_q05 of the collateral,
        lendable, cover, cover_q05, ltv.
    rejects : DataFrame
        Rejected rows of loans, with their reason.
    provenance : dict
        Policy, its hash, date, currency, and the valuation's own provenance.
    """

    pairs: pd.DataFrame
    loans: pd.DataFrame
    curve: pd.DataFrame
    rejects: pd.DataFrame
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        loans, money = self.loans, self.provenance["currency"]
        lines = [
            f"CollateralReport of {len(loans):,} loans and {len(self.pairs):,} pledges as of "
            f"{self.provenance['as_of']} in {money}",
            f"  owed {loans['exposure'].sum():,.0f}, covered {loans['allocated'].sum():,.0f}, "
            f"shortfall {loans['shortfall'].sum():,.0f}, margin calls {int(loans['margin_call'].sum()):,}",
            f"  pledges eligible {int(self.pairs['eligible'].sum()):,}, rows rejected {len(self.rejects):,}",
        ]
        unknown = int(loans["exposure"].isna().sum())
        lines += [f"  loans left out of sums, without an exchange rate {unknown:,}"] if unknown else []
        experts = int((self.pairs["value_reason"] == Reason.OVERRIDDEN.label).sum())
        lines += [f"  pledges with a value set by an expert {experts:,}"] if experts else []
        reasons = self.pairs.loc[self.pairs["reasons"] != "", "reasons"].str.split("; ").explode().value_counts()
        return "\n".join(lines + [f"  {label}: {count:,}" for label, count in reasons.items()])


def collateral(
    valuation: Valuation,
    loans: object,
    policy: CollateralPolicy | None = None,
    *,
    as_of: object | None = None,
    snapshot: Snapshot | None = None,
    rates: Mapping[str, float] | None = None,
    assumptions: Assumptions | None = None,
) -> CollateralReport:
    """Assess patents as collateral of loans.

    Parameters
    ----------
    valuation : Valuation
    loans : table
        loan_id, patent_id, drawn_date, maturity_date, exposure, currency, one row a loan and patent; optionally
        ``rank`` (1 first) and ``consent`` (the co-owners' consent is on file).
    policy : CollateralPolicy, optional
    as_of : date, optional
        Day of the report, not before the values' day; values are not aged to it.
    snapshot : Snapshot, optional
        What the values were made from; needed where they were read from a file.
    rates : mapping of str to float, optional
        Units of the valuation's currency for one unit of a currency; else the snapshot's table ``fx``.
    assumptions : Assumptions, optional
        For the ageing of values: discount rate, decline and volatility by field. By default the engine's.

    Returns
    -------
    CollateralReport

    Raises
    ------
    SchemaError
        If ``loans`` is not a table or lacks a required column.
    BookError
        If a date does not fit, or a rate is not a number above 0.

    Notes
    -----
    Overridden values count with their interval and grade; pass ``valuation.without_overrides()`` for the model's own.
    Rules: :mod:`ipvalue.risk.eligibility`. Haircuts, forced sale, ranking and ageing: :mod:`ipvalue.risk.lending`.
    Along a loan's life a better rank keeps the share of a patent that it takes now; status and grade do not change.

    Examples
    --------
    >>> import ipvalue as ipv
    >>> book = ipv.synthetic_book(400, seed=7)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2023-12-31")
    >>> report = collateral(engine.value(book.as_of("2024-12-31")), book.tables["loans"])
    >>> bool((report.loans["allocated"] <= report.loans["exposure"]).all())
    True
    """
    policy = CollateralPolicy() if policy is None else policy
    expect("valuation", valuation, Valuation)
    expect("policy", policy, CollateralPolicy)
    day, origin = date_of(valuation, as_of), origin_of(valuation, snapshot, assumptions)
    ids = np.asarray(valuation.table["patent_id"].to_numpy(zero_copy_only=False), object)
    pairs = read_loans(loans, ids, day)
    state = _State.gather(valuation, pairs, policy, origin, day, rates)
    pledge = state.lending(policy, np.zeros(len(pairs)))
    broken = state.broken(policy, pairs)
    eligible: Mask = ~np.asarray(broken.any(axis=1))
    capacity = np.zeros(len(valuation), np.int64)
    capacity[pairs.patent[eligible]] = rounded_cents(pledge.lendable[eligible])
    owed = rounded_cents(state.exposure, up=True)
    found = allocate(pairs.loan[eligible], pairs.patent[eligible], capacity, owed)
    given = Allocation(*(_spread(values, eligible) for values in found))
    share = np.where(eligible, given.available / np.maximum(capacity[pairs.patent], 1), 0.0)
    curve = _curve(state, pairs, policy, share)
    provenance = {
        "as_of": str(day),
        "currency": valuation.provenance["currency"],
        "policy": policy.name,
        "policy_version": policy.version,
        "policy_hash": policy.hash,
        "assumptions_hash": origin.assumptions.hash,
        "valuation": valuation.provenance,
    }
    table = _pairs_table(pairs, state, pledge, eligible, reason_texts(broken), given)
    return CollateralReport(
        table, _loans_table(pairs, state, policy, table, curve, day), curve.table(day), pairs.rejects, provenance
    )


@dataclass(frozen=True)
class _State:
    """Inputs of each pair's patent and of each loan, as arrays."""

    facts: Facts
    state: Texts
    grade: Texts
    reason: Texts
    model: Floats
    median: Floats
    basis: Floats
    ageing: Ageing
    exposure: Floats  # of each loan, in the valuation's currency
    exchange: Floats  # of each loan
    years: Floats  # of each loan until it is due

    @classmethod
    def gather(
        cls,
        valuation: Valuation,
        pairs: LoanPairs,
        policy: CollateralPolicy,
        origin: Origin,
        day: np.datetime64,
        rates: Mapping[str, float] | None,
    ) -> _State:
        rows = pairs.patent
        facts = facts_of(origin.snapshot, pairs.patent_id)
        median = number(valuation, "value")[rows]
        basis = median if policy.basis == "q50" else number(valuation, policy.basis)[rows]
        ageing = Ageing(
            number(valuation, "remaining_years")[rows],
            origin.assumptions.discount_rate(facts.field),
            origin.assumptions.by_field("revenue_decline", facts.field),
            origin.assumptions.by_field("development_volatility", facts.field),
            sigma_of(valuation)[rows],
        )
        loans = pairs.loans
        currency = str(valuation.provenance["currency"])
        exchange = rates_of(loans["currency"].to_numpy(object), currency, rates, origin)
        due = loans["maturity_date"].to_numpy("M8[D]")
        years = np.where(np.isnat(due), np.nan, np.maximum((due - day).astype(np.float64), 0.0) / _DAYS_PER_YEAR)
        exposure = loans["exposure"].to_numpy(np.float64) * exchange
        state, grade = text(valuation, "state")[rows], text(valuation, "grade")[rows]
        reason, model = text(valuation, "reason")[rows], model_value(valuation)[rows]
        return cls(facts, state, grade, reason, model, median, basis, ageing, exposure, exchange, years)

    def lending(self, policy: CollateralPolicy, years: Floats, share: Floats | float = 1.0) -> Lending:
        """What can be lent after some years, of a share of today's value."""
        remaining = np.maximum(self.ageing.remaining - years, 0.0)
        value, basis = self.median * share, self.basis * share
        return lending(policy, value, basis, remaining, self.grade, self.facts.right, self.facts.deals)

    def broken(self, policy: CollateralPolicy, pairs: LoanPairs) -> Mask:
        """Rules that each pair breaks."""
        _, patent = np.unique(pairs.patent, return_inverse=True)
        return broken_rules(
            policy,
            self.facts,
            state=self.state,
            value=self.median,
            remaining=self.ageing.remaining,
            grade=self.grade,
            years_owed=self.years[pairs.loan],
            own_loans=np.bincount(patent, minlength=1)[patent] if len(pairs) else patent,
            consent=pairs.consent,
            exchange=self.exchange[pairs.loan],
        )


@dataclass(frozen=True)
class _Curve:
    """Points of the loans' lives, one row a step and one column a loan."""

    names: Objects
    drawn: Mask  # points that belong to the loan
    columns: dict[str, Floats]

    def table(self, day: np.datetime64) -> pd.DataFrame:
        """One row a loan and point."""
        loan, step = np.nonzero(self.drawn.T)
        frame = pd.DataFrame({"loan_id": self.names[loan]})
        for name, values in self.columns.items():
            frame[name] = values[step, loan]
        frame.insert(2, "date", _days_on(day, frame["years"].to_numpy()))
        return frame


def _curve(state: _State, pairs: LoanPairs, policy: CollateralPolicy, share: Floats) -> _Curve:
    """Value and cover of each loan, now, after each step, and when it is due."""
    until = np.minimum(np.nan_to_num(state.years, nan=0.0), _FAR)
    step = policy.step_months / 12.0
    steps = np.ceil(until / step).astype(np.int64)
    grid = np.arange(int(steps.max(initial=0)) + 1)
    years = np.minimum(grid[:, None] * step, until[None, :])
    rows = [_point(state, pairs, policy, share, moment) for moment in years]
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    with np.errstate(all="ignore"):
        left = 1.0 - years / until if policy.repayment == "linear" else np.ones_like(years)
        owed = state.exposure * np.where(np.isfinite(left), left, 1.0)
        columns["cover"] = _ratio(columns["lendable"], owed, full=True)
        columns["cover_q05"] = columns["cover"] * np.where(
            columns["value"] > 0, columns["value_q05"] / columns["value"], 1.0
        )
        columns["ltv"] = _ratio(owed, columns["value"])
    drawn = grid[:, None] <= steps[None, :]
    return _Curve(pairs.loans["loan_id"].to_numpy(object), drawn, {"years": years, "exposure": owed} | columns)


def _point(
    state: _State, pairs: LoanPairs, policy: CollateralPolicy, share: Floats, moment: Floats
) -> dict[str, Floats]:
    """Value, its 5 % quantile and what could be lent, of each loan at one point of its life."""
    years = moment[pairs.loan]
    aged = aged_share(state.ageing, years)
    used = share > 0
    loan, n = pairs.loan[used], len(pairs.loans)
    sigma = np.sqrt(state.ageing.sigma**2 + state.ageing.volatility**2 * years)
    worth = (state.median * aged * share)[used]
    value, low = grouped_quantile(worth, sigma[used], loan, n, policy.correlation.value)
    could = (state.lending(policy, years, aged).lendable * share)[used]
    return {"value": value, "value_q05": low, "lendable": np.bincount(loan, could, n).astype(np.float64)}


def _days_on(day: np.datetime64, years: Floats) -> Dates:
    """The day some years on, NaT where they are unknown; in seconds, as pandas keeps dates."""
    days = np.rint(np.nan_to_num(years, nan=0.0) * _DAYS_PER_YEAR).astype("timedelta64[D]")
    return np.where(np.isnan(years), np.datetime64("NaT", "D"), day + days).astype("M8[s]")


def _spread(values: Ints, where: Mask) -> Ints:
    """Values of some rows, and 0 in the others."""
    result = np.zeros(len(where), np.int64)
    result[where] = values
    return result


def _ratio(over: Floats, under: Floats, *, full: bool = False) -> Floats:
    """A ratio; over 0 it is infinite (full: nothing is owed) or unknown."""
    with np.errstate(all="ignore"):
        return np.where(under > 0, over / under, np.where(under == 0, np.inf if full else np.nan, np.nan))


def _pairs_table(
    pairs: LoanPairs, state: _State, pledge: Lending, eligible: Mask, reasons: Objects, given: Allocation
) -> pd.DataFrame:
    frame = pd.DataFrame({"loan_id": pairs.loan_id, "patent_id": pairs.patent_id, "rank": pairs.loan + 1})
    frame["eligible"], frame["reasons"] = eligible, reasons
    frame["value"], frame["value_reason"] = state.median, state.reason.astype(object)
    frame["model_value"], frame["basis"] = state.model, state.basis
    for name, values in pledge._asdict().items():
        frame[name] = values
    frame["lendable"] = np.where(eligible, rounded_cents(pledge.lendable) / 100.0, 0.0)
    frame["available"], frame["allocated"] = given.available / 100.0, given.allocated / 100.0
    return frame


def _loans_table(
    pairs: LoanPairs, state: _State, policy: CollateralPolicy, table: pd.DataFrame, curve: _Curve, day: np.datetime64
) -> pd.DataFrame:
    """Sums over each loan's patents; unknown where the loan's currency has no rate."""
    n = len(pairs.loans)
    frame = pairs.loans[["loan_id", "drawn_date", "maturity_date"]].copy()
    frame.insert(1, "rank", np.arange(1, n + 1))
    frame["exposure"] = state.exposure
    frame["patents"] = np.bincount(pairs.loan, minlength=n)
    frame["eligible_patents"] = np.bincount(pairs.loan, table["eligible"], n).astype(np.int64)
    frame["value"] = curve.columns["value"][0]
    for name in ("available", "allocated"):
        frame[name] = np.rint(np.bincount(pairs.loan, table[name] * 100.0, n)) / 100.0
    frame["cover"] = _ratio(frame["available"].to_numpy(), state.exposure, full=True)
    frame["ltv"] = curve.columns["ltv"][0]
    frame["shortfall"] = np.maximum(state.exposure - frame["allocated"], 0.0)
    # an unknown cover is a margin call too
    frame["margin_call"] = ~(frame["cover"] >= policy.margin_call_cover.value)
    until = np.nan_to_num(state.years, nan=0.0)
    for name, cover in (("cover_lost", "cover"), ("cover_lost_q05", "cover_q05")):
        lost = cover_lost(curve.columns["years"], curve.columns[cover], until)
        frame[name] = _days_on(day, lost)
    frame["reason"] = np.where(np.isnan(state.exchange), "no_exchange_rate", "")
    return frame
