"""Exceptions, and the one catalogue of reason codes.

A *reason code* states why a row was refused, why a method could not value a patent, or why a
value is what it is (a dead right is worth 0). Codes travel as small integers beside the numbers
(``Reason`` is an ``IntEnum``) and are shown by name; :data:`REASONS` explains each to a person.

Examples
--------
>>> from ipvalue.errors import Reason, explain_reason
>>> Reason.NO_REVENUE.label
'no_revenue'
>>> print(explain_reason("no_revenue"))
no expected revenue is known for the patent: load it in economics.revenue
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "REASONS",
    "ArtifactError",
    "AssumptionError",
    "BatchError",
    "BookError",
    "IpvalueError",
    "MissingExtraError",
    "NotFittedError",
    "OverrideError",
    "Reason",
    "SchemaError",
    "SourceError",
    "explain_reason",
    "reason_labels",
    "require",
]


class IpvalueError(Exception):
    """Base class of all exceptions that ipvalue raises.

    There is one exception to this: a field of a parameter object (a method, ``Override``, ``CollateralPolicy``,
    ``Scenario``) that is out of bounds raises ``pydantic.ValidationError``, a ``ValueError``, where it is made.
    """


class SchemaError(IpvalueError, ValueError):
    """A table lacks a required column, has an unknown name, or can't be read as a table."""


class BookError(IpvalueError, ValueError):
    """A book, or a call on it, is unusable: nothing valid in it, an unknown patent, a bad date."""


class SourceError(IpvalueError, ValueError):
    """A file of a public format can't be read as that format."""


class AssumptionError(IpvalueError, ValueError):
    """An assumption set is incomplete or out of bounds."""


class OverrideError(IpvalueError, ValueError):
    """A set of overrides can't be read, or an override in it can't be applied."""


class NotFittedError(IpvalueError, RuntimeError):
    """An engine or a method was used before it was fitted."""


class ArtifactError(IpvalueError, RuntimeError):
    """A saved engine or dataset is damaged, or differs from its manifest."""


class BatchError(IpvalueError, RuntimeError):
    """A batch can't start, resume or finish."""


class MissingExtraError(IpvalueError, ImportError):
    """An optional part is not installed; the message names what to install."""


class Reason(IntEnum):
    """Why a row was refused or a value is missing, zero or qualified. 0 means no reason."""

    OK = 0
    # rows of a table (1-29)
    MISSING = 1
    BAD_TYPE = 2
    BAD_DATE = 3
    OUT_OF_RANGE = 4
    NOT_FINITE = 5
    BAD_CODE = 6
    TOO_LONG = 7
    DUPLICATE_KEY = 8
    UNKNOWN_PATENT = 9
    INCONSISTENT_DATES = 10
    UNREADABLE = 11
    WITHDRAWN_DOCUMENT = 12
    # patents: the right itself (30-49)
    DEAD_RIGHT = 30
    NO_TERM_RULE = 31
    TERM_OVER = 32
    STATUS_UNKNOWN = 33
    PCT_APPLICATION = 34
    # patents: a method's inputs (50-99)
    NO_REVENUE = 50
    NO_ROYALTY_RATE = 51
    NO_TECHNOLOGY = 52
    NO_COMPARABLE = 53
    NO_FEE_SCHEDULE = 54
    NO_EXCHANGE_RATE = 55
    NO_RENEWAL_MODEL = 56
    NOT_APPLICABLE = 57
    NO_DISCOUNT_RATE = 58
    TOO_FEW_DEALS = 59
    FAILED_NUMERICALLY = 60
    NO_METHOD_APPLIED = 61
    NO_FUTURE_INCOME = 62
    NO_MARGIN = 70
    NO_EXCESS_INCOME = 71
    NO_INDICATORS = 72
    NO_COST = 63
    # pledges: why a patent does not secure a loan (100-119)
    NOT_IN_FORCE = 100
    LIFE_TOO_SHORT = 101
    PLEDGED_ELSEWHERE = 102
    SEIZED = 103
    OWNERSHIP_DISPUTED = 104
    UNDER_CHALLENGE = 105
    NO_CONSENT = 106
    FEE_OVERDUE = 107
    NO_VALUE = 108
    GRADE_TOO_LOW = 109
    RIGHT_NOT_ACCEPTED = 110
    NO_MATURITY = 111
    NOT_CHECKED = 112
    NOT_DRAWN = 113
    # experts' overrides: applied, or why not (120-139)
    OVERRIDDEN = 120
    OVERRIDE_EXPIRED = 121
    OVERRIDE_NOT_YET_MADE = 122
    OVERRIDE_WITHDRAWN = 123
    OVERRIDE_OVERLAPS = 124
    OVERRIDE_UNJUSTIFIED = 125
    OVERRIDE_NOT_FOUR_EYES = 126
    OVERRIDE_AMBIGUOUS = 127
    OVERRIDE_BAD_INTERVAL = 128
    OVERRIDE_OTHER_CURRENCY = 129
    OVERRIDE_NO_INTERVAL = 130
    OVERRIDE_NO_MODEL_VALUE = 131

    @property
    def label(self) -> str:
        """The name as tables show it: lower case."""
        return self.name.lower()


