"""Assumption sets: every figure dated, sourced and plausible; saved, read, compared and overridden."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.assumptions.sets import Figure
from ipvalue.errors import AssumptionError
from ipvalue.evidence.currency import exchange_rate
from ipvalue.methods.income import expectations, margin_of
from ipvalue.methods.relief_from_royalty import ReliefFromRoyalty
from tests.methods.subjects import subject

REGIONS = ("CN", "US", "EU")
FIELDS = [str(k) for k in range(1, 36)]
# lowest and highest that a figure may be before it looks like a slip of the pen
PLAUSIBLE = {
    "cost_of_capital": (0.03, 0.20),
    "country_risk_premium": (0.0, 0.10),
    "patent_premium": (0.0, 0.15),
    "royalty_rate": (0.005, 0.15),
    "royalty_log_sd": (0.3, 1.5),
    "tax_rate": (0.10, 0.40),
    "amortisation_years": (3, 20),
    "revenue_decline": (0.0, 0.4),
    "revenue_growth": (-0.1, 0.15),
    "attribution": (0.01, 1.0),
    "success_probability": (0.05, 1.0),
    "economic_life": (5, 25),
    "ramp_years": (0, 10),
    "validity_probability": (0.3, 1.0),
    "enforcement_probability": (0.3, 1.0),
    "grant_probability": (0.3, 0.95),
    "grant_prior_weight": (1, 1000),
    "revenue_log_sd": (0.1, 1.5),
    "attribution_log_sd": (0.1, 1.5),
    "decline_sd": (0.0, 0.2),
    "method_correlation": (0.0, 0.9),
    "fx_usd": (1e-5, 5.0),
    "deal_kind_factor": (0.1, 1.5),
    "operating_margin": (-0.1, 0.5),
    "operating_margin_sd": (0.005, 0.2),
    "contributory_share": (0.0, 1.0),
    "contributory_return": (0.0, 0.15),
    "contributory_log_sd": (0.05, 1.0),
    "profit_share": (0.05, 0.5),
    "risk_free_rate": (-0.01, 0.08),
    "development_volatility": (0.1, 0.8),
    "replacement_log_sd": (0.2, 1.5),
    "idle_obsolescence": (0.0, 1.0),
    "price_drift_sd": (0.005, 0.2),
    "grade_log_sd": (0.1, 3.0),
}


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_figure_has_a_source_a_date_a_unit_and_a_certainty(region: str) -> None:
    table = ipv.Assumptions.default(region).table()
    assert (table["source"].str.len() >= 10).all()
    assert (table["unit"].str.len() > 0).all()
    assert table["date"].map(lambda day: dt.date(1980, 1, 1) <= day <= dt.date(2026, 12, 31)).all()
    assert set(table["certainty"]) <= {"published", "derived", "assumed"}
    # what nobody published says so itself, beside the column
    own = table[table["certainty"] == "assumed"]["source"]
    assert own[~own.str.contains("assumed|the reference")].empty


def test_every_row_of_the_table_is_used_and_of_every_figure_one_edition_is_the_first() -> None:
    file = Path(ipv.__file__).parent / "assumptions" / "tables" / "figures.csv"
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = {row["figure"] for row in rows}
    assert names == {name for name in ipv.Assumptions.model_fields if name not in ("name", "currency")}
    places = [(row["set"], row["figure"], row["key"], row["date"]) for row in rows]
    assert len(places) == len(set(places))
    # a figure of a region and one of all regions at once would leave open which counts
    for figure in names:
        sets = {row["set"] for row in rows if row["figure"] == figure}
        assert sets in ({"ALL"}, set(REGIONS)), figure


def test_figures_lie_in_plausible_ranges(region: str) -> None:
    table = ipv.Assumptions.default(region).table()
    assert set(table["figure"].str.split(".").str[0]) == set(PLAUSIBLE)
    for figure, value in zip(table["figure"], table["value"]):
        low, high = PLAUSIBLE[figure.split(".")[0]]
        assert low <= value <= high, (figure, value)


@pytest.mark.parametrize("name", ["cost_of_capital", "operating_margin", "development_volatility"])
def test_every_technology_field_has_its_own_figure(region: str, name: str) -> None:
    table: dict[str, Figure] = getattr(ipv.Assumptions.default(region), name)
    assert set(table) == {*FIELDS, "default"}


def test_royalty_rates_are_by_field_but_for_fields_without_a_published_industry(region: str) -> None:
    table = ipv.Assumptions.default(region).royalty_rate
    assert set(FIELDS) - set(table) == {"20", "35"}  # metals and civil engineering take the default
    assert table["7"].value > table["default"].value > table["8"].value  # software above, semiconductors below


def test_regions_differ_where_their_law_and_markets_do() -> None:
    cn, us, eu = (ipv.Assumptions.default(r) for r in REGIONS)  # type: ignore[arg-type]
    assert [s.currency for s in (cn, us, eu)] == ["CNY", "USD", "EUR"]
    for other in (us, eu):
        changed = set(cn.diff(other)["figure"])
        assert {"amortisation_years", "risk_free_rate", "country_risk_premium"} <= changed
        assert all(not name.startswith("cost_of_capital") for name in changed)
    assert [s.amortisation_years.value for s in (cn, us, eu)] == [10, 15, 5]


def test_a_set_survives_saving_and_reading(region: str, tmp_path: Path) -> None:
    one = ipv.Assumptions.default(region)
    one.to_json(tmp_path / "set.json")
    again = ipv.Assumptions.from_json(tmp_path / "set.json")
    assert again == one
    assert again.hash == one.hash
    assert one.diff(again).empty


def test_a_difference_of_two_sets_names_every_figure_and_no_other() -> None:
    cn = ipv.Assumptions.default("CN")
    other = cn.replace(tax_rate=0.15, royalty_rate__7=0.09, royalty_rate__20=0.05)
    found = cn.diff(other).set_index("figure")
    assert list(found.index) == ["royalty_rate.20", "royalty_rate.7", "tax_rate"]
    assert found.loc["tax_rate"].tolist() == [0.25, 0.15]
    assert np.isnan(found.loc["royalty_rate.20", "value"])  # the first set has no such key
    mirrored = other.diff(cn).set_index("figure")
    assert mirrored["value"].equals(found["other"].rename("value"))


def test_the_edition_follows_the_day_and_never_the_future(region: str) -> None:
    for day in ("2017-06-30", "2020-12-31", "2025-03-01", "2026-12-31"):
        dated = ipv.Assumptions.default(region, as_of=day)
        first = ipv.Assumptions.default(region, as_of="1970-01-01")
        for (path, figure), (_, earliest) in zip(dated._figures(), first._figures()):
            assert figure.date <= dt.date.fromisoformat(day) or figure.date == earliest.date, path
    assert ipv.Assumptions.default("US", as_of="2020-12-31").risk_free_rate.value == 0.0093  # H.15, December 2020
    assert ipv.Assumptions.default("CN", as_of="2021-06-30").risk_free_rate.value == 0.0314


def test_treasury_yields_are_those_of_the_published_table(data_dir: Path) -> None:
    file = data_dir / "yield_curves" / "us_10y_monthly.csv"
    with file.open() as stream:
        published = {row[0][:7]: float(row[1]) for row in csv.reader(stream) if row[0][:1].isdigit()}
    for year in range(2016, 2026):
        figure = ipv.Assumptions.default("US", as_of=f"{year}-12-31").risk_free_rate
        assert figure.value == pytest.approx(published[f"{year}-12"] / 100)


def test_figures_by_industry_are_those_of_the_published_table(data_dir: Path) -> None:
    """Damodaran (NYU Stern), cost of capital by industry, US, edition 2026-01; spread of stocks times equity share."""
    file = data_dir / "damodaran_2025_2026" / "wacc_2026-01.csv"
    with file.open() as stream:
        published = {row["Industry Name"].strip(): row for row in csv.DictReader(stream)}
    us = ipv.Assumptions.default("US")
    for field in FIELDS:
        capital = us.cost_of_capital[field]
        industry = re.search(r"2026-01: (.*?); ", capital.source)
        assert industry is not None
        row = published[industry[1]]
        assert capital.value == pytest.approx(float(row["Cost of Capital"]), abs=1e-6)
        volatility = us.development_volatility[field]
        if volatility.source.startswith("derived from Damodaran (NYU Stern)"):
            assert industry[1] in volatility.source
            expected = float(row["Std Dev in Stock"]) * float(row["E/(D+E)"])
            assert volatility.value == pytest.approx(expected, abs=1e-4)


def conforms(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Check the keywords that the exported schema uses: $ref, type, properties, required, enum, pattern, minLength."""
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    kinds = {"object": dict, "string": str, "number": (int, float)}
    if not isinstance(value, kinds[schema["type"]]) or ("enum" in schema and value not in schema["enum"]):
        return False
    if schema["type"] == "string":
        return len(value) >= schema.get("minLength", 0) and bool(re.search(schema.get("pattern", ""), value))
    if schema["type"] == "number":
        return True
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not set(schema.get("required", [])) <= set(value) or (others is False and not set(value) <= set(known)):
        return False
    return all(conforms(value[k], known.get(k, others), root) for k in value)


