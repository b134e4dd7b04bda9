"""Attribution: parts sum to the change to the last cent, and each cause is found where it was put."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError, IpvalueError
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.methods.base import Estimate, Method, Step
from ipvalue.risk.attribution import PARTS, Attribution, parts_of
from ipvalue.risk.mixed_inputs import GROUPS, Side, States, side_of
from ipvalue.risk.whole_cents import LARGEST, sequential_parts, shapley_parts, to_cents
from ipvalue.valuation import Valuation

BEFORE, AFTER = "2022-12-31", "2023-12-31"
ONLY = list(PARTS)


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    return ipv.synthetic_book(400, seed=5)


def fitted(book: ipv.Book, day: str = BEFORE, **figures: float) -> ipv.ValuationEngine:
    assumed = ipv.Assumptions.default("CN").replace(**figures)
    return ipv.ValuationEngine([ipv.ReliefFromRoyalty()], assumed).fit(book, as_of=day)


@pytest.fixture(scope="module")
def engine_then(small: ipv.Book) -> ipv.ValuationEngine:
    return fitted(small)


@pytest.fixture(scope="module")
def year(small: ipv.Book, engine_then: ipv.ValuationEngine) -> Attribution:
    """A year, other assumptions and a new fit: everything moves."""
    now = fitted(small, AFTER, patent_premium=0.09)
    return ipv.attribute(engine_then.value(small.as_of(BEFORE)), now.value(small.as_of(AFTER)))


def moved(change: Attribution) -> set[str]:
    return {name for name in ONLY if (change.cents()[name] != 0).any()}


def test_everything_moves_and_nothing_is_left_over(year: Attribution) -> None:
    assert {"time", "assumptions", "legal", "features", "engine", "entries"} <= moved(year)
    assert year.states == 64
    for how in ("sequential", "shapley"):
        assert year.residual(how) == 0
        cents = year.cents(how)
        for by in ("field", "jurisdiction", "grade", "owner"):
            parts = cents.groupby(year.labels[by]).sum()
            assert (parts[ONLY].sum(axis=1) == parts["after"] - parts["before"]).all()
            assert (parts.sum() == cents.sum()).all()


def test_before_and_after_are_the_valuations_to_the_cent(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    one, two = engine_then.value(small.as_of(BEFORE)), engine_then.value(small.as_of(AFTER))
    change = ipv.attribute(one, two, shapley=False)
    for name, valuation in (("before", one), ("after", two)):
        value = valuation.to_pandas()["value"].fillna(0.0)
        assert np.array_equal(change.cents().loc[value.index, name], np.rint(value * 100).astype(np.int64))
        assert change.labels[f"valued_{name}"].sum() == valuation.to_pandas()["value"].notna().sum()


def test_the_states_at_both_ends_are_the_valuations_bit_for_bit(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    """With three methods, so that every column that any of them reads is put together again."""
    sides = []
    kept = book.as_of(BEFORE).patent_ids[::10]
    for day in (BEFORE, AFTER):
        state = book.as_of(day)
        rows = np.array([state.position(one) for one in kept])
        sides.append(side_of(engine.model, state.select(rows)))
    states = States(*sides)
    for side, changed in zip(sides, (frozenset(), frozenset(GROUPS))):
        mixed_model, subject = states.mixed(changed)
        assert mixed_model is side.model
        for name, column in side.subject.features.columns.items():
            assert np.array_equal(subject.features.columns[name], column, equal_nan=True), name
        for name, column in side.subject.money.items():
            assert np.array_equal(subject.money[name], column, equal_nan=column.dtype.kind == "f"), name
        for name, column in side.subject.dates.items():
            assert np.array_equal(subject.dates[name], column, equal_nan=True), name
        assert engine.work(subject).table().equals(engine.work(side.subject).table())


def test_the_same_valuation_has_no_parts(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    values = engine_then.value(small.as_of(BEFORE))
    change = ipv.attribute(values, values)
    assert moved(change) == set()
    assert change.states == 1


def test_other_assumptions_alone_are_found(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    other = ipv.ValuationEngine(engine_then.methods, engine_then.assumptions.replace(tax_rate=0.10))
    other.learnt = engine_then.learnt
    state = small.as_of(BEFORE)
    change = ipv.attribute(engine_then.value(state), other.value(state))
    assert moved(change) == {"assumptions"}
    assert change.book()["assumptions"] > 0
    assert change.states == 2


def test_another_fit_alone_is_found(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    state = small.as_of(AFTER)
    change = ipv.attribute(engine_then.value(state), fitted(small, AFTER).value(state))
    assert moved(change) == {"engine"}


TABLES = {
    "patents": {
        "patent_id": ["expires", "lapses", "sells", "stays", "young"],
        "jurisdiction": ["US"] * 5,
        "right": ["invention"] * 5,
        "application_date": ["2003-06-30", "2012-01-10", "2012-01-10", "2012-01-10", "2023-03-01"],
        "grant_date": ["2007-01-10", "2015-01-10", "2015-01-10", "2015-01-10", "2023-11-01"],
        "ipc": [["H04L 9/00"]] * 5,
    },
    "economics": {
        "patent_id": ["expires", "lapses", "sells", "sells", "stays", "young"],
        "known_date": ["2020-01-01"] * 3 + ["2023-06-01", "2020-01-01", "2023-03-01"],
        "revenue": [1e7, 2e7, 3e7, 6e7, 4e7, 5e7],
        "currency": ["USD"] * 6,
    },
    "legal_events": {
        "patent_id": ["lapses"],
        "effective_date": ["2023-05-01"],
        "office": ["US"],
        "scheme": ["uspto"],
        "code": ["EXP."],
    },
    "fx": {"date": [BEFORE, AFTER], "currency": ["CNY", "CNY"], "rate": [0.14, 0.15]},
}


def by_hand(**tables: dict[str, list[object]]) -> ipv.Book:
    return ipv.Book(**{name: pd.DataFrame(columns) for name, columns in (TABLES | tables).items()})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def causes() -> Attribution:
    book = by_hand()
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(fees="ignored")]).fit(book, as_of=BEFORE)
    return ipv.attribute(engine.value(book.as_of(BEFORE)), engine.value(book.as_of(AFTER)))


def test_each_cause_is_found_where_it_was_put(causes: Attribution) -> None:
    for how in ("sequential", "shapley"):
        cents = causes.cents(how)
        assert (cents[["assumptions", "engine", "exits"]] == 0).all(axis=None)
        expires = cents.loc["expires"]
        assert expires["time"] == -expires["before"] or how == "shapley"
        assert expires["legal"] == expires["features"] == 0, "a right that expires has only aged"
        lapses = cents.loc["lapses"]
        assert lapses["after"] == 0
        assert lapses["legal"] < 0
        assert cents.loc["sells", "features"] > 0
        assert (cents.loc[["expires", "lapses", "stays"], "features"] == 0).all()
        assert cents.loc["young", "entries"] == cents.loc["young", "after"] > 0
        assert (cents.loc[["lapses", "sells", "stays"], "market"] < 0).all(), "a dollar buys fewer yuan"


def test_a_lapse_takes_what_time_and_market_left(causes: Attribution) -> None:
    """In the default order legal status comes after time and currency."""
    lapses = causes.cents().loc["lapses"]
    assert lapses["legal"] == -(lapses["before"] + lapses["time"] + lapses["market"])


def test_a_rate_of_exchange_moves_a_value_by_its_ratio(causes: Attribution) -> None:
    """Without fees a value is proportional to its revenue in the valuation's currency: 0.14 dollars became 0.15."""
    stays = causes.cents().loc["stays"]
    aged = stays["before"] + stays["time"]
    assert stays["market"] == pytest.approx(aged * (0.14 / 0.15 - 1.0), abs=1.0)