REASONS: dict[Reason, str] = {
    Reason.OK: "no reason",
    Reason.MISSING: "a required value is missing",
    Reason.BAD_TYPE: "the value can't be read as the column's type",
    Reason.BAD_DATE: "the value is not a date (ISO form YYYY-MM-DD is expected)",
    Reason.OUT_OF_RANGE: "the value lies outside the column's range",
    Reason.NOT_FINITE: "the value is infinite or not a number where a number is required",
    Reason.BAD_CODE: "the value is not one of the column's codes",
    Reason.TOO_LONG: "the text is longer than the column allows",
    Reason.DUPLICATE_KEY: "another row has the same key and other values; only the first in sorted order is valid",
    Reason.UNKNOWN_PATENT: "the row belongs to a patent that the patents table does not hold",
    Reason.INCONSISTENT_DATES: "the row's dates contradict each other",
    Reason.UNREADABLE: "a document of a source file can't be read",
    Reason.WITHDRAWN_DOCUMENT: "the office withdrew the document after it was issued",
    Reason.DEAD_RIGHT: "the right is dead (lapsed, expired, given up, revoked, refused, withdrawn): worth 0",
    Reason.NO_TERM_RULE: "no rule of law.term covers this jurisdiction and right",
    Reason.TERM_OVER: "the term ends on or before the valuation date",
    Reason.STATUS_UNKNOWN: "the legal status follows neither from an event nor from a date",
    Reason.PCT_APPLICATION: "an international application is not a right: value its national phases",
    Reason.NO_REVENUE: "no expected revenue is known for the patent: load it in economics.revenue",
    Reason.NO_ROYALTY_RATE: "no royalty rate is known for the patent's technology field",
    Reason.NO_TECHNOLOGY: "no IPC symbol is known, so the technology field is unknown",
    Reason.NO_COMPARABLE: "no comparable arm's-length deal with a price for the patent is known",
    Reason.NO_FEE_SCHEDULE: "no renewal-fee schedule covers this jurisdiction and right",
    Reason.NO_EXCHANGE_RATE: "no exchange rate is known for the currency on or before the date",
    Reason.NO_RENEWAL_MODEL: "the book holds too few renewal decisions to fit the renewal model",
    Reason.NOT_APPLICABLE: "this kind of document or right can't be valued here",
    Reason.NO_DISCOUNT_RATE: "no discount rate is assumed for the jurisdiction",
    Reason.TOO_FEW_DEALS: "the book holds too few arm's-length deals to learn from",
    Reason.FAILED_NUMERICALLY: "the computation gave no finite value, or quantiles out of order; report it as a defect",
    Reason.NO_FUTURE_INCOME: "no income is expected after the valuation date, or success is given up",
    Reason.NO_MARGIN: "no operating margin is known for the patent's revenue: load it in economics.margin",
    Reason.NO_EXCESS_INCOME: "the margin leaves nothing beyond what other assets or a generic product earn",
    Reason.NO_INDICATORS: "too few of the scorecard's indicators are known",
    Reason.NO_COST: "no cost above 0 is known for the patent: load economics.historical_cost or cost_to_develop",
    Reason.NOT_IN_FORCE: "the right is not granted and in force: no pledge of it can be registered",
    Reason.LIFE_TOO_SHORT: "the remaining life is shorter than the loan's remaining term and the policy's margin",
    Reason.PLEDGED_ELSEWHERE: "more pledges are registered than the bank's own loans account for",
    Reason.SEIZED: "a court has seized the right",
    Reason.OWNERSHIP_DISPUTED: "the procedure is suspended, as in a dispute over ownership",
    Reason.UNDER_CHALLENGE: "an opposition, invalidation or review is pending",
    Reason.NO_CONSENT: "the right has several owners and their consent is not on file: set loans.consent",
    Reason.FEE_OVERDUE: "a renewal fee is overdue",
    Reason.NO_VALUE: "there is no value above 0: see the valuation's reason",
    Reason.GRADE_TOO_LOW: "the value's grade is worse than the policy accepts",
    Reason.RIGHT_NOT_ACCEPTED: "the policy lends nothing against this kind of right",
    Reason.NO_MATURITY: "the loan's maturity date is not known",
    Reason.NOT_CHECKED: "the register was not at hand (values read from a file): give the snapshot",
    Reason.NOT_DRAWN: "the loan is drawn after the date of the report",
    Reason.OVERRIDDEN: "an expert set the value: see override_reason; the model's own value is in model_value",
    Reason.OVERRIDE_EXPIRED: "the override expires on or before the valuation date: renew it or use the model's value",
    Reason.OVERRIDE_NOT_YET_MADE: "the override was made after the valuation date",
    Reason.OVERRIDE_WITHDRAWN: "the override was withdrawn on or before the valuation date",
    Reason.OVERRIDE_OVERLAPS: "two overrides of the patent hold on one day: withdraw or shorten one",
    Reason.OVERRIDE_UNJUSTIFIED: "the reason cannot be checked by others: state what the model does not know",
    Reason.OVERRIDE_NOT_FOUR_EYES: "the approver is the author: a second person approves",
    Reason.OVERRIDE_AMBIGUOUS: "an override has either a value with its currency or a factor, which has no currency",
    Reason.OVERRIDE_BAD_INTERVAL: "low and high belong to a value above 0, and 0 < low <= value <= high",
    Reason.OVERRIDE_OTHER_CURRENCY: "the override is in another currency than the values: restate it in theirs",
    Reason.OVERRIDE_NO_INTERVAL: "the model has no interval that could be moved to the new value: give low and high",
    Reason.OVERRIDE_NO_MODEL_VALUE: "the model has no value that a factor could multiply: give a value",
    Reason.NO_METHOD_APPLIED: "no method of the engine could value the patent: see each method's reason",
}