def test_a_saved_set_conforms_to_the_exported_schema(region: str, tmp_path: Path) -> None:
    ipv.Assumptions.json_schema(tmp_path / "schema.json")
    schema = json.loads((tmp_path / "schema.json").read_text("utf-8"))
    assert schema == ipv.Assumptions.json_schema()
    saved = json.loads(ipv.Assumptions.default(region).to_json())
    assert conforms(saved, schema, schema)
    for broken in (
        {k: v for k, v in saved.items() if k != "tax_rate"},
        saved | {"taxrate": saved["tax_rate"]},
        saved | {"currency": "euro"},
        saved | {"tax_rate": saved["tax_rate"] | {"certainty": "sure"}},
        saved | {"tax_rate": 0.25},
        saved | {"royalty_rate": {"default": saved["tax_rate"] | {"source": ""}}},
    ):
        assert not conforms(broken, schema, schema)
        with pytest.raises(AssumptionError):
            ipv.Assumptions.from_json(json.dumps(broken))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tax_rate": 1.5}, "tax_rate"),
        ({"ramp_years__on_sale": -1.0}, "ramp"),
        ({"validity_probability__default": 1.01}, "validity_probability"),
        ({"enforcement_probability__CN": -0.1}, "enforcement_probability"),
        ({"royalty_log_sd": -0.1}, "royalty_log_sd"),
        ({"royalty_log_sd": 1e3}, "royalty_log_sd"),
        ({"replacement_log_sd": 1e6}, "replacement_log_sd"),
        ({"tax_rate": 1.0}, "tax_rate"),
        ({"patent_premium": -0.5}, "discount rate"),
        ({"cost_of_capital__8": 20.0}, "cost_of_capital.8"),
        ({"royalty_rate__default": 0.0}, "royalty_rate"),
        ({"revenue_decline__default": 2.0}, "revenue_decline"),
        ({"revenue_growth": -2.0}, "revenue_growth"),
        ({"risk_free_rate": -2.0}, "risk_free_rate"),
        ({"grant_prior_weight": -5.0}, "grant_prior_weight"),
        ({"contributory_share__workforce": -5.0}, "contributory_share"),
    ],
)
def test_a_figure_out_of_bounds_is_refused_by_name(change: dict[str, float], message: str) -> None:
    with pytest.raises(AssumptionError, match=message):
        ipv.Assumptions.default("CN").replace(**change)