def test_another_curve_alone_is_the_markets(small: ipv.Book) -> None:
    curves = small["curves"].to_pandas()
    dearer = ipv.Book(**{**small.tables, "curves": curves.assign(rate=curves["rate"] + 0.01)})
    option = ipv.ValuationEngine([ipv.RealOption()]).fit(small, as_of=BEFORE)
    change = ipv.attribute(option.value(small.as_of(BEFORE)), option.value(dearer.as_of(BEFORE)))
    assert moved(change) == {"market"} and change.residual("shapley") == 0


def test_time_has_the_sign_of_ageing(causes: Attribution) -> None:
    assert (causes.cents().loc[["expires", "lapses", "sells", "stays"], "time"] < 0).all()


def test_a_patent_that_leaves_is_an_exit() -> None:
    book, left = by_hand(), {n: v[1:] for n, v in TABLES["patents"].items()}
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(fees="ignored")]).fit(book, as_of=BEFORE)
    change = ipv.attribute(engine.value(book.as_of(BEFORE)), engine.value(by_hand(patents=left).as_of(BEFORE)))
    cents = change.cents()
    assert cents.loc["expires", "exits"] == -cents.loc["expires", "before"] < 0
    assert change.labels.loc["expires", "jurisdiction"] == "US"
    assert change.residual() == 0


