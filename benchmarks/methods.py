"""Time of each method on a large book, and the inner computations against their peers, in one run.

    python -m benchmarks.methods [patents]

Peers (QuantLib, scikit-learn, intangible-valuation) are measured where they are installed, and left out elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import ipvalue as ipv
from benchmarks.report import publish
from ipvalue.evidence.prices import prepare
from ipvalue.evidence.remaining_life import life_factor
from ipvalue.evidence.subject import Subject
from ipvalue.finance.discounting import present_value
from ipvalue.finance.options import american
from ipvalue.finance.tax import amortisation_factor
from ipvalue.methods.base import available
from ipvalue.methods.boosting import lightgbm_module
from ipvalue.methods.boosting_inputs import design

DAY = "2024-12-31"


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Median wall time."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def side_by_side(*works: Callable[[], object], times: int = 7) -> list[float]:
    """Median processor time of each, measured in turns: small differences must outlast what else the machine does."""
    found = []
    for _ in range(times):
        row = []
        for work in works:
            started = time.process_time()
            work()
            row.append(time.process_time() - started)
        found.append(row)
    return np.median(found, axis=0).tolist()


def main(patents: int = 400_000) -> None:
    teacher = ipv.synthetic_book(20_000, seed=8, until=DAY)
    methods = [kind() for kind in available().values()]
    engine = ipv.ValuationEngine(methods).fit(teacher, as_of=DAY)
    book = ipv.synthetic_book(patents, seed=7, until=DAY)
    subject = prepare(book.as_of(DAY), engine.assumptions)
    rows = []
    for method in methods:
        state = engine.fitted.states[method.name]
        seconds = timed(lambda m=method, s=state: m.estimate(subject, s, engine.assumptions), 2)
        reason = method.estimate(subject, state, engine.assumptions).reason
        rows.append((method.name, method.approach, f"{seconds:.2f} s", f"{int((reason == 0).sum()):,}"))
    table = pd.DataFrame(rows, columns=["method", "approach", "time", "patents that it values"])
    notes = f"{patents:,} patents, one process; fitted on 20,000. The features are computed before."
    publish("Methods", f"python -m benchmarks.methods {patents}", table, notes)
    compared = [*boosting(engine, subject), *royalty(), *options(), *neighbours(engine, subject)]
    table = pd.DataFrame(compared, columns=["what", "ours", "peer", "peer over ours", "peer is"])
    publish("Methods against peers", f"python -m benchmarks.methods {patents}", table)


Row = tuple[str, str, str, str, str]


def row(what: str, mine: float, other: float, peer: str) -> Row:
    return what, f"{mine:.3f} s", f"{other:.2f} s", f"{other / mine:,.1f}", peer


def boosting(engine: ipv.ValuationEngine, subject: Subject) -> list[Row]:
    """The method against LightGBM's bare predict of its three models on a ready matrix."""
    state, assumptions = engine.fitted.states["gradient_boosting"], engine.assumptions
    method = ipv.GradientBoosting()
    boosters = [lightgbm_module().Booster(model_str=text) for text in state.texts.values()]
    rows = []
    living = subject.take(life_factor(subject, assumptions) > 0)
    for what, some in (("all patents", subject), ("patents with remaining income only", living)):
        matrix = design(some, assumptions)
        bare, mine = side_by_side(
            lambda m=matrix: [b.predict(m, num_threads=1) for b in boosters],
            lambda s=some: method.estimate(s, state, assumptions),
        )
        what = f"gradient boosting, {what} ({mine / bare - 1:+.1%} over the peer)"
        rows.append(row(what, mine, bare, "LightGBM predict of its three models, matrix ready"))
    return rows


def royalty(n: int = 400_000, scalar: int = 2_000) -> list[Row]:
    """Relief from royalty with TAB, 15 whole years, against a loop over a scalar library."""
    try:
        from intangible_valuation.income_methods.relief_from_royalty import relief_from_royalty
    except ImportError:
        return []
    random = np.random.default_rng(0)
    revenue, rate = random.uniform(1e5, 1e7, n), random.uniform(0.08, 0.2, n)
    years = np.full(n, 15.0)

    def ours() -> object:
        saving = revenue * 0.05 * 0.75
        return present_value(saving, rate, years, timing="end") * amortisation_factor(0.25, rate, years, timing="end")

    started = time.perf_counter()
    theirs = [
        relief_from_royalty([float(revenue[i])] * 15, 0.05, float(rate[i]), 0.25, 15).value for i in range(scalar)
    ]
    other = (time.perf_counter() - started) * n / scalar
    worst = float(np.max(np.abs(np.asarray(ours())[:scalar] / np.asarray(theirs, float) - 1)))
    return [
        row(
            f"relief from royalty, {n:,} (largest difference {worst:.0e})",
            timed(ours),
            other,
            "intangible-valuation, loop",
        )
    ]


