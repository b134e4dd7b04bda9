"""Term of protection: when a right ends by statute, with adjustment, and with extension.

Three dates are kept apart, because they become known at different times and cover different things:

- *statutory*: the basic term, from the filing (or grant) date of the table's rule;
- *adjusted*: plus the days by which an office's delay is made good (US and CN patent term adjustment), and
  cut at the date of a terminal disclaimer;
- *actual*: plus an extension for a product's approval (US and CN patent term extension, EU supplementary
  protection certificate), which is added after a disclaimer and may cover the approved product only.

An end date is the *anniversary*. In China the right ends when that day begins, elsewhere when it is over:
:func:`in_force_through` gives the last day in force.

The rules are the table ``term_rules``: one row a right and a period of filing (or grant) dates, with the
statute. A priority date never starts a term.

References
----------
35 USC 154, 156, 173; TRIPS art. 33; EPC art. 63; Regulation (EC) 469/2009; Chinese Patent Law art. 42
(2020) and rules 77-84 of its Implementing Regulations (2023); Merck v. Hi-Tech, 482 F.3d 1317 (Fed. Cir.
2007).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law._frames import date_column, number_column, require, rights_column
from ipvalue.law._tables import rows
from ipvalue.law.dates import add_months, add_years, as_dates, years_between
from ipvalue.types import Dates, Floats, Ints16, Mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Rule",
    "Term",
    "end_dates",
    "end_dates_of_table",
    "ends_at_start_of_day",
    "expiry",
    "in_force_through",
    "remaining_years",
    "rule_ids",
    "term_rules",
]


class Rule(NamedTuple):
    """One row of ``term_rules``."""

    number: int
    condition_field: str
    condition_from: np.datetime64
    condition_to: np.datetime64
    base: str
    years: int
    alternative_years: int
    adjustment_field: str
    adjustment_from: np.datetime64
    extension_cap_months: int
    disclaimer: bool
    not_health_related: bool


@cache
def term_rules() -> dict[tuple[str, str], list[Rule]]:
    """Rules that set a term, by (jurisdiction, right), in the order of the table."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for number, row in enumerate(rows("term_rules")):
        if row["combine"] not in ("single", "max"):
            continue
        rule = Rule(
            number=number,
            condition_field=row["condition_field"],
            condition_from=np.datetime64(row["condition_from"] or "0001-01-01", "D"),
            condition_to=np.datetime64(row["condition_to"] or "9999-12-31", "D"),
            base=row["base"],
            years=int(row["years"]),
            alternative_years=int(row["alternative_years"] or 0),
            adjustment_field=row["adjustment_field"],
            adjustment_from=np.datetime64(row["adjustment_from"] or "NaT", "D"),
            extension_cap_months=int(row["extension_cap_months"] or 0),
            disclaimer=row["disclaimer"] == "1",
            not_health_related=row["not_health_related"] == "1",
        )
        found.setdefault((row["jurisdiction"], row["right"]), []).append(rule)
    return found


def rule_ids() -> list[str]:
    """Names of the rows of ``term_rules``.

    Returns
    -------
    list of str
        ``rule_ids()[term.rule]`` names the rule that a term follows.

    Examples
    --------
    >>> rule_ids()[0]
    'CN-INV-1993'
    """
    return [row["rule_id"] for row in rows("term_rules")]


@cache
def ends_at_start_of_day() -> frozenset[str]:
    """Jurisdictions where a right is in force until the day before the anniversary."""
    return frozenset(
        row["jurisdiction"] for row in rows("term_rules") if row["last_day_rule"] == "day_before_anniversary"
    )


_NO_DATE = np.datetime64("NaT", "D")


class Term(NamedTuple):
    """End dates of rights, one element a right."""

    statutory: Dates
    """End of the basic term, datetime64[D]."""
    adjusted: Dates
    """With the adjustment for office delay, cut at a terminal disclaimer."""
    actual: Dates
    """With the extension for a product's approval as well."""
    rule: Ints16
    """Index into :func:`rule_ids`; -1 where no rule covers the right."""


class _Facts(NamedTuple):
    """Inputs of the patents that one pair of jurisdiction and right covers."""

    own_filing: Dates
    filing: Dates
    grant: Dates
    adjustment: Floats
    extension: Floats
    disclaimer: Dates
    health_related: Mask

    def dated(self, field: str) -> Dates:
        """Dates that a condition of the table names."""
        named = {"own_filing_date": self.own_filing, "grant_date": self.grant, "grant": self.grant}
        return named.get(field, self.filing)

    def take(self, where: Mask) -> _Facts:
        """Facts of some of the patents."""
        taken: list[Any] = [values[where] for values in self]
        return _Facts(*taken)


