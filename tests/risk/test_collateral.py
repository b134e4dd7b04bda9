"""Collateral, by cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import REASONS, AssumptionError, BookError, Reason, SchemaError
from ipvalue.risk.eligibility import ALL_RULES, broken_rules, reason_texts
from ipvalue.risk.lending import Ageing, aged_share, allocate, cover_lost, lending, rounded_cents
from tests.risk.hand import facts, flat_policy, loans, valuation


def reasons(**changes: object) -> str:
    """Reasons of one pair of which all is well but for the changes."""
    own = {"state": "in_force", "value": 100.0, "remaining": 10.0, "grade": "B", "years_owed": 3.0, "own_loans": 1}
    own |= {"consent": False, "exchange": 1.0}
    policy = changes.pop("policy", ipv.CollateralPolicy())
    mine = {name: np.array([changes.pop(name, value)]) for name, value in own.items()}
    return str(reason_texts(broken_rules(policy, facts(**changes), **mine))[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"state": "lapsed"}, "not_in_force"),
        ({"state": "examination"}, "not_in_force"),
        ({"state": "grace"}, "fee_overdue"),
        ({"fee_overdue": True}, "fee_overdue"),
        # three years owed and one year's margin: four years are enough, a day less is not
        ({"remaining": 4.0}, ""),
        ({"remaining": 3.997}, "life_too_short"),
        ({"remaining": np.nan}, "life_too_short"),
        # two registered pledges, of which the bank's own loans account for one or for both
        ({"pledges": 1}, ""),
        ({"pledges": 2}, "pledged_elsewhere"),
        ({"pledges": 2, "own_loans": 2}, ""),
        ({"seized": True}, "seized"),
        ({"suspended": True}, "ownership_disputed"),
        ({"challenged": True}, "under_challenge"),
        ({"challenged": True, "policy": ipv.CollateralPolicy(waived=("under_challenge",))}, ""),
        ({"co_owned": True}, "no_consent"),
        ({"co_owned": True, "consent": True}, ""),
        ({"value": 0.0}, "no_value"),
        ({"value": np.nan}, "no_value"),
        ({"grade": "D"}, ""),
        ({"grade": "E"}, "grade_too_low"),
        ({"grade": ""}, "grade_too_low"),
        ({"right": "topography"}, "right_not_accepted"),
        ({"years_owed": np.nan}, "no_maturity"),
        ({"exchange": np.nan}, "no_exchange_rate"),
        ({"known": False}, "not_checked"),
        ({"known": False, "policy": ipv.CollateralPolicy(unchecked="accept")}, ""),
        ({"seized": True, "challenged": True}, "seized; under_challenge"),
    ],
)
def test_each_rule_by_hand(changes: dict[str, object], expected: str) -> None:
    assert reasons(**changes) == expected


def test_every_rule_is_explained() -> None:
    assert all(REASONS[Reason[name.upper()]] for name in ALL_RULES)


def lent(median: float, basis: float, remaining: float, grade: str, right: str, deals: float) -> object:
    one = (np.array([v]) for v in (median, basis, remaining, grade, right, deals))
    return lending(ipv.CollateralPolicy(), *one)


def test_haircuts_by_hand() -> None:
    # grade C 20 %, utility model 20 %, 60 deals 10 %, 4 remaining years 25 %
    # kept 0.8 * 0.8 * 0.9 * 0.75 = 0.432; collateral value 700 * 0.432 = 302.4
    # sale: 302.4 * 0.7 * 0.9 = 190.512, after 12 months at 5 %: 190.512 / 1.05 = 181.44
    # ceiling: 15 % of the median of 1,000 = 150
    found = lent(1000.0, 700.0, 4.0, "C", "utility_model", 60.0)
    parts = [found.haircut_grade, found.haircut_right, found.haircut_liquidity, found.haircut_life, found.haircut]
    assert [round(float(p[0]), 12) for p in parts] == [0.2, 0.2, 0.1, 0.25, 0.568]
    assert found.collateral_value[0] == pytest.approx(302.4)
    assert found.sale_months[0] == 12
    assert found.forced_sale_value[0] == pytest.approx(181.44)
    assert found.lendable[0] == pytest.approx(150.0)


def test_the_forced_sale_binds_where_it_brings_less_than_the_ceiling() -> None:
    # no deals 30 %, under 3 years 40 %, grade D 35 %: kept 0.65 * 0.7 * 0.6 = 0.273; 300 * 0.273 = 81.9
    # sale: 81.9 * 0.63 = 51.597, 24 months: / 1.1025 = 46.8; the ceiling is 25 % of 1,000
    assert lent(1000.0, 300.0, 2.0, "D", "invention", 0.0).lendable[0] == pytest.approx(46.8)


@pytest.mark.parametrize(("deals", "remaining"), [(9.0, 2.99), (10.0, 3.0), (50.0, 5.0), (200.0, 8.0)])
def test_a_band_begins_at_its_lower_bound(deals: float, remaining: float) -> None:
    liquidity = {9.0: 0.3, 10.0: 0.2, 50.0: 0.1, 200.0: 0.0}
    life = {2.99: 0.4, 3.0: 0.25, 5.0: 0.1, 8.0: 0.0}
    found = lent(1.0, 1.0, remaining, "A", "invention", deals)
    assert (found.haircut_liquidity[0], found.haircut_life[0]) == (liquidity[deals], life[remaining])


def test_an_unknown_right_takes_the_worst_figures() -> None:
    found = lent(1000.0, 1000.0, 9.0, "A", "", 500.0)
    assert found.haircut_right[0] == 0.2
    assert found.lendable[0] == pytest.approx(150.0)


def test_one_patent_to_two_loans_serves_the_earlier_first() -> None:
    # half of 1,000 may be lent: the loan of 2022 takes its 300, that of 2023 gets the 200 that are left of its 400
    table = loans(("L-B", "P0", "2023-01-01", "2026-12-31", 400.0), ("L-A", "P0", "2022-01-01", "2026-12-31", 300.0))
    report = ipv.collateral(valuation(1000.0), table, flat_policy())
    assert report.loans["loan_id"].tolist() == ["L-A", "L-B"]
    assert report.loans["allocated"].tolist() == [300.0, 200.0]
    assert report.loans["available"].tolist() == [500.0, 200.0]
    assert report.loans["shortfall"].tolist() == [0.0, 200.0]
    assert report.loans["cover"].tolist() == [pytest.approx(5 / 3), 0.5]
    assert report.loans["margin_call"].tolist() == [False, True]  # 0.5 is below 0.8
    # the second loan holds 200 / 500 of the patent: 400 owed on a value of 400
    assert report.loans["ltv"].tolist() == [pytest.approx(0.3), pytest.approx(1.0)]


def test_a_given_rank_comes_before_the_date() -> None:
    table = loans(
        ("L-A", "P0", "2022-01-01", "2026-12-31", 300.0),
        ("L-B", "P0", "2023-01-01", "2026-12-31", 400.0),
        rank=[2, 1],
    )
    report = ipv.collateral(valuation(1000.0), table, flat_policy())
    assert dict(zip(report.loans["loan_id"], report.loans["allocated"])) == {"L-B": 400.0, "L-A": 100.0}


def test_several_patents_and_loans_by_hand() -> None:
    # lendable: P0 100, P1 300, P2 50. First L1 (P0, P1) owes 200: takes 1/4 and 3/4 of it, 50 and 150.
    # L2 (P1, P2) owes 500: takes what is left of P1, 150, and P2's 50. L3 (P0) owes 20 of the 50 left.
    table = loans(
        ("L1", "P0", "2020-01-01", "2026-12-31", 200.0),
        ("L1", "P1", "2020-01-01", "2026-12-31", 200.0),
        ("L2", "P1", "2021-01-01", "2026-12-31", 500.0),
        ("L2", "P2", "2021-01-01", "2026-12-31", 500.0),
        ("L3", "P0", "2022-01-01", "2026-12-31", 20.0),
    )
    report = ipv.collateral(valuation([200.0, 600.0, 100.0]), table, flat_policy())
    assert report.pairs["allocated"].tolist() == [50.0, 150.0, 150.0, 50.0, 20.0]
    assert report.loans["shortfall"].tolist() == [0.0, 300.0, 0.0]


def test_an_ineligible_patent_lends_nothing_and_says_why() -> None:
    table = loans(("L1", "P0", "2020-01-01", "2026-12-31", 10.0), ("L1", "P1", "2020-01-01", "2026-12-31", 10.0))
    report = ipv.collateral(valuation([100.0, 100.0], state=["in_force", "lapsed"]), table, flat_policy())
    assert report.pairs["reasons"].tolist() == ["", "not_in_force"]
    assert report.pairs["lendable"].tolist() == [50.0, 0.0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=30, unique=True),
    st.lists(st.integers(0, 10**12), min_size=6, max_size=6),
    st.lists(st.integers(0, 10**12), min_size=8, max_size=8),
)
def test_lent_value_never_exceeds_pledged_value_exactly(
    edges: list[tuple[int, int]], capacity: list[int], need: list[int]
) -> None:
    edges = sorted(edges)
    loan, patent = np.array([e[0] for e in edges], np.int64), np.array([e[1] for e in edges], np.int64)
    room, owed = np.array(capacity), np.array(need)
    found = allocate(loan, patent, room, owed)
    lent_of, given_to = np.zeros(6, np.int64), np.zeros(8, np.int64)
    np.add.at(lent_of, patent, found.allocated)
    np.add.at(given_to, loan, found.allocated)
    assert (lent_of <= room).all() and (given_to <= owed).all() and (found.allocated >= 0).all()
    # and nothing is withheld: a loan that lacks something has emptied its patents
    short = given_to < owed
    assert (found.allocated[short[loan]] == found.available[short[loan]]).all()


def test_conservation_holds_for_large_money() -> None:
    loan, patent = np.array([0, 0, 0]), np.array([0, 1, 2])
    found = allocate(loan, patent, np.array([10**17 - 1, 7, 10**16 + 3]), np.array([10**17 - 5]))
    assert found.allocated.sum() == 10**17 - 5


def test_money_is_rounded_against_the_lender() -> None:
    assert rounded_cents(np.array([1.239, np.nan, -5.0, 0.29])).tolist() == [123, 0, 0, 29]
    assert rounded_cents(np.array([1.231, 0.29]), up=True).tolist() == [124, 29]


def ageing(remaining: float, rate: float = 0.0, decline: float = 0.0) -> Ageing:
    return Ageing(*(np.array([v]) for v in (remaining, rate, decline, 0.0, 0.0)))


def test_value_along_a_life_by_hand() -> None:
    # without interest and decline, 10 years' income shrink to 6 years' in 4 years
    assert aged_share(ageing(10.0), np.array([4.0]))[0] == pytest.approx(0.6)
    # at 10 %: (1 - 1.1 ** -6) / (1 - 1.1 ** -10) = 0.4355260699 / 0.6144567106 = 0.7087980
    assert aged_share(ageing(10.0, 0.1), np.array([4.0]))[0] == pytest.approx(0.7087985, abs=1e-6)
    # a decline of a half a year, two years: income 1 and 1/2; after one year 1/2 is left of 3/2
    assert aged_share(ageing(2.0, 0.0, 0.5), np.array([1.0]))[0] == pytest.approx(1 / 3)
    assert aged_share(ageing(3.0), np.array([3.0]))[0] == 0.0


def test_loan_life_curve_by_hand() -> None:
    # the default assumptions' rate and decline are set to 0, so a patent of 10 years loses a tenth a year:
    # value 1000, 900, 800, 700, of which half may be lent: 500, 450, 400, 350 against 420 owed
    table = loans(("L1", "P0", "2022-12-31", "2027-12-31", 420.0))
    plain = ipv.Assumptions.default("CN").replace(country_risk_premium=0.0, patent_premium=0.0)
    zero = {f"{n}__default": 0.0 for n in ("cost_of_capital", "revenue_decline")}
    report = ipv.collateral(valuation(1000.0), table, flat_policy(), assumptions=plain.replace(**zero))
    curve = report.curve
    years = np.array([0.0, 1.0, 2.0, 1095 / 365.25])  # to 2027-12-31 are 1,095 days
    assert curve["years"].tolist() == pytest.approx(years.tolist())
    assert curve["value"].tolist() == pytest.approx((1000 - 100 * years).tolist())
    assert curve["lendable"].tolist() == pytest.approx((500 - 50 * years).tolist())
    assert curve["ltv"].tolist() == pytest.approx((420 / (1000 - 100 * years)).tolist())
    # 500 - 50 t = 420 at t = 1.6; cover is a straight line here: 584 days on
    assert report.loans["cover_lost"][0] == pd.Timestamp("2024-12-31") + pd.Timedelta(days=584)


def test_the_quantile_widens_by_the_square_root_of_time() -> None:
    # sigma 0.5 now, volatility of the default set; q05 = median * exp(-1.6449 * sqrt(0.25 + v * v * t))
    table = loans(("L1", "P0", "2022-12-31", "2026-12-31", 420.0))
    report = ipv.collateral(valuation(1000.0, 0.5), table, flat_policy())
    volatility = ipv.Assumptions.default("CN").development_volatility["default"].value
    curve = report.curve
    expected = curve["value"] * np.exp(-1.6448536 * np.sqrt(0.25 + volatility**2 * curve["years"]))
    assert curve["value_q05"].tolist() == pytest.approx(expected.tolist())


def test_two_patents_5_percent_quantile_is_not_the_sum_of_theirs() -> None:
    table = loans(("L1", "P0", "2022-12-31", "2026-12-31", 9.0), ("L1", "P1", "2022-12-31", "2026-12-31", 9.0))
    now = ipv.collateral(valuation([100.0, 100.0], 0.8), table, flat_policy()).curve.iloc[0]
    assert now["value_q05"] > 2 * 100 * np.exp(-1.6448536 * 0.8) * 1.1


def test_a_linear_repayment_keeps_the_cover_longer() -> None:
    table = loans(("L1", "P0", "2022-12-31", "2027-12-31", 490.0))
    value = valuation(1000.0)
    lost = [
        ipv.collateral(value, table, flat_policy(repayment=way)).loans["cover_lost"][0] for way in ("bullet", "linear")
    ]
    assert pd.notna(lost[0]) and pd.isna(lost[1])


def test_cover_lost_at_once_or_never() -> None:
    years = np.array([[0.0, 0.0], [1.0, 1.0]])
    cover = np.array([[0.9, 1.2], [0.8, 1.0]])
    assert cover_lost(years, cover, np.ones(2)).tolist() == pytest.approx([0.0, np.nan], nan_ok=True)


def test_a_missing_rate_is_a_reason_and_a_given_one_converts() -> None:
    table = loans(
        ("L1", "P0", "2022-01-01", "2026-12-31", 10.0),
        ("L2", "P1", "2022-01-01", "2026-12-31", 10.0),
        currency=["USD", "XXX"],
    )
    report = ipv.collateral(valuation([100.0, 100.0]), table, flat_policy(), rates={"USD": 7.0})
    assert report.loans["exposure"].tolist() == pytest.approx([70.0, np.nan], nan_ok=True)
    assert report.pairs["reasons"].tolist() == ["", "no_exchange_rate"]
    assert report.loans["reason"].tolist() == ["", "no_exchange_rate"]
    # nobody can say that the second is covered, and it is in no sum: both are said
    assert report.loans["margin_call"].tolist() == [True, True]
    enough = ipv.collateral(valuation([1e6, 1e6]), table, flat_policy(), rates={"USD": 7.0})
    assert enough.loans["margin_call"].tolist() == [False, True]
    assert "loans left out of sums, without an exchange rate 1" in repr(enough)


@pytest.mark.parametrize("rate", [0.0, -7.0, float("nan"), float("inf"), "7", True])
def test_a_rate_that_is_none_is_refused(rate: object) -> None:
    table = loans(("L1", "P0", "2022-01-01", "2026-12-31", 10.0), currency=["USD"])
    with pytest.raises(BookError, match=r"rates\['USD'\]=.*above 0"):
        ipv.collateral(valuation(100.0), table, flat_policy(), rates={"USD": rate})  # type: ignore[dict-item]


def test_bad_rows_are_set_aside_and_the_rest_is_judged() -> None:
    table = loans(
        ("L1", "P0", "2022-01-01", "2026-12-31", 10.0),
        ("L2", "P9", "2022-01-01", "2026-12-31", 10.0),
        ("L3", "P0", "2025-01-01", "2026-12-31", 10.0),
        ("L4", "P0", "2022-01-01", "2021-12-31", 10.0),
        ("L5", "P0", "2022-01-01", "2026-12-31", -1.0),
        ("L1", "P0", "2022-01-01", "2026-12-31", 11.0),
        ("L6", None, "2022-01-01", "2026-12-31", 11.0),
    )
    report = ipv.collateral(valuation(1000.0), table, flat_policy())
    assert report.loans["loan_id"].tolist() == ["L1"]
    codes = ["unknown_patent", "not_drawn", "inconsistent_dates", "out_of_range", "duplicate_key", "missing"]
    assert report.rejects["code"].tolist() == codes


def test_no_loans_and_missing_columns() -> None:
    empty = ipv.collateral(valuation(1000.0), loans(), flat_policy())
    assert len(empty.loans) == len(empty.pairs) == len(empty.curve) == 0
    with pytest.raises(SchemaError, match="exposure"):
        ipv.collateral(valuation(1000.0), {"loan_id": ["L"], "patent_id": ["P0"]}, flat_policy())


def test_dates_that_do_not_fit_are_refused(book: ipv.Book) -> None:
    table = loans(("L1", "P0", "2022-01-01", "2026-12-31", 10.0))
    with pytest.raises(BookError, match="earlier"):
        ipv.collateral(valuation(1000.0), table, flat_policy(), as_of="2024-01-01")
    with pytest.raises(BookError, match="snapshot"):
        ipv.collateral(valuation(1000.0), table, flat_policy(), snapshot=book.as_of("2023-12-31"))


def test_the_register_of_the_snapshot_is_read(book: ipv.Book, valuation: ipv.Valuation) -> None:
    """Each patent of the book as collateral of its own loan: its flags become reasons."""
    frame = ipv.extract(book.as_of("2023-12-31"))
    ids = [str(i) for i in frame.index]
    table = {"loan_id": ids, "patent_id": ids, "exposure": [1.0] * len(ids), "maturity_date": ["2024-06-30"] * len(ids)}
    pairs = ipv.collateral(valuation, table).pairs.set_index("patent_id").loc[ids]
    for flag, reason in (
        ("preserved", "seized"),
        ("challenged", "under_challenge"),
        ("suspended", "ownership_disputed"),
    ):
        assert (pairs["reasons"].str.contains(reason).to_numpy() == (frame[flag] == 1).to_numpy()).all()
    assert (pairs["reasons"].str.contains("not_in_force").to_numpy() == (frame["enforceable"] == 0).to_numpy()).all()
    assert not pairs["reasons"].str.contains("not_checked").any()
    assert pairs["eligible"].any()


def test_pledges_and_seizures_of_the_register_by_hand() -> None:
    """CN codes: PE01 registers a pledge, PP01 a seizure by a court. P0 has two pledges, one of them the bank's."""
    dates = {"application_date": ["2015-01-01"] * 4, "grant_date": ["2018-01-01"] * 4}
    owners = [["one"], ["one"], ["one", "two"], ["one"]]
    patents = {"patent_id": ["P0", "P1", "P2", "P3"], "jurisdiction": ["CN"] * 4, "right": ["invention"] * 4}
    events = {
        "patent_id": ["P0", "P0", "P1", "P3"],
        "effective_date": ["2024-01-05", "2024-03-01", "2024-10-01", "2024-01-05"],
        "scheme": ["cnipa"] * 4,
        "office": ["CN"] * 4,
        "code": ["PE01", "PE01", "PP01", "PE01"],
        "detail": ["Y1", "Y2", "B1", "Y3"],
    }
    book = ipv.Book(patents=patents | dates | {"owners": owners}, legal_events=events)
    table = loans(*((f"L{k}", f"P{k}", "2024-01-01", "2026-12-31", 10.0) for k in range(4)))
    report = ipv.collateral(valuation([100.0] * 4), table, snapshot=book.as_of("2024-12-31"))
    assert report.pairs["reasons"].tolist() == ["pledged_elsewhere", "seized", "no_consent", ""]
    agreed = ipv.collateral(valuation([100.0] * 4), table | {"consent": [True] * 4}, snapshot=book.as_of("2024-12-31"))
    assert agreed.pairs["reasons"].tolist() == ["pledged_elsewhere", "seized", "", ""]


