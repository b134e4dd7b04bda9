"""Boosted quantiles of any target: folds, early stopping, anchors, classes, calibration by group, any feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.artifacts import read_folder, read_state, write_folder
from ipvalue.errors import IpvalueError
from ipvalue.evidence.prices import prepare
from ipvalue.methods.boosting import (
    BoostedQuantiles,
    Observations,
    fewest_within_error,
    folds_of,
    parsed,
    predict_columns,
)
from ipvalue.methods.boosting_anchor import anchor_line, anchor_parts, class_effects, effect_of, fit_anchor
from ipvalue.methods.boosting_inputs import explaining, input_names
from ipvalue.methods.boosting_target import explain_feature
from tests.methods.university_grants import CUT, boosted, linear, read_grants, skill
from tests.shared_data import DATA, existing

NAMES = ("first", "second", "third")
QUICK = BoostedQuantiles(trees=60, learning_rate=0.1, folds=3)


def observations(n: int, seed: int, groups: int = 1) -> Observations:
    """A bent mean; noise grows with the group."""
    random = np.random.default_rng(seed)
    matrix = random.uniform(-1, 1, (n, 3))
    group = random.integers(0, groups, n)
    noise = (0.3 + 0.5 * group) * random.standard_normal(n)
    target = np.sin(3 * matrix[:, 0]) + matrix[:, 1] + noise
    date = np.arange(n).astype("datetime64[D]")
    key = np.array([f"P{seed}-{i}" for i in range(n)], object)
    return Observations(matrix, target, key, date, np.zeros((n, 0)), np.zeros(n, np.int64), group)


def test_each_group_is_covered_as_its_own_noise_asks() -> None:
    learn, fresh = observations(3000, 1, 3), observations(6000, 2, 3)
    columns = list(fresh.matrix.T)
    state = QUICK.fit(learn, NAMES)
    own, pooled = (QUICK.predict(columns, state, group=g).quantiles for g in (fresh.group, None))
    for group in range(3):
        some = fresh.group == group
        cover = [
            ((q[some, 0] <= fresh.target[some]) & (fresh.target[some] <= q[some, 4])).mean() for q in (own, pooled)
        ]
        assert abs(cover[0] - 0.90) < 0.035
        if group != 1:
            assert abs(cover[1] - 0.90) > 0.04, "one quantile for all is too wide for some and too narrow for others"


def test_a_group_with_few_scores_takes_those_of_all() -> None:
    data = observations(400, 3)
    data = Observations(*[*vars(data).values()][:-1], np.where(np.arange(400) < 30, 5, 0))
    state = QUICK.fit(data, NAMES)
    assert state.tables["scores"]["group"].tolist() == [-1, 0]
    row = [np.zeros(1)] * 3
    few, unknown, pooled = (QUICK.predict(row, state, group=g).quantiles for g in (np.array([5]), np.array([99]), None))
    np.testing.assert_array_equal(few, pooled)
    np.testing.assert_array_equal(unknown, pooled)


def test_latest_observations_choose_the_number_and_few_take_it_as_given() -> None:
    data = observations(600, 4)
    assert 1 < QUICK.model_copy(update={"trees": 400}).fit(data, NAMES).numbers["trees"] < 200
    assert QUICK.fit(data.take(np.arange(300)), NAMES).numbers["trees"] == 60
    fixed = QUICK.model_copy(update={"fixed_trees": 12})
    assert fixed.fit(data.take(np.arange(300)), NAMES).numbers["trees"] == 12
    assert QUICK.model_copy(update={"validation": 0.0}).fit(data, NAMES).numbers["trees"] == 60


def test_validation_is_by_date_not_by_row() -> None:
    data = observations(600, 5)
    shuffled = data.take(np.random.default_rng(0).permutation(600))
    calm = QUICK.model_copy(update={"trees": 30})
    late = Observations(*[v if k != "target" else data.target * 0 for k, v in vars(data).items()])
    # where the latest fifth knows only noise about zero, hardly any tree helps
    late.target[:480] = data.target[:480]
    assert calm.fit(late, NAMES).numbers["trees"] < calm.fit(data, NAMES).numbers["trees"]
    one, two = calm.fit(data, NAMES).numbers["trees"], calm.fit(shuffled, NAMES).numbers["trees"]
    assert abs(one - two) <= 8, "the order of the rows changes the bags, not which are the latest"


def test_smallest_number_within_one_standard_error() -> None:
    """Breiman, Friedman, Olshen and Stone (1984), section 3.4.3."""
    errors = np.array([[4.0, 4.0, 4.0, 5.0], [1.1, 0.9, 1.3, 0.8], [1.0, 1.0, 1.0, 1.0]])
    assert fewest_within_error(np.array([1, 5, 9]), errors) == 5
    assert fewest_within_error(np.array([7]), errors[-1:]) == 7


def test_predictions_do_not_depend_on_the_rows_beside_them_nor_on_threads() -> None:
    data = observations(500, 6)
    state = QUICK.fit(data, NAMES)
    many = observations(9000, 7)
    texts, columns = [state.texts["location"], state.texts["scale"]], list(many.matrix.T)
    whole = predict_columns(texts, columns)
    for other in (
        [
            np.concatenate(p)
            for p in zip(*[predict_columns(texts, [c[i : i + 77] for c in columns]) for i in range(0, 9000, 77)])
        ],
        predict_columns(texts, columns, 2),
    ):
        for one, two in zip(whole, other):
            np.testing.assert_array_equal(one, two)
    some = np.flatnonzero(many.target > 0)
    chosen = predict_columns(texts, columns, rows=some)[0]
    np.testing.assert_array_equal(chosen[some], whole[0][some])
    assert np.isnan(np.delete(chosen, some)).all()
    bare = parsed(state.texts["location"]).predict(many.matrix, num_threads=1)
    np.testing.assert_array_equal(whole[0], bare)


def test_fit_has_the_same_bits_on_any_number_of_threads() -> None:
    data = observations(700, 8, 2)
    one, two = (QUICK.model_copy(update={"threads": k}).fit(data, NAMES) for k in (1, 2))
    assert one.numbers == two.numbers
    for name in ("location", "scale"):
        assert one.texts[name].split("parameters:")[0] == two.texts[name].split("parameters:")[0]
    for table in one.tables:
        for name, values in one.tables[table].items():
            np.testing.assert_array_equal(values, two.tables[table][name])


def test_state_survives_a_folder_without_pickle(tmp_path: Path) -> None:
    data = observations(300, 9)
    state = QUICK.fit(data, NAMES)
    write_folder(tmp_path / "model", {}, {"boosted": state})
    _, folder = read_folder(tmp_path / "model")
    again = read_state(folder / "boosted")
    columns = list(data.matrix.T)
    np.testing.assert_array_equal(QUICK.predict(columns, state).quantiles, QUICK.predict(columns, again).quantiles)


def test_a_patent_sold_twice_is_in_one_fold() -> None:
    key = np.array([f"P{i // 2}" for i in range(200)], object)
    fold = folds_of(key, 4, 7)
    assert (fold[::2] == fold[1::2]).all()
    assert set(fold.tolist()) == {0, 1, 2, 3}


def test_anchor_slopes_never_run_against_their_direction() -> None:
    x = np.arange(50.0)[:, None]
    line = fit_anchor(x, -x[:, 0], [1])
    assert line["complete"][1] == 0.0
    assert fit_anchor(x, -x[:, 0], [-1])["complete"][1] < -0.9


def test_rows_that_lack_an_anchor_have_their_own_line() -> None:
    random = np.random.default_rng(0)
    anchors = random.standard_normal((400, 2))
    anchors[:200, 0] = np.nan
    target = np.where(np.isnan(anchors[:, 0]), 5.0 + 2.0 * anchors[:, 1], 1.0 + anchors[:, 0])
    line = fit_anchor(anchors, target, [0, 0])
    found = anchor_line(line, np.array([[np.nan, 1.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, [7.0, 2.0], atol=0.15)
    np.testing.assert_allclose(anchor_parts(line, anchors).sum(axis=1), anchor_line(line, anchors), rtol=1e-12)


def test_class_effects_shrink_with_few_rows_and_vanish_without_differences() -> None:
    random = np.random.default_rng(1)
    classes = np.repeat(np.arange(30), np.r_[np.full(15, 4), np.full(15, 200)])
    true = 0.5 * random.standard_normal(30)
    left = true[classes] + random.standard_normal(len(classes))
    whole = np.ones(len(classes), bool)
    found = class_effects(left, whole, classes)
    mean = np.bincount(classes, left) / np.bincount(classes)
    ratio = found["effect"] / mean
    assert 0 < ratio[:15].max() < ratio[15:].min() < 1
    assert np.mean((found["effect"] - true) ** 2) < np.mean((mean - true) ** 2)
    nothing = class_effects(np.tile([1.0, -1.0], 100), np.ones(200, bool), np.repeat(np.arange(10), 20))
    assert (nothing["effect"] == 0).all()
    assert effect_of(found, np.array([31])).tolist() == [0.0]


def test_a_feature_is_explained_by_the_others_and_never_by_itself() -> None:
    assumptions = ipv.Assumptions.default("CN")
    subject = prepare(ipv.synthetic_book(3000, seed=2).as_of("2024-12-31"), assumptions)
    model = explain_feature(subject, assumptions, "forward_citations", without=("citation_quality",), learner=QUICK)
    assert "forward_citations" not in model.names and "generality" not in model.names
    quantiles = model.predict(subject, assumptions).to_numpy()
    assert (np.diff(quantiles, axis=1) > 0).all()
    target = subject.features["forward_citations"]
    inside = (quantiles[:, 0] <= target) & (target <= quantiles[:, 4])
    assert inside.mean() > 0.85


def test_what_can_not_be_explained_says_so() -> None:
    assumptions = ipv.Assumptions.default("CN")
    subject = prepare(ipv.synthetic_book(30, seed=2).as_of("2024-12-31"), assumptions)
    with pytest.raises(IpvalueError, match="not a feature"):
        explain_feature(subject, assumptions, "beauty")
    with pytest.raises(IpvalueError, match="at least 60"):
        explain_feature(subject, assumptions, "n_claims")
    with pytest.raises(IpvalueError, match="'beauty' is neither"):
        explaining("n_claims", ("beauty",))
    assert len(explaining("price")) == len(input_names())


@pytest.mark.slow
def test_real_renewals_out_of_time_are_told_no_worse_than_by_a_linear_model() -> None:
    """US university patents: learnt from grants of 2004, judged on those of January to June 2005."""
    path = existing(DATA / "us_university_renewals" / "renewals_granted_2004_2005.csv")
    grants = read_grants(path)
    early = grants.granted < np.datetime64(CUT)
    learn, judge = grants.take(early), grants.take(~early)
    (ours, interval), theirs = boosted(learn, judge), linear(learn, judge)
    assert skill(judge.paid, learn.paid.mean(), ours)[0] > 0.2
    worse = (judge.paid - ours) ** 2 - (judge.paid - theirs) ** 2
    assert worse.mean() < 2 * worse.std() / np.sqrt(len(worse))
    inside = (interval[:, 0] <= judge.paid) & (judge.paid <= interval[:, 1])
    assert abs(inside.mean() - 0.90) < 0.04
