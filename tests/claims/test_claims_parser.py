import csv
import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvalue.claims.parser import CATEGORIES, ClaimProblem, Dependency, parse, summarise
from ipvalue.claims.patterns import patterns
from ipvalue.claims.split import split_text
from tests.shared_data import DATA, FACTS, absent, existing, needs

VECTORS = FACTS / "04_claim_test_vectors.csv"
USPTO = DATA / "uspto_grant_xml" / "derived_claims.tsv"
CHINESE_SETS = DATA / "cn_status_and_claims" / "claims_sets.json"
OFFICE_XML = DATA / "wipo_st36_cn_jp_us"


def vectors():
    if not VECTORS.exists():
        return absent(VECTORS, {})
    with VECTORS.open(encoding="utf-8") as file:
        return [pytest.param(row, id=f"{row['lang']}-{place}") for place, row in enumerate(csv.DictReader(file))]


@pytest.mark.parametrize("vector", vectors())
@pytest.mark.parametrize("detected", [False, True], ids=["told", "detected"])
def test_vectors_of_the_facts(vector, detected):
    parsed = parse([[f"{vector['claim_no']}. {vector['text']}"]], None if detected else vector["lang"])
    assert parsed.number.tolist() == [int(vector["claim_no"])]
    assert parsed.edge_number.tolist() == [int(each) for each in vector["expected_refs"].split()]
    assert Dependency(parsed.dependency[0]).name.lower() == vector["expected_dependency"]
    assert CATEGORIES[parsed.category[0]] == vector["expected_category"]
    assert parsed.to_pandas()["language"][0] == vector["lang"]


@pytest.fixture(scope="module")
def uspto():
    return pd.read_csv(existing(USPTO), sep="\t", dtype=str, keep_default_na=False)


def test_dependency_edges_of_real_us_claims(uspto):
    parsed = parse(list(uspto.groupby("patent", sort=False)["text"].agg(list)))
    np.testing.assert_array_equal(parsed.row, pd.factorize(uspto["patent"])[0])
    np.testing.assert_array_equal(parsed.number, uspto["claim_num"].astype(int))
    marked = uspto["dependent_on"].str.extract(r"(\d+)", expand=False).astype(float).to_numpy()
    truth = {(claim, int(parent)) for claim, parent in enumerate(marked) if parent == parent}
    ours = set(zip(parsed.edge_claim.tolist(), parsed.edge_number.tolist()))
    misses, extras = sorted(truth - ours), sorted(ours - truth)
    # the mark holds one reference a claim; further ones of a list, a range or "previous claims" are no errors
    several = re.compile(r"claims? \d+ (?:or|and|to|through) |previous claims|claim \d+.*claim \d+", re.DOTALL)
    wrong = [edge for edge in extras if not several.search(uspto["text"].iloc[edge[0]])]
    recall, precision = 1 - len(misses) / len(truth), 1 - len(wrong) / len(ours)
    print(f"\n{len(truth)} marked, {len(ours)} found; recall {recall:.4f}, precision {precision:.4f}")
    print(f"of {len(extras)} edges beyond the one marked a claim, {len(wrong)} have no second reference")
    for claim, parent in misses + wrong:
        print(claim, parent, uspto["text"].iloc[claim][:160])
    assert recall >= 0.99
    assert precision >= 0.99


def test_every_extra_edge_of_the_us_claims_belongs_to_a_hand_checked_claim(uspto):
    parsed = parse(list(uspto.groupby("patent", sort=False)["text"].agg(list)))
    several = np.unique(parsed.edge_claim[np.flatnonzero(np.diff(parsed.edge_claim, prepend=-1) == 0)])
    # claims with more than one edge: "previous claims", ranges, "1 or 2"; read by eye
    expected = {"06836979-16", "06838526-4"}
    found = set(uspto["patent"].iloc[several] + "-" + uspto["claim_num"].iloc[several].astype(int).astype(str))
    assert expected <= found
    assert len(found) == 22
    flagged = uspto["text"][parsed.problems > 0]
    assert [text[:40] for text in flagged] == ["3. The light-emitting element drive appa"]  # cites itself in print