def test_shapley_values_do_not_depend_on_the_order(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    one, two = engine_then.value(small.as_of(BEFORE)), engine_then.value(small.as_of(AFTER))
    forth, back = (ipv.attribute(one, two, order=order) for order in (GROUPS, GROUPS[::-1]))
    assert forth.cents("shapley")[list(GROUPS)].equals(back.cents("shapley")[list(GROUPS)])
    assert not forth.cents()[list(GROUPS)].equals(back.cents()[list(GROUPS)])
    assert back.order == GROUPS[::-1]
    assert list(back.cents().columns[1:7]) == list(GROUPS[::-1])


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_shapley_is_the_mean_over_all_orders_to_the_cent(groups: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    states = {code: random.integers(0, 10**9, 5) for code in range(1 << groups)}
    parts = np.array(shapley_parts(states, groups))
    orders = list(permutations(range(groups)))
    mean = np.zeros((groups, 5))
    for order in orders:
        chain = [states[sum(1 << g for g in order[:k])] for k in range(groups + 1)]
        for g, part in zip(order, sequential_parts(chain)):
            mean[g] += part / len(orders)
    assert (np.abs(parts - mean) < 1.0).all()
    assert (parts.sum(axis=0) == states[(1 << groups) - 1] - states[0]).all()


def test_parts_are_exact_up_to_the_largest_value() -> None:
    random = np.random.default_rng(3)
    top = int(LARGEST)
    for _ in range(50):
        states = {code: random.choice([0, 1, top - 1, top], 20) for code in range(64)}
        parts = shapley_parts(states, 6)
        exact = [sum(int(part[i]) for part in parts) for i in range(20)]
        assert exact == [int(states[63][i]) - int(states[0][i]) for i in range(20)]
    assert to_cents(np.array([LARGEST / 100])).tolist() == [top]
    with pytest.raises(IpvalueError, match="to the cent"):
        to_cents(np.array([1e15]))
    with pytest.raises(IpvalueError, match="7 groups"):
        shapley_parts({}, 7)


class Product(Method):
    """A value that every group of inputs moves, at next to no cost."""

    name: ClassVar[str] = "product"
    approach: ClassVar[str] = "income"  # type: ignore[assignment]
    covers: ClassVar[str] = "nothing"
    steps: ClassVar[tuple[Step, ...]] = ()
    factor: float = 1.0

    def estimate(self, subject: object, state: object, assumptions: ipv.Assumptions) -> Estimate:
        given, money = subject.features, subject.money  # type: ignore[attr-defined]
        level = np.where(np.isfinite(money["revenue"]), money["revenue"], 1e5 * (1.0 + given["forward_citations"]))
        share = (1.0 - assumptions.tax_rate.value) * np.where(given["challenged"] > 0, 0.5, 1.0)
        value = self.factor * level * share * given["remaining_term"] / 300.0
        return Estimate.make(value, lognormal_quantiles(value, 0.5), np.zeros(len(value), np.int16))


@pytest.fixture(scope="module")
def pool() -> list[Side]:
    """One book on three dates, under three engines each."""
    book = ipv.synthetic_book(300, seed=21)
    made = []
    for day in ("2012-12-31", "2018-06-30", "2023-12-31"):
        state = book.as_of(day)
        for factor, tax in ((1.0, 0.25), (1.0, 0.15), (1.3, 0.15)):
            assumed = ipv.Assumptions.default("CN").replace(tax_rate=tax)
            engine = ipv.ValuationEngine([Product(factor=factor)], assumed).fit(book, as_of="2012-12-31")
            made.append(side_of(engine.model, state))
    return made


@pytest.mark.slow
def test_no_residual_on_a_thousand_random_pairs_of_books(pool: list[Side]) -> None:
    """Sequential in a random order; Shapley, which takes all coalitions, on every eighth pair."""
    random = np.random.default_rng(17)
    seen: set[str] = set()
    for turn in range(1_000):
        sides = [pool[k] for k in random.integers(0, len(pool), 2)]
        ids = np.intersect1d(*(side.subject.patent_id.astype(str) for side in sides))
        chosen = np.sort(random.choice(ids, random.integers(1, 9), replace=False))
        states = States(*(s.take(np.searchsorted(s.subject.patent_id.astype(str), chosen)) for s in sides))
        order = tuple(random.permutation(GROUPS))
        ends = states.cents(frozenset()), states.cents(frozenset(GROUPS))
        for shapley in (False, True)[: 1 + (turn % 8 == 0)]:
            parts = parts_of(states, order, shapley=shapley)
            assert tuple(parts) == order
            assert np.array_equal(sum(parts.values()), ends[1] - ends[0])
            assert sum(int(p.sum()) for p in parts.values()) == int(ends[1].sum()) - int(ends[0].sum())
            seen |= {name for name, part in parts.items() if part.any()}
    assert seen >= {"time", "assumptions", "legal", "features", "engine"}


@pytest.mark.parametrize("seed", range(8))
def test_no_residual_between_random_parts_of_books_end_to_end(
    small: ipv.Book, engine_then: ipv.ValuationEngine, seed: int
) -> None:
    random = np.random.default_rng(seed)
    values = []
    for day in random.choice(["2015-06-30", BEFORE, AFTER], 2):
        state = small.as_of(str(day))
        part = state.select(np.sort(random.choice(len(state), 30, replace=False)))
        values.append(engine_then.value(part))
    change = ipv.attribute(*values)
    assert change.residual() == change.residual("shapley") == 0
    assert len(change.cents()) == len({i for v in values for i in v.table["patent_id"].to_pylist()})


def test_a_waterfall_ends_where_it_must(year: Attribution) -> None:
    for how in ("sequential", "shapley"):
        table = year.waterfall(how)
        assert list(table["step"]) == ["before", *year.order, "overrides", "entries", "exits", "after"]
        assert table["end"].iloc[-2] == table["end"].iloc[-1] == table["amount"].iloc[-1]
        assert (table["start"].iloc[1:-1].to_numpy() == table["end"].iloc[:-2].to_numpy()).all()
    assert year.book()["after"] == year.waterfall()["end"].iloc[-1]
    assert year.segments("field")["after"].sum() == pytest.approx(year.book()["after"])
    assert {"field", "time", "valued_before"} <= set(year.patents().columns)


def test_it_says_itself_in_few_lines(year: Attribution) -> None:
    lines = str(year).split("\n")
    assert len(lines) == 12
    assert "residual 0 cents" in lines[0]
    assert "passage of time" in lines[2]


def test_values_from_a_file_need_their_engine_and_snapshot(
    small: ipv.Book, engine_then: ipv.ValuationEngine, tmp_path: Path
) -> None:
    states = [small.as_of(day) for day in (BEFORE, AFTER)]
    made = [engine_then.value(state) for state in states]
    made[0].to_parquet(tmp_path / "before.parquet")
    read = Valuation.from_parquet(tmp_path / "before.parquet")
    with pytest.raises(BookError, match=r"give before_state=\(engine, snapshot\)"):
        ipv.attribute(read, made[1])
    change = ipv.attribute(read, made[1], before_state=(engine_then, states[0]), shapley=False)
    assert change.cents().equals(ipv.attribute(*made, shapley=False).cents())
    with pytest.raises(BookError, match=f"as_of is {AFTER}"):
        ipv.attribute(read, made[1], before_state=(engine_then, states[1]))
    with pytest.raises(BookError, match="engine_hash"):
        ipv.attribute(read, made[1], before_state=(fitted(small, AFTER), states[0]))
    with pytest.raises(IpvalueError, match="shapley=True"):
        change.book("shapley")


def altered(valuation: Valuation, factor: float, **provenance: object) -> Valuation:
    """Values as another version of the software might have made them."""
    place = valuation.table.column_names.index("value")
    table = valuation.table.set_column(place, "value", pa.compute.multiply(valuation.table["value"], factor))
    return Valuation(table, valuation.provenance | provenance, valuation.worksheet)


def test_what_other_versions_made_differently_belongs_to_the_engine(
    small: ipv.Book, engine_then: ipv.ValuationEngine
) -> None:
    values = engine_then.value(small.as_of(BEFORE))
    change = ipv.attribute(altered(values, 0.5, versions={"ipvalue": "0.0.9"}), values)
    assert moved(change) == {"engine"}
    assert change.residual() == change.residual("shapley") == 0
    assert change.book()["engine"] == pytest.approx(change.book()["before"], rel=1e-6)


def test_values_that_their_state_does_not_make_are_refused(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    values = engine_then.value(small.as_of(BEFORE))
    with pytest.raises(BookError, match="does not make the values again"):
        ipv.attribute(values, altered(values, 0.5))


def test_two_currencies_have_no_change(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    dollars = ipv.ValuationEngine([ipv.ReliefFromRoyalty()], ipv.Assumptions.default("US")).fit(small, as_of=BEFORE)
    state = small.as_of(BEFORE)
    with pytest.raises(BookError, match="value both in one currency"):
        ipv.attribute(engine_then.value(state), dollars.value(state))


def test_an_order_names_each_group_once(small: ipv.Book, engine_then: ipv.ValuationEngine) -> None:
    values = engine_then.value(small.as_of(BEFORE))
    with pytest.raises(IpvalueError, match="names each of time, market"):
        ipv.attribute(values, values, order=("time", "time"))