def test_economics_override_each_figure_for_their_patent() -> None:
    """The second of two patents has its own figures, the first those of the set."""
    cn = ipv.Assumptions.default("CN")
    own = {
        "revenue_growth": [np.nan, 0.05],
        "attribution": [np.nan, 0.4],
        "operating_margin": [np.nan, 0.2],
        "royalty_rate": [np.nan, 0.02],
    }
    money = {"revenue": 1e6, "success_probability": [np.nan, 0.6], "revenue_life": [np.nan, 3.0]}
    book = subject(2, money=money, **own)
    found = expectations(book, cn)
    assert found["growth"].tolist() == [cn.revenue_growth.value, 0.05]
    assert found["decline"].tolist() == [cn.revenue_decline["default"].value, 0.0]
    assert found["attribution"].tolist() == [cn.attribution.value, 0.4]
    assert found["success_probability"].tolist() == [cn.success_probability.value, 0.6]
    assert found["years"].tolist() == [10.0, 3.0]
    assert margin_of(book, cn)[0].tolist() == [cn.operating_margin["8"].value, 0.2]
    method = ReliefFromRoyalty(royalty="assumed")
    snapshot = ipv.synthetic_book(5, seed=1).as_of("2024-12-31")
    state = method.fit(SimpleNamespace(snapshot=snapshot), cn)  # type: ignore[arg-type]
    rates = method.estimate(book, state, cn).details["royalty_rate"]
    np.testing.assert_allclose(rates, [cn.royalty_rate["8"].value, 0.02], rtol=1e-12)


def test_a_book_in_another_currency_has_the_converted_values() -> None:
    """The engine's income methods on one book, in yuan and in euro."""
    cn = ipv.Assumptions.default("CN")
    euro = cn.model_copy(update={"currency": "EUR"})
    book, day = ipv.synthetic_book(400, seed=3), "2023-12-31"
    names = ("relief_from_royalty", "excess_earnings", "profit_split")
    methods = [ipv.ReliefFromRoyalty(), ipv.ExcessEarnings(), ipv.ProfitSplit()]
    yuan, other = (
        ipv.ValuationEngine(methods, assumptions=assumed).fit(book, as_of=day).value(book.as_of(day)).to_pandas()
        for assumed in (cn, euro)
    )
    rate = exchange_rate(book.as_of(day), euro, np.array(["CNY"]))[0]
    for name in names:
        known = yuan[f"value_{name}"] > 0
        assert known.sum() > 50
        np.testing.assert_allclose(
            other.loc[known, f"value_{name}"], yuan.loc[known, f"value_{name}"] * rate, rtol=1e-11
        )
        assert (other[f"value_{name}"].notna() == yuan[f"value_{name}"].notna()).all()
