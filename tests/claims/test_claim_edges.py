"""Dependency edges of claim sets whose references were read by hand, and of sets composed for the test.

The real sets are those of :mod:`claim_sets_real`, the others those of :mod:`claim_sets_composed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ipvalue.claims.parser import parse
from ipvalue.claims.split import numbered_claims
from tests.claims.claim_sets_composed import TONGUES, ComposedSet, composed_sets
from tests.claims.claim_sets_real import LABELS, claim_set

Edge = tuple[str, int, int]


class Score(NamedTuple):
    """What was found of the labelled edges."""

    labelled: int
    found: int
    missed: list[Edge]
    wrong: list[Edge]

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.labelled

    @property
    def precision(self) -> float:
        return 1 - len(self.wrong) / self.found


def score(
    names: Iterable[str], sets: list[str | list[str]], parents: list[dict[int, list[int]]], language: str | None = None
) -> Score:
    """Compare the parser's edges with the labelled ones."""
    names = list(names)
    edges = parse(sets, language).edges_to_pandas()
    ours = set(
        zip([names[row] for row in edges["row"]], edges["claim_number"].tolist(), edges["parent_number"].tolist())
    )
    truth = {(name, claim, each) for name, of in zip(names, parents) for claim, those in of.items() for each in those}
    return Score(len(truth), len(ours), sorted(truth - ours), sorted(ours - truth))


def hold(what: str, result: Score) -> None:
    """Demand 99 % of both, and list what is missed."""
    told = f"{what}: {result.labelled} edges labelled, {result.found} found, "
    told += f"precision {result.precision:.4f}, recall {result.recall:.4f}"
    print("\n" + told)
    faults = "".join(f"\n  missed {each}" for each in result.missed)
    faults += "".join(f"\n  wrong {each}" for each in result.wrong)
    assert result.precision >= 0.99, told + faults
    assert result.recall >= 0.99, told + faults


def labelled(office: str) -> list[dict[str, Any]]:
    return [each for each in LABELS if each["office"] == office]


def parents_of(label: dict[str, Any]) -> dict[int, list[int]]:
    return {int(claim): parents for claim, parents in label["parents"].items()}


@pytest.mark.parametrize("told", [True, False], ids=["told", "detected"])
@pytest.mark.parametrize("office, sets", [("CN", 28), ("JP", 3), ("EP", 3)])
def test_edges_of_the_real_sets_are_those_read_by_hand(data_dir: Path, office: str, sets: int, told: bool) -> None:
    labels = labelled(office)
    assert len(labels) == sets
    language = labels[0]["language"] if told else None
    texts = [claim_set(data_dir, each) for each in labels]
    result = score([each["id"] for each in labels], texts, [parents_of(each) for each in labels], language)
    hold(f"{office}, {sets} real sets", result)


@pytest.mark.parametrize("label", LABELS, ids=[each["id"] for each in LABELS])
def test_every_claim_of_a_real_set_is_found_and_begins_as_labelled(data_dir: Path, label: dict[str, Any]) -> None:
    claims = numbered_claims(claim_set(data_dir, label))
    assert [number for number, _ in claims] == list(parents_of(label))
    assert claims[0][1].startswith(label["begins"])


@pytest.mark.parametrize("told", [True, False], ids=["told", "detected"])
@pytest.mark.parametrize("language, sets", [("zh", 40), ("de", 20), ("ja", 20)])
def test_edges_of_the_composed_sets_are_those_composed(language: str, sets: int, told: bool) -> None:
    composed: list[ComposedSet] = composed_sets(language)
    assert len(composed) == sets
    names = [f"{language} {place}" for place in range(sets)]
    texts: list[str | list[str]] = [each.text for each in composed]
    hold(
        f"{language}, {sets} composed sets",
        score(names, texts, [s.parents for s in composed], language if told else None),
    )


def test_every_wording_stands_in_some_composed_set() -> None:
    for language in ("zh", "de", "ja"):
        texts = "".join(each.text for each in composed_sets(language))
        for _, wording in TONGUES[language].wordings:
            longest = max(re.split(r"\{\w+\}", wording), key=len).strip()
            assert longest in texts, wording


@pytest.mark.parametrize(
    "language, text, named, read",
    [
        ("zh", "如权利要求一所述的泵，其特征在于它是圆的。", [1], []),  # a number in Chinese numerals
        ("de", "Pumpe nach Anspruch 1 und 2 Ventilen.", [1], [1, 2]),  # a count of parts where a claim could stand
        ("zh", "根据权利要求1至5中除权利要求3以外的任一项所述的泵。", [1, 2, 4, 5], [1, 2, 3, 4, 5]),  # an exception
    ],
)
def test_what_the_parser_is_known_to_misread(language: str, text: str, named: list[int], read: list[int]) -> None:
    edges = parse([[f"9. {text}"]], language).edge_number.tolist()
    assert edges == read != named