def test_independent_claims_of_real_us_patents_by_hand_counted_categories(uspto):
    parsed = parse(list(uspto.groupby("patent", sort=False)["text"].agg(list)))
    strict = parsed.dependency == Dependency.INDEPENDENT
    starts_as_method = uspto["text"].str.match(r"\d+\. (?:A|An|The)?\s?(?:method|process) (?:of|for|to)\b", case=False)
    assert (parsed.category[strict & starts_as_method.to_numpy()] == CATEGORIES.index("process")).all()
    marked = (uspto["dependent_on"] == "").to_numpy()
    assert np.count_nonzero(strict != marked) == 2  # "previous claims" and a garbled range carry no mark


def test_twenty_thousand_claims_a_second(uspto):
    sets = list(uspto.groupby("patent", sort=False)["text"].agg(list))
    patterns("en")
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        parse(sets)
        best = min(best, time.process_time() - start)
    print(f"\n{len(uspto) / best:,.0f} claims/s")
    assert len(uspto) / best > 20_000 / 2  # half, for machines that are slower or shared


@needs(CHINESE_SETS)
def test_chinese_sets_with_an_examiners_answers():
    sets = [each for each in json.loads(CHINESE_SETS.read_text()) if "direct_dependencies" in each]
    parsed = parse([each["text"] for each in sets])
    frame, edges = parsed.to_pandas(), parsed.edges_to_pandas()
    for row, each in enumerate(sets):
        assert (frame["row"] == row).sum() == each["n_claims"]
        for number, parents in each["direct_dependencies"].items():
            mine = edges[(edges["row"] == row) & (edges["claim_number"] == int(number))]
            assert mine["parent_number"].tolist() == parents
        for number, dependent in each.get("is_dependent_per_examiner_tool", {}).items():
            mine = frame[(frame["row"] == row) & (frame["claim_number"] == int(number))]
            assert mine["dependency"].isin(["dependent", "multiple"]).item() == dependent
    assert frame["problems"].sum() == 0


@needs(OFFICE_XML)
def test_japanese_claims_as_printed_by_the_office():
    text = (OFFICE_XML / "jp_example1.xml").read_text(encoding="utf-8", errors="replace")
    claims = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<claim .*?</claim>", text, re.DOTALL)]
    frame = parse([claims]).to_pandas()
    assert set(frame["language"]) == {"ja"}
    assert frame["references"].tolist() == ["", "1", "1", "1", "4", "1"]
    assert set(frame["category"]) == {"process"}
    assert frame["dependency"].tolist() == ["independent"] + ["dependent"] * 5


def test_a_text_is_split_like_its_list():
    claims = [
        "1. A method comprising: a) heating; b) cooling.",
        "2. The method of claim 1.",
        "3. Use of a pump.",
    ]
    listed, whole = parse([claims]), parse(["\n".join(["What is claimed is:", *claims])])
    pd.testing.assert_frame_equal(listed.to_pandas(), whole.to_pandas())


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("1. A pump. 2. The pump of claim 1. 3. A valve.", [1, 2, 3]),
        ("1. A method comprising:\n1) heating\n2) cooling.\n2. The method of claim 1.", [1, 2]),
        ("1．一种泵。2．根据权利要求1所述的泵，其中直径为2.5毫米。\n3、一种阀。", [1, 2]),
        ("1、一种泵。\n2、根据权利要求1所述的泵。", [1, 2]),
        ("【請求項１】ポンプ。【請求項２】請求項１に記載のポンプ。", [1, 2]),
        ("1. Pumpe.\n2. Pumpe nach Anspruch 1, mit 3. Ventil.", [1, 2]),
        ("A pump without a number.", [1]),
        ("1. A.\n2. B.\n4. C.\n5. D.", [1, 2, 4, 5]),
        ("   ", []),
    ],
)
def test_numbers_that_split_a_text(text, numbers):
    assert [number for number, _ in split_text(text.replace("．", "."))] == numbers