def _covers(rule: Rule, facts: _Facts) -> Mask:
    """Whether a rule covers each patent."""
    covered = np.ones(facts.filing.shape, dtype=bool)
    if rule.condition_field:
        dates = facts.dated(rule.condition_field)
        covered = (dates >= rule.condition_from) & (dates <= rule.condition_to)
    if rule.not_health_related:
        covered &= ~facts.health_related
    return covered


def _apply(rule: Rule, facts: _Facts) -> tuple[Dates, Dates, Dates]:
    """Statutory, adjusted and actual end under one rule."""
    statutory = add_years(facts.dated(rule.base), rule.years)
    if rule.alternative_years:
        # fmax ignores NaT: without a grant date the filing branch stands
        statutory = np.fmax(statutory, add_years(facts.grant, rule.alternative_years))
    adjusted = statutory
    if not np.isnat(rule.adjustment_from):
        eligible = facts.dated(rule.adjustment_field) >= rule.adjustment_from
        adjusted = statutory + _days(np.where(eligible, facts.adjustment, 0.0))
    if rule.disclaimer:
        adjusted = np.where(np.isnat(statutory), statutory, np.fmin(adjusted, facts.disclaimer))
    actual = adjusted
    if rule.extension_cap_months:
        actual = np.minimum(adjusted + _days(facts.extension), add_months(adjusted, rule.extension_cap_months))
    return statutory, adjusted, actual


def _days(days: Floats) -> npt.NDArray[np.timedelta64]:
    """Whole days, none where unknown or negative."""
    return np.fmax(np.nan_to_num(days, nan=0.0, posinf=0.0), 0.0).astype("timedelta64[D]")


def end_dates(
    jurisdiction: Any,
    right: Any,
    filing: Any,
    parent_filing: Any = _NO_DATE,
    grant: Any = _NO_DATE,
    adjustment_days: Any = np.nan,
    extension_days: Any = np.nan,
    disclaimer: Any = _NO_DATE,
    *,
    health_related: Any = False,
) -> Term:
    """End dates of rights under the rule of their jurisdiction, right and dates.

    Parameters
    ----------
    jurisdiction, right : array-like of str, shape (n,)
        ST.3 code; ``'invention'``, ``'utility_model'``, ``'design'``, ``'plant'`` or another
        right of the table.
    filing : array-like of dates, shape (n,)
        Own filing date, for a PCT application the international one.
    parent_filing : array-like of dates, optional
        Earliest non-provisional filing whose benefit is claimed (35 USC 120, 121, 365(c)), or the filing of
        a divisional's parent; NaT means the own filing. Never a priority date.
    grant : array-like of dates, optional
        Grant or registration date, NaT while pending.
    adjustment_days, extension_days : array-like of float, optional
        Days of adjustment for office delay and of extension for a product's approval, NaN for none.
    disclaimer : array-like of dates, optional
        Date at which a terminal disclaimer ends the term (US), NaT for none.
    health_related : array-like of bool, optional
        Brazil: subject matter of health, for which the minimum of ten years from grant was struck down.

    Returns
    -------
    Term
        Three arrays of dates and the rule's index, shape (n,). A term that counts from grant alone (old US
        and Japanese designs) is NaT while there is no grant date; where the later of two branches counts,
        the filing branch stands until then.

    Notes
    -----
    With base :math:`b` and alternative :math:`a`::

        statutory = max(b + years, a + alternative years)
        adjusted  = min(statutory + adjustment days, disclaimer)
        actual    = min(adjusted + extension days, adjusted + cap)

    Adjustments and extensions that the law does not grant to the right, or did not yet grant on its dates,
    are ignored. The caps on an extension at 14 years from approval are not checked: the days given are
    taken as granted by the office.

    References
    ----------
    See the module's docstring and the column ``source`` of ``term_rules``.

    Examples
    --------
    >>> term = end_dates(["CN", "US"], ["design", "invention"], ["2021-06-01", "2005-04-12"],
    ...                  grant=["2022-01-10", "2010-08-03"], adjustment_days=[np.nan, 300])
    >>> term.actual.astype(str).tolist()
    ['2036-06-01', '2026-02-06']
    >>> [rule_ids()[index] for index in term.rule]
    ['CN-DES-2021', 'US-UTIL-POST']
    """
    place_codes, places = codes_of(jurisdiction)
    right_codes, rights = codes_of(right)
    columns: list[Any] = list(np.broadcast_arrays(
        place_codes, right_codes, as_dates(filing), as_dates(parent_filing), as_dates(grant),
        np.asarray(adjustment_days, dtype=np.float64), np.asarray(extension_days, dtype=np.float64),
        as_dates(disclaimer), np.asarray(health_related, dtype=bool),
    ))  # fmt: skip
    place_codes, right_codes, own, parent = columns[:4]
    facts = _Facts(own, np.fmin(own, parent), *columns[4:])
    size = own.shape[0]
    statutory, adjusted, actual = (np.full(size, _NO_DATE) for _ in range(3))
    rule_index = np.full(size, -1, dtype=np.int16)
    pair_codes, pairs = joint_codes(place_codes, right_codes)
    for pair, (place, name) in enumerate(pairs.tolist()):
        for rule in term_rules().get((places[place], rights[name]), []):
            covered = pair_codes == pair
            covered[covered] = _covers(rule, facts.take(covered))
            rule_index[covered] = rule.number
            statutory[covered], adjusted[covered], actual[covered] = _apply(rule, facts.take(covered))
    return Term(statutory, adjusted, actual, rule_index)