def test_values_from_a_file_are_not_lent_against_without_the_register(valuation: ipv.Valuation, book: ipv.Book) -> None:
    bare = ipv.Valuation(valuation.table, valuation.provenance)
    table = book.tables["loans"]
    refused = ipv.collateral(bare, table)
    assert refused.pairs["reasons"].str.contains("not_checked").all()
    again = ipv.collateral(bare, table, snapshot=book.as_of("2023-12-31"))
    pd.testing.assert_frame_equal(again.pairs, ipv.collateral(valuation, table).pairs)


def test_the_order_of_rows_does_not_matter(valuation: ipv.Valuation, book: ipv.Book) -> None:
    frame = book.tables["loans"].to_pandas()
    one = ipv.collateral(valuation, frame)
    other = ipv.collateral(valuation, frame.sample(frac=1.0, random_state=3))
    pd.testing.assert_frame_equal(one.loans, other.loans)
    pd.testing.assert_frame_equal(one.curve, other.curve)


def test_policy_round_trip_hash_and_bounds() -> None:
    policy = ipv.CollateralPolicy()
    assert ipv.CollateralPolicy.from_json(policy.to_json()) == policy
    assert policy.hash != ipv.CollateralPolicy(version="2").hash
    assert set(policy.table()["certainty"]) <= {"published", "derived", "assumed"}
    assert policy.table()["source"].str.len().min() > 10
    schema = ipv.CollateralPolicy.json_schema()
    assert "maximum_ltv" in schema["properties"]
    with pytest.raises(AssumptionError, match="share must be between"):
        ipv.CollateralPolicy.from_json(policy.to_json().replace('"value": 0.25', '"value": 1.25'))
    for wrong in ({"waived": ("no_value",)}, {"waived": ("luck",)}, {"haircut_life": {}}, {"haircut_grade": {}}):
        with pytest.raises(ValueError, match=r"waived|haircut"):
            ipv.CollateralPolicy(**wrong)
