"""Renewals foretold: a renewal model fitted as of a day, judged by what owners decided afterwards.

A score on real data where no price is known. The model learns renewals known on the cut; each right that was then
still kept is judged by what became of it until a later day. Nothing known after the cut is learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipvalue.assumptions.sets import Assumptions
from ipvalue.errors import BookError
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.renewal_history import Histories, Thresholds, histories
from ipvalue.evidence.subject import Deals, Evidence
from ipvalue.finance.renewal_fit import interval_log_likelihood
from ipvalue.methods.base import State
from ipvalue.methods.renewal_option import RenewalOption
from ipvalue.records.book import Book, Known, parse_date
from ipvalue.types import Floats, Ints

__all__ = ["RenewalScore", "renewal_score"]


@dataclass(frozen=True)
class RenewalScore:
    """How well renewals after a day were foretold.

    Attributes
    ----------
    learnt : int
        Histories that the model was fitted to.
    rights : int
        Rights judged: kept by all that was known on the cut, and with a decision known since.
    let_go, expected : float
        Share of these that were let go at the next fee after the cut, and the share that the model foretold.
    log_likelihood, age_only : float
        Sum of the log-probabilities of what happened, by the model and by the share let go at each age.
    gain, gain_error : float
        Mean difference of the two a right, and its standard error over rights.
    """

    learnt: int
    rights: int
    let_go: float
    expected: float
    log_likelihood: float
    age_only: float
    gain: float
    gain_error: float


def renewal_score(
    book: Book,
    *,
    cut: object,
    until: object,
    method: RenewalOption | None = None,
    assumptions: Assumptions | None = None,
    known: Known = "announced",
) -> RenewalScore:
    """Fit a renewal model as of a day and judge it by the renewals known later.

    Parameters
    ----------
    book : Book
    cut : date-like
        Day of the fit.
    until : date-like
        Day until which decisions are judged.
    method : RenewalOption, optional
    assumptions : Assumptions, optional
        By default ``Assumptions.default("US")``.
    known : {'announced', 'loaded'}

    Returns
    -------
    RenewalScore

    Raises
    ------
    BookError
        If ``until`` does not lie after ``cut``, the model can't be fitted, or no right has a later decision.

    Notes
    -----
    The score of a right is ln P(kept or let go as seen by ``until`` | kept as seen by ``cut``), by the parameters,
    features and fees known on the cut. By age only, a right is let go at a fee with the share let go at the fee of
    that age before the cut, ``(let go + 1/2) / (decided + 1)``, and where none had been decided on, with that of the
    nearest earlier age.

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102 (logarithmic score); Schankerman and Pakes
    (1986), Economic Journal 96.
    """
    first, last = parse_date(cut), parse_date(until)
    if last <= first:
        raise BookError(f"until={last} must lie after cut={first}")
    method = RenewalOption() if method is None else method
    assumptions = Assumptions.default("US") if assumptions is None else assumptions
    before, after = (_evidence(book, day, known, assumptions) for day in (first, last))
    state = method.fit(before, assumptions)
    if not state.numbers:
        raise BookError(f"the book holds too few renewals known on {first} to fit the renewal model")
    seen = histories(before.snapshot, before.subject)
    start, end = _undecided(before, seen, after)
    if not len(start.row):
        raise BookError(f"no right that was kept on {first} has a decision known by {last}")
    model = _conditional(method, before, state, assumptions, start, end)
    naive = _age_only(seen, start.years, end)
    following = _next_fee(start)
    stays = _conditional(
        method, before, state, assumptions, start, end._replace(years=following + 1, lapsed=np.zeros(len(naive), bool))
    )
    gain = model - naive
    return RenewalScore(
        learnt=len(seen.row),
        rights=len(gain),
        let_go=float((end.lapsed & (end.years <= following)).mean()),
        expected=float(1.0 - np.exp(stays).mean()),
        log_likelihood=float(model.sum()),
        age_only=float(naive.sum()),
        gain=float(gain.mean()),
        gain_error=float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.nan,
    )


def _evidence(book: Book, day: np.datetime64, known: Known, assumptions: Assumptions) -> Evidence:
    """What was known on a day, without deals: a renewal model reads none."""
    snapshot = book.as_of(day, known=known)
    subject = prepare(snapshot, assumptions)
    nothing = np.zeros(0, np.int64)
    return Evidence(snapshot, subject, Deals(subject.take(nothing), np.zeros(0), np.zeros(0, "datetime64[D]")))


def _undecided(before: Evidence, seen: Histories, after: Evidence) -> tuple[Histories, Histories]:
    """Rights kept on the cut of which more is known later: their histories then and later, with the fees of then."""
    later = histories(after.snapshot, after.subject)
    place = np.full(len(after.subject), -1)
    place[later.row] = np.arange(len(later.row))
    # a book's patents stand in one order, and those filed by the cut are filed later too
    found = place[np.searchsorted(after.snapshot.patent_ids, before.snapshot.patent_ids[seen.row])]
    years = np.where(found >= 0, later.years[found], -1)
    gone = (found >= 0) & later.lapsed[found]
    # a right that is later seen as let go before the cut (a correction) tells of no later decision
    news = ~seen.lapsed & ((years > seen.years) | (gone & (years == seen.years)))
    start = seen.take(news)
    return start, start._replace(years=years[news], lapsed=gone[news])


def _conditional(
    method: RenewalOption, before: Evidence, state: State, assumptions: Assumptions, start: Histories, end: Histories
) -> Floats:
    """Log-probability of each later history, given the earlier one."""
    subject = before.subject.take(start.row)
    mu = method.estimate(subject, state, assumptions).details["log_return"]
    thresholds = Thresholds(start.fees, assumptions.discount_rate(subject.field))
    sigma, decay = state.numbers["sigma"], state.numbers["decay"]
    scores = [
        interval_log_likelihood(thresholds.bounds(decay, known.years, known.lapsed), mu, sigma)
        for known in (end, start)
    ]
    return scores[0] - scores[1]


def _next_fee(known: Histories) -> Ints:
    """Year since grant of the first fee after what was paid."""
    ahead = np.arange(known.fees.shape[1]) >= known.years[:, None]
    return np.asarray((ahead & (known.fees > 0)).argmax(axis=1), np.int64)


def _age_only(seen: Histories, paid: Ints, end: Histories) -> Floats:
    """Log-probability of each later history by the share let go at each age before the cut."""
    total, hazard = np.zeros(len(end.row)), 0.5
    for year in range(end.fees.shape[1]):
        stop = seen.lapsed & (seen.years == year)
        decided = (stop | (seen.years > year)) & (seen.fees[:, year] > 0)
        if decided.any():
            hazard = float((stop.sum() + 0.5) / (decided.sum() + 1.0))
        asked = (year >= paid) & (end.fees[:, year] > 0)
        total += np.where(asked & (end.years > year), np.log1p(-hazard), 0.0)
        total += np.where(asked & end.lapsed & (end.years == year), np.log(hazard), 0.0)
    return total