def require(value: object, kind: type | tuple[type, ...], name: str, instead: str) -> None:
    """Refuse an argument of the wrong type, with an example of a valid one.

    Raises
    ------
    IpvalueError

    Examples
    --------
    >>> require("2024-12-31", float, "rate", "0.05")
    Traceback (most recent call last):
        ...
    ipvalue.errors.IpvalueError: rate is a str, '2024-12-31', and a float is needed: give one as 0.05
    """
    if not isinstance(value, kind):
        shown = repr(value).replace("\n", " ")
        shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(each.__name__ for each in kinds if each is not type(None))
        raise IpvalueError(
            f"{name} is a {type(value).__name__}, {shown}, and a {wanted} is needed: give one as {instead}"
        )


def explain_reason(label: str) -> str:
    """Explain a reason code to a person.

    Parameters
    ----------
    label : str
        A code as shown in a table, such as ``'no_revenue'``.

    Returns
    -------
    str
        One sentence: what it means and, where something can be done, what to do.

    Raises
    ------
    KeyError
        If there is no such code.

    Examples
    --------
    >>> explain_reason("pct_application")
    'an international application is not a right: value its national phases'
    """
    return REASONS[Reason[label.upper()]]


def reason_labels() -> list[str]:
    """Labels by code number, with an empty string where no code has the number.

    Returns
    -------
    list of str
        ``labels[code]`` is the label; ``labels[0]`` is the empty string, so that tables stay quiet.

    Examples
    --------
    >>> reason_labels()[50]
    'no_revenue'
    """
    labels = [""] * (max(Reason) + 1)
    for reason in Reason:
        labels[reason] = "" if reason is Reason.OK else reason.label
    return labels
