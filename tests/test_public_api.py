"""The public names are fixed, importing them is light, and an outside package can add a method and a feature family."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import ipvalue as ipv

# names that users import; adding is free, removing or renaming needs a deprecation
PUBLIC = {
    "Assumptions",
    "Book",
    "CollateralPolicy",
    "ComparableSales",
    "ExcessEarnings",
    "FixedWeights",
    "GradientBoosting",
    "IncrementalIncome",
    "IndicatorScore",
    "Method",
    "Override",
    "Overrides",
    "PrecisionWeights",
    "ProfitSplit",
    "ReliefFromRoyalty",
    "Scenario",
    "Snapshot",
    "StackedWeights",
    "Valuation",
    "ValuationEngine",
    "backtest",
    "compare",
    "dossier",
    "attribute",
    "collateral",
    "extract",
    "feature_catalogue",
    "monitor",
    "portfolio",
    "read_book",
    "read_cnipa",
    "read_ops",
    "read_wipo_xml",
    "read_patstat",
    "read_jpo",
    "read_university_renewals",
    "combine",
    "sniff",
    "read_lens",
    "read_google_patents",
    "read_family_export",
    "read_yield_curve",
    "read_ecb_fx",
    "read_royalties",
    "read_damodaran",
    "industry_figures",
    "read_world_bank",
    "read_tables",
    "write_csv",
    "read_uspto_grants",
    "read_patentsview",
    "read_maintenance_fees",
    "read_odp",
    "revalue",
    "reverse_stress",
    "stress",
    "synthetic_book",
    "write_book",
}
# inner functions with fixed names, by which anyone can check a figure without the engine; and their parameters
INNER = {
    "finance.discounting.present_value": ("cash_flow", "rate", "years", "growth", "decay", "timing"),
    "finance.tax.amortisation_factor": ("tax", "rate", "years", "timing"),
    "finance.options.european": ("spot", "strike", "years", "rate", "volatility", "dividend", "kind"),
    "finance.options.american": ("spot", "strike", "years", "rate", "volatility", "dividend", "kind"),
    "finance.options.perpetual": ("spot", "strike", "rate", "volatility", "dividend", "kind"),
    "finance.options.perpetual_threshold": ("strike", "rate", "volatility", "dividend", "kind"),
    "finance.options.exchange": ("spot_1", "spot_2", "years", "volatility_1", "volatility_2", "correlation"),
    "finance.options.compound": ("spot", "strike_underlying", "strike_compound", "years_compound", "years_underlying"),
    "law.term.expiry": ("patents",),
    "law.fees.schedule": ("patents", "as_of"),
    "law.status.timeline": ("events", "patents"),
    "law.status.at": ("events", "patents", "date"),
    "features.claims.parse": ("texts", "language"),
    "features.citations.generality": ("group", "label", "bias_correction"),
    "features.citations.disruption": ("citing", "cited", "year", "window"),
    "evaluation.metrics.log_rmse": ("value", "target"),
    "evaluation.metrics.median_ape": ("value", "target"),
    "evaluation.metrics.spearman": ("value", "target"),
    "evaluation.metrics.pinball": ("quantiles", "target", "levels"),
    "evaluation.metrics.crps": ("quantiles", "target", "levels"),
    "evaluation.metrics.coverage": ("low", "high", "target"),
}
HEAVY = ("lightgbm", "matplotlib", "pandas", "pyarrow", "scipy", "pydantic", "joblib", "dask", "pyspark")


def test_public_names_are_all_there() -> None:
    assert set(ipv.__all__) >= PUBLIC
    for name in ipv.__all__:
        assert getattr(ipv, name) is not None
    assert set(dir(ipv)) >= PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'valuate'"):
        _ = ipv.valuate


@pytest.mark.parametrize("name", sorted(INNER))
def test_inner_functions_keep_their_names_and_parameters(name: str) -> None:
    module, _, function = name.rpartition(".")
    found = getattr(import_module(f"ipvalue.{module}"), function)
    assert tuple(signature(found).parameters)[: len(INNER[name])] == INNER[name]
    assert function in import_module(f"ipvalue.{module}").__all__


def test_importing_ipvalue_loads_nothing_heavy() -> None:
    """Import time itself is measured in benchmarks/import_time.py."""
    code = f"import sys, ipvalue; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


PLUGIN = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "house-rules"
version = "1.0"
[project.entry-points."ipvalue.methods"]
flat_rate = "house_rules:FlatRate"
[project.entry-points."ipvalue.features"]
house = "house_rules:HOUSE"
[tool.hatch.build.targets.wheel]
packages = ["house_rules"]
""",
    "house_rules/__init__.py": '''
"""A bank's own method and feature family."""
from typing import ClassVar

import numpy as np

from ipvalue.features.base import Family, Feature
from ipvalue.finance.distributions import lognormal_quantiles
from ipvalue.methods.base import Estimate, Method, Step


class FlatRate(Method):
    """The same price for every year that a right has left."""

    name: ClassVar[str] = "flat_rate"
    approach: ClassVar[str] = "cost"
    covers: ClassVar[str] = "a house rule of a factor of two"
    steps: ClassVar[tuple[Step, ...]] = (Step("estimate", "price * remaining term", "currency"),)
    price: float = 1000.0

    def estimate(self, subject, state, assumptions):
        value = self.price * subject.features["remaining_term"]
        spread = lognormal_quantiles(value, 0.5)
        return Estimate.make(value, spread, np.zeros(len(value), np.int16), {"estimate": value})


HOUSE = Family(
    "house",
    (Feature("letters", "letters", 0.0, 200.0, 0, "letters of the identifier", "house"),),
    lambda context: {"letters": np.array([float(len(i)) for i in context.snapshot.patent_ids])},
)
''',
}


@pytest.mark.slow
def test_an_outside_package_adds_a_method_and_a_feature_family(tmp_path: Path) -> None:
    """A real package, installed by pip into a folder, found by its entry points in a fresh process."""
    for name, text in PLUGIN.items():
        file = tmp_path / "plugin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(site),
        str(tmp_path / "plugin"),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    code = f"""
import ipvalue as ipv
from ipvalue.methods.base import available, create
flat = create("flat_rate", {{"price": 500.0}})
book = ipv.synthetic_book(60, seed=3)
engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty(), flat]).fit(book, as_of="2024-12-31")
engine.save({str(tmp_path / "engine")!r})
frame = ipv.ValuationEngine.load({str(tmp_path / "engine")!r}).value(book.as_of("2024-12-31")).to_pandas()
alive = frame[frame["reason"] == ""]
assert (abs(alive["value_flat_rate"] / alive["remaining_years"] - 500.0) < 1e-9).all()
assert "letters" in ipv.extract(book.as_of("2024-12-31")).columns
print(sorted(available()))
"""
    path = [str(site), *[p for p in sys.path if p]]
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(path)}, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "flat_rate" in run.stdout


def test_an_unknown_method_names_those_that_there_are() -> None:
    from ipvalue.errors import IpvalueError
    from ipvalue.methods.base import create

    with pytest.raises(IpvalueError, match="comparable_sales"):
        create("tea_leaves", {})
