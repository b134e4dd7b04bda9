"""The scorecard: scores by hand, ranks, missing indicators, and the laws of the value that it sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.errors import AssumptionError, IpvalueError, Reason
from ipvalue.methods.indicators import Indicator, default_indicators, learn, read_indicators, score, score_of_each
from tests.methods import laws
from tests.methods.laws import CN, estimate
from tests.methods.scorecards import TABLE, exact_score, state
from tests.methods.subjects import subject

METHOD = ipv.IndicatorScore()
DAY = "2023-12-31"


def test_value_agrees_with_a_sum_over_years_in_60_digits() -> None:
    def income(columns: dict[str, Any], i: int) -> Any:
        carried = mpmath.mpf(columns["money"]["revenue"][i]) * mpmath.mpf(columns["attribution"][i])
        level = mpmath.mpf("0.25") + exact_score(columns, i) / 200
        z = mpmath.sqrt(2) * mpmath.erfinv(2 * level - 1)
        rate = mpmath.mpf(CN.royalty_rate["8"].value) * mpmath.exp(CN.royalty_log_sd.value * z)
        return carried * rate * (1 - mpmath.mpf(CN.tax_rate.value))

    laws.check_exact(METHOD, income, state(), amortised=False)


def test_one_year_at_a_score_of_50_is_the_median_royalty() -> None:
    """1,000,000 * 0.5 * 0.04 * 0.75 = 15,000, half a year away, at 10 %."""
    figures = {"cost_of_capital__8": 0.06, "country_risk_premium": 0.0, "patent_premium": 0.04}
    figures |= {"royalty_rate__8": 0.04} | laws.CERTAIN
    columns: dict[str, Any] = {"attribution": 0.5, "remaining_term": 1.0, "forward_citation_percentile": 0.5}
    columns |= {"opposition_survived": 0.0}
    result = estimate(METHOD, 1, state(), CN.replace(**figures), money={"revenue": 1e6}, **columns)
    assert result.details["score"][0] == 50.0
    assert result.details["royalty_rate"][0] == pytest.approx(0.04)
    assert result.value[0] == pytest.approx(15_000 / 1.10**0.5)


def test_value_rises_with_income_and_life_and_falls_with_the_discount_rate() -> None:
    laws.check_monotone(METHOD, state())


def test_value_rises_with_the_score_between_the_quartiles_of_the_statistics() -> None:
    columns: dict[str, Any] = {"forward_citation_percentile": [0.0, 0.3, 1.0]}
    result = estimate(METHOD, 3, state(TABLE[:1]), money={"revenue": 1e6}, **columns)
    assert (np.diff(result.value) > 0).all()
    width = 2 * 0.6744897501960817 * CN.royalty_log_sd.value
    assert result.value[2] / result.value[0] == pytest.approx(np.exp(width))
    assert result.details["rating"].tolist() == ["E", "D", "A"]
    np.testing.assert_allclose(result.details["share_rate"][[0, 2]], [0.16, 0.27])


def test_royalty_statistics_go_by_industry_where_the_bank_has_loaded_them() -> None:
    rates = CN.replace(royalty_rate__7=0.04).model_dump()
    rates["royalty_rate"]["8"] = rates["royalty_rate"]["7"] | {"value": 0.05}
    rates["royalty_rate"]["industry:C39"] = rates["royalty_rate"]["default"] | {
        "value": 0.06,
        "source": "the bank's table",
    }
    bank = ipv.Assumptions.model_validate(rates)
    money = {"revenue": 1e6, "industry": ["C39", "8", "", ""]}  # industry 8 is not technology field 8
    asked = subject(4, field=[7, 7, 7, 8], money=money, forward_citation_percentile=0.5)
    result = METHOD.estimate(asked, state(), bank)
    assert result.details["median_royalty"].tolist() == [0.06, 0.04, 0.04, 0.05]
    assert result.value[0] == pytest.approx(1.5 * result.value[1])
    assert METHOD.sources(asked, state(), bank)["median_royalty"] == "the bank's table"


def test_a_score_narrows_no_interval() -> None:
    """The whole spread of royalties stays in the interval: what the score explains of it is not shown."""
    steps = estimate(METHOD, 2, state(), **laws.random_book(2, 1)).details
    assert (steps["log_sd"] > CN.royalty_log_sd.value).all()


def test_a_score_without_revenue_is_no_price() -> None:
    result = estimate(METHOD, 1, state(), forward_citation_percentile=0.9)
    assert result.reason[0] == Reason.NO_REVENUE
    assert np.isnan(result.value[0])
    assert METHOD.scores(subject(1, forward_citation_percentile=0.9), state())["score"].iloc[0] == pytest.approx(90.0)


def test_value_scales_with_the_unit_of_money() -> None:
    laws.check_scale(METHOD, state())


def test_missing_inputs_are_reasons() -> None:
    laws.check_reasons(METHOD, state())


def test_values_do_not_depend_on_who_stands_beside() -> None:
    laws.check_chunks(METHOD, state())
    laws.check_chunks(METHOD, state(default_indicators()))


def test_steps_can_be_recomputed() -> None:
    steps = laws.check_steps(METHOD, "saving", state()).details
    saving = steps["revenue"] * steps["attribution"] * steps["royalty_rate"] * (1 - steps["tax"])
    np.testing.assert_allclose(steps["saving"], saving, rtol=1e-15)


def test_what_is_missing_gives_its_weight_to_its_dimension_and_then_to_the_others() -> None:
    """Legal 4 (3 of 100, 1 missing), technical 4 (missing), economic 2 (of 50): (4 * 100 + 2 * 50) / 6."""
    names = (("legal", "a", 3.0), ("legal", "b", 1.0), ("technical", "c", 4.0), ("economic", "d", 2.0))
    table = tuple(TABLE[0].model_copy(update={"dimension": d, "indicator": n, "weight": w}) for d, n, w in names)
    each = {k: np.array([v]) for k, v in (("a", 100.0), ("b", np.nan), ("c", np.nan), ("d", 50.0))}
    found = score(table, each)
    assert found["score"][0] == pytest.approx(500 / 6)
    assert found["coverage"][0] == pytest.approx(0.5)
    assert found["legal"][0] == 100.0
    assert np.isnan(found["technical"][0])
    nothing = score(table, {k: np.array([np.nan]) for k in each})
    assert np.isnan(nothing["score"][0])
    assert nothing["coverage"][0] == 0.0


def test_ranks_are_mid_ranks_in_the_field_of_the_book() -> None:
    """Of 101 patents with 0 to 100 claims, 50 claims are the middle; half of a book of ties stands at 50."""
    rank = TABLE[0].model_copy(update={"feature": "n_claims", "transform": "rank", "low": None, "high": None})
    back = rank.model_copy(update={"indicator": "back", "transform": "rank_reversed"})

    class Book:
        subject = subject(202, field=[3] * 101 + [4] * 101, n_claims=[*range(101), *[7.0] * 101])

    ranks = learn((rank, back), Book()).tables  # type: ignore[arg-type]
    asked = subject(5, field=[3, 3, 3, 4, 4], n_claims=[50.0, -1.0, np.nan, 7.0, 8.0])
    each = score_of_each((rank, back), ranks, asked)
    np.testing.assert_allclose(each["cited"], [50.0, 0.0, np.nan, 50.0, 100.0])
    np.testing.assert_allclose(each["back"], 100.0 - each["cited"])


def test_a_field_with_few_patents_is_ranked_among_all() -> None:
    rank = TABLE[0].model_copy(update={"feature": "n_claims", "transform": "rank", "low": None, "high": None})

    class Book:
        subject = subject(101, field=[3] * 100 + [4], n_claims=[*range(100), 50.0])

    ranks = learn((rank,), Book()).tables  # type: ignore[arg-type]
    assert score_of_each((rank,), ranks, subject(1, field=4, n_claims=99.0))["cited"][0] > 95.0


def test_the_default_table_has_the_levels_of_the_standard_and_claims_no_official_weight() -> None:
    table = default_indicators()
    assert len({row.dimension for row in table}) == 3
    assert len({(row.dimension, row.group) for row in table}) == 14
    assert len(table) == 27
    assert sum(row.weight for row in table) == 100.0
    assert {row.certainty for row in table} == {"assumed"}
    assert all(row.source.startswith("assumed") for row in table)
    catalogue = set(ipv.feature_catalogue()["name"])
    assert {row.feature for row in table if row.feature} <= catalogue


def test_a_bank_replaces_the_table_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    head = "dimension,group,indicator,weight,feature,transform,low,high,certainty,date,source\n"
    file.write_text(head + "legal,g,a,2,remaining_term,scale,0,20,published,2026-01-01,the bank\n")
    table = read_indicators(file)
    assert table == (
        Indicator(
            dimension="legal",
            group="g",
            indicator="a",
            weight=2,
            feature="remaining_term",
            transform="scale",
            low=0,
            high=20,
            certainty="published",
            date="2026-01-01",
            source="the bank",
        ),
    )
    for row, fault in (
        ("legal,g,a,-2,remaining_term,scale,0,20,published,2026-01-01,the bank", "greater than 0"),
        ("legal,g,a,2,remaining_term,scale,,,published,2026-01-01,the bank", "needs a low"),
        ("legal,g,a,2,,scale,0,1,published,2026-01-01,the bank", "no feature"),
    ):
        file.write_text(head + row + "\n")
        with pytest.raises(AssumptionError, match=fault):
            read_indicators(file)
    with pytest.raises(AssumptionError, match="no rows"):
        file.write_text(head)
        read_indicators(file)
    with pytest.raises(AssumptionError, match="there is none"):
        state((TABLE[0].model_copy(update={"feature": "tea_leaves"}),))


def test_bank_internal_values_a_book_and_comes_back_from_disk(book: ipv.Book, tmp_path: Path) -> None:
    engine = ipv.ValuationEngine.bank_internal("CN").fit(book, as_of=DAY)
    valuation = engine.value(book.as_of(DAY))
    frame = valuation.to_pandas()
    valued = frame[frame["value_indicator_score"].notna()]
    assert len(valued) > 100
    assert (valued["value"] > 0).all()
    engine.save(tmp_path / "engine")
    again = ipv.ValuationEngine.load(tmp_path / "engine")
    assert again.hash == engine.hash
    assert again.value(book.as_of(DAY)).to_pandas().equals(frame)
    sheet = valuation.explain(str(valued.index[0]) if valued.index.name == "patent_id" else valued["patent_id"].iloc[0])
    assert {"score", "rating", "coverage", "royalty_rate"} <= set(sheet["quantity"])
    assert sheet.loc[sheet["quantity"] == "coverage", "source"].iloc[0].startswith("missing: ")


def test_bank_internal_takes_the_banks_data_and_knows_only_china() -> None:
    engine = ipv.ValuationEngine.bank_internal(
        "CN", assumptions=CN.replace(royalty_rate__default=0.06), indicators=TABLE
    )
    assert engine.assumptions.royalty_rate["default"].value == 0.06
    assert engine.names == ["indicator_score"]
    with pytest.raises(IpvalueError, match="'US'"):
        ipv.ValuationEngine.bank_internal("US")
