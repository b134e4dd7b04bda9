"""What others add: methods, features and reconciliations, in a notebook and as packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import ipvalue as ipv
import ipvalue.reconcile as reconcile
from ipvalue.errors import ArtifactError, IpvalueError
from ipvalue.evidence.subject import Subject
from ipvalue.features.base import Context, Family, Feature, families, unregister_feature
from ipvalue.methods.base import Estimate, State, available, unregister_method
from ipvalue.types import Columns, Floats

DAY = "2023-12-31"
NOISE = Feature("noise", "0 to 1", 0.0, 1.0, 0, "a number that says nothing", "a test")


class Flat(ipv.Method):
    """One value for all patents."""

    name: ClassVar[str] = "flat"
    approach: ClassVar[str] = "cost"  # type: ignore[assignment]
    covers: ClassVar[str] = "nothing"

    def estimate(self, subject: Subject, state: State, assumptions: ipv.Assumptions) -> Estimate:
        n = len(subject)
        return Estimate.make(np.full(n, 1e5), np.full((n, 5), 1e5) * [0.5, 0.8, 1.0, 1.2, 2.0], np.zeros(n, np.int16))


class EvenWeights(ipv.Reconciliation):
    """Equal weights."""

    kind: ClassVar[str] = "even_weights"

    def weigh(self, deviation: Floats, correlation: Floats, names: list[str], learnt: State | None = None) -> Floats:
        return np.full(deviation.shape, 1.0 / deviation.shape[1])


def noise(context: Context) -> Columns:
    return {"noise": np.random.default_rng(3).random(len(context.snapshot))}


@pytest.fixture
def noisy() -> Iterator[None]:
    """A feature family beside those of the package."""
    ipv.register_feature(Family("noise", (NOISE,), noise))
    yield
    unregister_feature("noise")


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    return ipv.synthetic_book(1_500, seed=12)


def boosted(**settings: object) -> ipv.ValuationEngine:
    few = {"trees": 20, "income_trees": 20, "folds": 2, "minimum": 20}
    return ipv.ValuationEngine([ipv.GradientBoosting(**few | settings)])  # type: ignore[arg-type]


def test_a_registered_feature_is_one_of_the_features(small: ipv.Book, noisy: None) -> None:
    assert "noise" in ipv.extract(small.as_of(DAY))
    assert "noise" in set(ipv.feature_catalogue()["name"])
    with pytest.raises(IpvalueError, match="adds 'noise', which exists already"):
        ipv.register_feature(Family("noise", (NOISE,), noise))
    ipv.register_feature(Family("noise", (NOISE,), noise), replace=True)
    with pytest.raises(IpvalueError, match="adds 'age', which exists already"):
        ipv.register_feature(Family("ages", (Feature("age", "", 0, 1, 0, "", ""),), noise))


def test_an_installed_feature_moves_no_engine_that_was_fitted_without_it(small: ipv.Book, tmp_path: Path) -> None:
    engine = boosted().fit(small, as_of=DAY)
    engine.save(tmp_path / "engine")
    before = engine.value(small.as_of(DAY)).table
    ipv.register_feature(Family("noise", (NOISE,), noise))
    try:
        again = ipv.ValuationEngine.load(tmp_path / "engine")
        assert again.hash == engine.hash
        assert again.value(ipv.synthetic_book(1_500, seed=12).as_of(DAY)).table.equals(before)
        learnt = boosted().fit(small, as_of=DAY)
        assert "noise" in learnt.fitted.features and "noise" not in engine.fitted.features
        learnt.save(tmp_path / "noisy")
    finally:
        unregister_feature("noise")
    with pytest.raises(ArtifactError, match=r"learnt from the feature 'noise'.*install the package"):
        ipv.ValuationEngine.load(tmp_path / "noisy")


def test_boosting_learns_from_the_features_that_it_is_given(small: ipv.Book) -> None:
    def names(**settings: object) -> set[str]:
        state = boosted(**settings).fit(small, as_of=DAY).fitted.states["gradient_boosting"]
        return {str(name) for name in state.tables["inputs"]["name"]}

    assert {"forward_citations", "n_claims", "age"} <= names()
    chosen = names(features=("term", "n_claims"))
    assert {"remaining_term", "n_claims"} <= chosen and "forward_citations" not in chosen
    assert not {"forward_citations", "npl_citations"} & names(exclude=("citations",))
    with pytest.raises(IpvalueError, match="'beauty' is neither a feature nor a feature family"):
        names(features=("beauty",))


def test_a_registered_method_is_loaded_again(small: ipv.Book, tmp_path: Path) -> None:
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), Flat()]).fit(small, as_of=DAY)
    with pytest.raises(ArtifactError, match=r"method 'flat' .* could not be loaded again.*register_method"):
        engine.save(tmp_path / "engine")
    assert ipv.register_method(Flat) is Flat
    try:
        with pytest.raises(IpvalueError, match="already"):
            ipv.register_method(Flat)
        ipv.register_method(Flat, replace=True)
        engine.save(tmp_path / "engine")
        assert ipv.ValuationEngine.load(tmp_path / "engine").hash == engine.hash
    finally:
        unregister_method("flat")
    assert "flat" not in available()
    with pytest.raises(IpvalueError, match="no method is named 'flat'"):
        ipv.ValuationEngine.load(tmp_path / "engine")
    with pytest.raises(IpvalueError, match="takes a class derived from"):
        ipv.register_method(int)  # type: ignore[arg-type]


def test_save_refuses_a_reconciliation_that_no_package_names(small: ipv.Book, tmp_path: Path) -> None:
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), Flat()], reconciliation=EvenWeights())
    fitted = ipv.ValuationEngine([ipv.ReliefFromRoyalty()], reconciliation=EvenWeights()).fit(small, as_of=DAY)
    assert "even_weights" in repr(engine)
    with pytest.raises(ArtifactError, match=r"'even_weights' .* could not be loaded again.*ipvalue.reconciliations"):
        fitted.save(tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


def test_a_reconciliation_comes_in_by_an_entry_point(
    small: ipv.Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("even", f"{__name__}:EvenWeights", "ipvalue.reconciliations")
    monkeypatch.setattr(EntryPoint, "load", lambda self: EvenWeights)
    monkeypatch.setattr(reconcile, "entry_points", lambda group: [point])
    reconcile.reconciliations.cache_clear()
    try:
        fitted = ipv.ValuationEngine([ipv.ReliefFromRoyalty()], reconciliation=EvenWeights()).fit(small, as_of=DAY)
        fitted.save(tmp_path / "engine")
        again = ipv.ValuationEngine.load(tmp_path / "engine")
        assert isinstance(again.reconciliation, EvenWeights)
        assert again.value(small.as_of(DAY)).table.equals(fitted.value(small.as_of(DAY)).table)
        plugins = again.value(small.as_of(DAY)).provenance["plugins"]
        assert "EvenWeights" in plugins
    finally:
        monkeypatch.undo()
        reconcile.reconciliations.cache_clear()
    with pytest.raises(ArtifactError, match="'even_weights', which no installed package provides"):
        ipv.ValuationEngine.load(tmp_path / "engine")


def test_provenance_names_plugins_and_says_nothing_of_our_own(small: ipv.Book, noisy: None) -> None:
    own = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), Flat()]).fit(small, as_of=DAY)
    plugins = own.value(small.as_of(DAY)).provenance["plugins"]
    assert set(plugins) == {"Flat", "features noise"}
    unregister_feature("noise")
    plain = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(small, as_of=DAY)
    assert "plugins" not in plain.value(small.as_of(DAY)).provenance


def test_families_are_found_without_the_engine() -> None:
    """Importing features alone costs no method: the rooms to the left know nothing of those to the right."""
    code = "import sys, ipvalue.features; print([m for m in sys.modules if m.startswith('ipvalue.methods')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert len(families()) >= 13