def options(n: int = 20_000, scalar: int = 200) -> list[Row]:
    """American puts against a loop over QuantLib's engine of comparable accuracy."""
    try:
        import QuantLib as ql
    except ImportError:
        return []
    random = np.random.default_rng(0)
    spot, years = random.uniform(70, 130, n), random.uniform(0.2, 10, n)
    rate, volatility = random.uniform(0.01, 0.08, n), random.uniform(0.15, 0.6, n)
    today = ql.Date(31, 12, 2024)
    ql.Settings.instance().evaluationDate = today
    days = ql.Actual365Fixed()

    def process(i: int) -> object:
        return ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(float(spot[i]))),
            ql.YieldTermStructureHandle(ql.FlatForward(today, 0.03, days)),
            ql.YieldTermStructureHandle(ql.FlatForward(today, float(rate[i]), days)),
            ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), float(volatility[i]), days)),
        )

    def loop(engine: Callable[[object], object], times: int) -> tuple[float, np.ndarray]:
        started = time.perf_counter()
        found = []
        for i in range(times):
            maturity = today + max(round(float(years[i]) * 365), 1)
            option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Put, 100.0), ql.AmericanExercise(today, maturity))
            option.setPricingEngine(engine(process(i)))
            found.append(float(option.NPV()))
        return (time.perf_counter() - started) / times, np.array(found)

    whole = np.maximum(np.round(years * 365), 1) / 365

    def ours() -> np.ndarray:
        return american(spot, 100.0, whole, rate, volatility, 0.03, kind="put")

    seconds, value = timed(ours), ours()
    precise = ql.QdFpAmericanEngine.highPrecisionScheme()
    _, truth = loop(lambda p: ql.QdFpAmericanEngine(p, precise), scalar)

    def error(found: np.ndarray) -> str:
        gap = np.abs(found / truth[: len(found)] - 1)
        return f"{np.median(gap):.0e}, {np.max(gap):.0e}"

    rows = []
    for name, engine, times in (
        ("QdFp, fast", lambda p: ql.QdFpAmericanEngine(p, ql.QdFpAmericanEngine.fastScheme()), scalar),
        ("finite differences, 800 x 800", lambda p: ql.FdBlackScholesVanillaEngine(p, 800, 800), 40),
        ("binomial, 2,000 steps", lambda p: ql.BinomialVanillaEngine(p, "lr", 2_001), 40),
    ):
        each, found = loop(engine, times)
        what = f"American puts, {n:,}: median and largest error {error(value[:scalar])}"
        rows.append(row(what, seconds, each * n, f"QuantLib loop, {name}: {error(found)}"))
    return rows


def neighbours(engine: ipv.ValuationEngine, subject: object) -> list[Row]:
    """Nearest comparables of one field against scikit-learn's ball tree on the same weighted columns."""
    try:
        from sklearn.neighbors import BallTree
    except ImportError:
        return []
    from ipvalue.evidence.characteristics import characteristics

    method, state = ipv.ComparableSales(), engine.fitted.states["comparable_sales"]
    matrix, _ = characteristics(subject, state.tables["slopes"]["level"], state.tables["offices"]["office"])
    rows = np.flatnonzero(subject.field > 0)[:40_000]
    pool = np.arange(len(state.tables["deals"]["age"]))
    weight = state.tables["slopes"]["slope"] / state.numbers["deviation"]
    deals = np.stack(list(state.tables["matrix"].values()), axis=1) * weight
    age = state.tables["deals"]["age"][:, None] / method.memory
    points = np.column_stack([matrix[rows] * weight, np.zeros(len(rows))])
    tree = BallTree(np.column_stack([deals, age]))
    blocks = [rows[k : k + 4096] for k in range(0, len(rows), 4096)]
    mine = timed(lambda: [method.nearest(matrix[b], pool, state) for b in blocks], 1)
    other = timed(lambda: tree.query(points, k=method.neighbours), 1)
    what = f"25 nearest of {len(pool):,} deals for 40,000 patents, {points.shape[1]} dimensions"
    return [row(what, mine, other, "scikit-learn BallTree")]


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