def test_language_is_detected_by_row_and_lengths_are_in_its_unit():
    frame = parse(
        [
            "1. A pump comprising a valve.",
            "1. Pumpe, umfassend ein Ventil und eine Feder.",
            "1. 一种泵，包括阀。",
            "1. 弁を備えるポンプ。",
            ["1. 如請求項2所述之裝置。"],
        ]
    ).to_pandas()
    assert frame["language"].tolist() == ["en", "de", "zh", "ja", "zh"]
    assert frame["length"].tolist() == [5, 7, 6, 8, 10]
    assert frame["preamble_length"].tolist()[:3] == [2, 1, 3]


def test_transitions_and_means():
    frame = parse(
        [
            ["A pump comprising a seal consisting of rubber."],
            ["A pump consisting of a seal."],
            ["A composition consisting essentially of water."],
            ["A heater having means for heating water."],
            ["The pump of claim 1 wherein it is red."],
            ["Mittel zum Erhitzen, dadurch gekennzeichnet, dass es rot ist"],
            ["一种组合物，由水和盐组成。"],
        ]
    ).to_pandas()
    expected = ["open", "closed", "semi_closed", "open", "none", "open", "closed"]
    assert frame["transition"].tolist() == expected
    assert frame["means_plus_function"].tolist() == [False, False, False, True, False, True, False]


def test_same_category_but_another_subject_is_independent_by_reference():
    text = (
        "1. A device for pumping.\n2. A vehicle comprising a device according to claim 1.\n"
        "3. A device having a lid according to claim 1.\n4. The vehicle of claim 2.\n"
        "5. A process of using claim 1."
    )
    assert parse([text]).dependency.tolist() == [0, 3, 1, 1, 3]


def problems_of(text):
    return [ClaimProblem(each) for each in parse([text]).problems.tolist()]


def test_malformed_sets_are_parsed_as_far_as_they_go_and_flagged():
    ok = ClaimProblem.NONE
    assert problems_of("1. A.\n3. The A of claim 1.") == [ok, ClaimProblem.NUMBER_GAP]
    assert problems_of(["1. A.", "1. A of claim 7.", ""]) == [
        ok,
        ClaimProblem.DUPLICATE_NUMBER | ClaimProblem.MISSING_PARENT | ClaimProblem.FORWARD_REFERENCE,
        ClaimProblem.EMPTY | ClaimProblem.NUMBER_GAP,
    ]
    circle = ClaimProblem.CYCLE
    assert problems_of("1. A of claim 2.\n2. A of claim 1.\n3. A of claim 2.\n4. A of claim 4.") == [
        circle | ClaimProblem.FORWARD_REFERENCE,
        circle,
        ok,
        circle | ClaimProblem.SELF_REFERENCE,
    ]


def test_rows_without_claims_stay_rows():
    parsed = parse([None, "", [], float("nan"), [None], "1. A pump."])
    assert parsed.n_rows == 6
    assert parsed.row.tolist() == [4, 5]
    summary = summarise(parsed, 6)
    np.testing.assert_array_equal(np.isnan(summary["n_claims"]), [True, True, True, True, False, False])
    assert all(np.isnan(values[:4]).all() and values.shape == (6,) for values in summary.values())
    assert summary["n_claims"][4:].tolist() == [1.0, 1.0]
    empty = parse([])
    assert empty.row.size == 0 and len(empty.to_pandas()) == 0
    assert summarise(empty, 0)["n_claims"].size == 0


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="2 rows of claims but 1 languages"):
        parse(["a", "b"], ["en"])
    with pytest.raises(TypeError, match="int"):
        parse([5])


