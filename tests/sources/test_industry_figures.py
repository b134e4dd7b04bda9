"""Figures from Damodaran's tables: the default set made again, and what is said where a table lacks something."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.errors import AssumptionError, SourceError
from tests.shared_data import existing

US = ipv.Assumptions.default("US")
BY_FIELD = ("cost_of_capital", "operating_margin", "development_volatility")
# fields whose volatility in the default set is that of Damodaran's own option on a patent, and the one that is assumed
OWN_VOLATILITY = ("11", "15", "16", "default")


def folder(data_dir: Path) -> Path:
    path = existing(data_dir / "damodaran_2025_2026")
    return path


def test_the_published_tables_make_the_default_figures_again(data_dir: Path) -> None:
    names = ("wacc_2026-01", "margin_2025-01", "wcdata_2025-01")
    tables = [ipv.read_damodaran(folder(data_dir) / f"{name}.csv") for name in names]
    figures = ipv.industry_figures(*tables)
    made = US.with_figures(figures)
    for name in BY_FIELD:
        mine, theirs = getattr(made, name), getattr(US, name)
        assert mine.keys() == theirs.keys()
        for key in mine:
            if name != "development_volatility" or key not in OWN_VOLATILITY:
                assert mine[key].value == pytest.approx(theirs[key].value, abs=1e-4), (name, key)
                assert mine[key].date == theirs[key].date and mine[key].unit == theirs[key].unit
    assert made.contributory_share["working_capital"].value == pytest.approx(0.082522)
    assert made.contributory_share["fixed_assets"] == US.contributory_share["fixed_assets"]
    assert made.tax_rate == US.tax_rate
    changed = set(US.diff(made)["figure"])
    assert {f"development_volatility.{key}" for key in OWN_VOLATILITY} <= changed
    assert not any(name.startswith(("tax", "royalty", "contributory_return")) for name in changed)


def test_workbooks_and_country_premia_join(data_dir: Path) -> None:
    excel = existing(data_dir / "damodaran")
    premia = ipv.read_damodaran(excel / "ctryprem_sample.xls", edition="2026-01-05")
    figures = ipv.industry_figures(ipv.read_damodaran(excel / "margin_sample.xls"), premia, country="China")
    china = ipv.Assumptions.default("CN")
    made = china.with_figures(figures)
    assert made.country_risk_premium.value == pytest.approx(china.country_risk_premium.value, abs=5e-5)
    assert "China" in made.country_risk_premium.source
    assert made.operating_margin["8"].date == dt.date(2026, 1, 5)
    assert made.operating_margin["8"].value != china.operating_margin["8"].value
    with pytest.raises(SourceError, match="country="):
        ipv.industry_figures(premia)
    with pytest.raises(SourceError, match="Atlantis"):
        ipv.industry_figures(premia, country="Atlantis")


def table(**columns: float) -> pd.DataFrame:
    return pd.DataFrame({**columns, "edition": "2026-01"}, index=["Machinery"])


ALL_MACHINERY = dict.fromkeys([*map(str, range(1, 36)), "default"], "Machinery")


def test_values_move_with_the_figures(book: ipv.Book) -> None:
    figures = ipv.industry_figures(table(cost_of_capital=0.3), industries=ALL_MACHINERY)
    cheap = ipv.Assumptions.default("CN")
    values = [
        ipv.ValuationEngine([ipv.ReliefFromRoyalty()], each)
        .fit(book, as_of="2022-12-31")
        .value(book.as_of("2022-12-31"))
        for each in (cheap, cheap.with_figures(figures))
    ]
    low, high = (each.to_pandas()["value"].sum() for each in reversed(values))
    assert 0 < low < high


def test_what_is_lacking_is_said() -> None:
    with pytest.raises(SourceError, match=r"cost_of_capital of Auto Parts.*industries="):
        ipv.industry_figures(table(cost_of_capital=0.1))
    with pytest.raises(SourceError, match="none of the columns"):
        ipv.industry_figures(table(beta=1.0))
    with pytest.raises(SourceError, match="edition is None"):
        ipv.industry_figures(table(cost_of_capital=0.1).drop(columns="edition"), industries=ALL_MACHINERY)
    dated = ipv.industry_figures(table(cost_of_capital=0.1), industries=ALL_MACHINERY, edition="2025-03-04")
    capital = dated["cost_of_capital"]
    assert isinstance(capital, dict) and capital["1"].date == dt.date(2025, 3, 4)


def test_a_set_refuses_what_does_not_fit() -> None:
    figure = US.tax_rate
    for figures, message in (
        ({"tax": figure}, "no figure 'tax'"),
        ({"name": figure}, "no figure 'name'"),
        ({"tax_rate": {"CN": figure}}, "without keys"),
        ({"royalty_rate": figure}, "for each key"),
        ({"tax_rate": figure.model_copy(update={"value": 1.5})}, "share lies between"),
    ):
        with pytest.raises(AssumptionError, match=message):
            US.with_figures(figures)  # type: ignore[arg-type]