def in_force_through(end: Any, jurisdiction: Any) -> Dates:
    """Last day on which a right is in force.

    Parameters
    ----------
    end : array-like of dates, shape (n,)
        End of the term, the anniversary.
    jurisdiction : array-like of str, shape (n,)
        ST.3 code.

    Returns
    -------
    datetime64[D] array, shape (n,)
        The day before the anniversary in China, the anniversary elsewhere.

    References
    ----------
    CNIPA, Guidelines for Patent Examination, part V chapter 9, example 1999-09-06.

    Examples
    --------
    >>> in_force_through(["2009-09-06", "2009-09-06"], ["CN", "US"]).astype(str).tolist()
    ['2009-09-05', '2009-09-06']
    """
    codes, names = codes_of(jurisdiction)
    early = np.array([name in ends_at_start_of_day() for name in names])[codes]
    days = as_dates(end)
    early, days = np.broadcast_arrays(early, days)
    return np.where(early, days - np.timedelta64(1, "D"), days)


def remaining_years(end: Any, as_of: Any) -> Floats:
    """Years of 365.25 days left until the end of a term.

    Parameters
    ----------
    end : array-like of dates
        End of the term.
    as_of : array-like of dates
        Valuation date; broadcasts.

    Returns
    -------
    float64 array
        Years, 0 once the end has passed, NaN where the end is unknown.

    Examples
    --------
    >>> remaining_years(["2028-01-01", "2020-01-01", "NaT"], "2024-01-01").tolist()
    [4.0, 0.0, nan]
    """
    return np.maximum(years_between(as_dates(as_of), as_dates(end)), 0.0)


def end_dates_of_table(patents: pd.DataFrame, adjustment_days: Any = np.nan) -> Term:
    """End dates of the rights of a patents table, as arrays; see :func:`expiry`.

    Parameters
    ----------
    patents : DataFrame
        As for :func:`expiry`.
    adjustment_days : array-like of float, optional
        Days of adjustment known from elsewhere, used where the table states none.

    Returns
    -------
    Term
        Arrays in the order of the rows.

    Raises
    ------
    SchemaError
        If a required column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"jurisdiction": ["CN"], "application_date": ["2010-03-15"]})
    >>> str(end_dates_of_table(table).actual[0])
    '2030-03-15'
    """
    require(patents, "jurisdiction", "application_date")
    stated = number_column(patents, "term_adjustment_days")
    return end_dates(
        patents["jurisdiction"],
        rights_column(patents),
        date_column(patents, "application_date"),
        date_column(patents, "parent_filing_date"),
        date_column(patents, "grant_date"),
        np.where(np.isnan(stated), adjustment_days, stated),
        number_column(patents, "term_extension_days"),
        date_column(patents, "disclaimer_date"),
    )


def expiry(patents: pd.DataFrame) -> pd.DataFrame:
    """End dates of the rights of a patents table, and the rule used.

    Parameters
    ----------
    patents : DataFrame
        Columns jurisdiction and application_date; optional right, kind, grant_date, parent_filing_date,
        term_adjustment_days, term_extension_days, disclaimer_date. Without a right, the kind code tells it;
        without either, the right is taken as an invention.

    Returns
    -------
    DataFrame
        Index of ``patents``; columns statutory, adjusted, actual (dates) and rule (name of the rule, empty
        where none covers the right).

    Raises
    ------
    SchemaError
        If a required column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> expiry(pd.DataFrame({"jurisdiction": ["CN"], "application_date": ["2010-03-15"]}))
       statutory   adjusted     actual         rule
    0 2030-03-15 2030-03-15 2030-03-15  CN-INV-1993
    """
    import pandas as pd

    term = end_dates_of_table(patents)
    names = np.array([*rule_ids(), ""], dtype=object)
    ends = {name: getattr(term, name).astype("datetime64[s]") for name in ("statutory", "adjusted", "actual")}
    return pd.DataFrame({**ends, "rule": names[term.rule]}, index=patents.index)