def test_summary_of_a_tree_drawn_by_hand():
    text = (
        "1. A pump comprising a valve and a seal.\n2. The pump of claim 1.\n3. The pump of claim 2.\n"
        "4. The pump of claim 1 or 3.\n5. A method of pumping.\n6. The method of claim 5.\n"
        "7. A vehicle comprising the pump of claim 1."
    )
    expected = {
        "n_claims": 7,
        "n_independent": 2,
        "n_independent_legal": 3,
        "n_dependent": 4,
        "first_claim_length": 8,
        "shortest_independent_length": 4,
        "mean_depth": 5 / 7,
        "max_depth": 2,
        "width": 3,
        "share_product": 2 / 3,
        "share_process": 1 / 3,
        "share_use": 0,
        "share_program": 0,
        "share_means_plus_function": 0,
        "n_problems": 0,
    }
    summary = summarise(parse([text]))
    assert {name: values[0] for name, values in summary.items()} == pytest.approx(expected)


def test_rows_do_not_touch_one_another():
    sets = [
        "1. A pump.\n2. The pump of claim 1.",
        "1. 一种泵。\n2. 根据权利要求1所述的泵。",
        None,
        "1. Pumpe.\n2. Pumpe nach Anspruch 9.",
    ]
    together = summarise(parse(sets))
    for row, each in enumerate(sets):
        alone = summarise(parse([each]))
        for name, values in together.items():
            np.testing.assert_array_equal(values[row], alone[name][0], err_msg=name)


HOSTILE = {
    "one word": "a" * 1_000_000,
    "numbers": "claims 1-999, " * 70_000,
    "open lists": "claim " + "1, " * 300_000,
    "spaces": "1. A" + " " * 1_000_000 + "claim 1",
    "lines": "\n" * 1_000_000,
    "numbered lines": "\n".join(f"{n}. any preceding claim" for n in range(40_000)),
    "nul": "1. A pump\x00of claim\x00" * 50_000,
    "uses": "Use of " * 150_000,
    "ing": "ing " * 250_000 + "means",
    "chinese": "1. 由" + "的" * 1_000_000 + "组",
    "chinese functions": "用于" * 500_000,
    "japanese": "請求項1に記載の" * 100_000,
    "brackets": "【請求項" * 200_000,
    "any": "any one of " * 100_000 + "preceding",
    "expanding": "\ufdfa" * 50_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("language", ["en", "de", "zh", "ja"])
def test_a_megabyte_of_hostile_text_is_read_in_linear_time(name, language):
    start = time.process_time()
    parsed = parse([HOSTILE[name], [HOSTILE[name]]], language)
    summarise(parsed, 2)
    assert time.process_time() - start < 8.0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=80), st.lists(st.text(max_size=40), max_size=4)), max_size=5))
def test_no_text_makes_the_parser_fail(sets):
    summary = summarise(parse(sets), len(sets))
    assert all(values.size == len(sets) for values in summary.values())


words = st.sampled_from(
    [
        "claim 1",
        "claims 2 to 4",
        "any preceding claim",
        "权利要求1至3",
        "請求項2",
        "Ansprüche 1 bis 3",
        "A pump",
        "。",
        ",",
        "\n",
        "5.",
        "的方法",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(words, max_size=12).map(" ".join), max_size=4))
def test_edges_are_sorted_unique_and_inside_the_set(sets):
    parsed = parse(sets)
    keys = parsed.edge_claim * 1000 + parsed.edge_number
    assert (np.diff(keys) > 0).all()
    found = parsed.edge_parent >= 0
    np.testing.assert_array_equal(parsed.row[parsed.edge_parent[found]], parsed.row[parsed.edge_claim[found]])
    np.testing.assert_array_equal(parsed.number[parsed.edge_parent[found]], parsed.edge_number[found])
    has_edge = np.isin(np.arange(parsed.row.size), parsed.edge_claim)
    assert not has_edge[parsed.dependency == Dependency.INDEPENDENT].any()
