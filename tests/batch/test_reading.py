"""Values read back from disk are all of them, each once, of one run, and as they were written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.errors import ArtifactError, BookError


@pytest.fixture
def values(little: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(little.folder / "values", tmp_path / "values"))


def test_a_finished_batch_is_read_whole(values: Path) -> None:
    read = ipv.Valuation.from_parquet(values)
    assert len(read) == sum(pq.read_metadata(p).num_rows for p in values.glob("part-*"))


@pytest.mark.parametrize(
    ("harm", "said"), [("vanish", "is missing"), ("swap", "was changed"), ("add", "not a part of the batch")]
)
def test_a_batch_that_is_not_whole_any_more_is_refused(values: Path, little: Any, harm: str, said: str) -> None:
    victim, other = values / "part-00001.parquet", values / "part-00002.parquet"
    if harm == "vanish":
        victim.unlink()
    else:
        shutil.copy(other, victim if harm == "swap" else values / "part-00009.parquet")
    with pytest.raises(ArtifactError, match=said):
        ipv.Valuation.from_parquet(values)
    if harm != "add":
        little.revalue(values)
        assert victim.read_bytes() == little.undisturbed[victim.name]


@pytest.mark.parametrize("harm", ["torn", "empty", "sum"])
def test_a_damaged_manifest_is_said_and_the_next_run_mends_it(values: Path, little: Any, harm: str) -> None:
    manifest = values / "_manifest.json"
    sound = json.loads(manifest.read_text())
    if harm == "torn":
        manifest.write_text("{")
    elif harm == "empty":
        manifest.write_text('{"shards": []}')
    else:
        manifest.write_text(json.dumps(sound).replace(sound["shards"][1]["sha256"], "0" * 64))
    with pytest.raises(ArtifactError, match=r"damaged|not a part of the batch|was changed"):
        ipv.Valuation.from_parquet(values)
    assert little.revalue(values).resumed == len(sound["shards"])
    assert json.loads(manifest.read_text())["shards"] == sound["shards"]
    assert len(ipv.Valuation.from_parquet(values)) == sound["rows"]["values"]


def test_a_folder_in_place_of_a_part_is_made_a_part_again(values: Path, little: Any) -> None:
    victim = values / "part-00001.parquet"
    victim.unlink()
    (victim / "notes").mkdir(parents=True)
    with pytest.raises(ArtifactError, match="is missing"):
        ipv.Valuation.from_parquet(values)
    little.revalue(values)
    assert victim.read_bytes() == little.undisturbed[victim.name]


def test_values_of_two_dates_are_not_mixed(book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    for day in ("2022-12-31", "2023-12-31"):
        engine.value(book.as_of(day)).to_parquet(tmp_path / f"{day}.parquet")
    with pytest.raises(ArtifactError, match="values of different runs: as_of differ"):
        ipv.Valuation.from_parquet(tmp_path)


def test_a_patent_in_two_rows_is_refused(valuation: ipv.Valuation, tmp_path: Path) -> None:
    for name in ("one", "two"):
        valuation.to_parquet(tmp_path / f"{name}.parquet")
    first = valuation.table["patent_id"][0].as_py()
    with pytest.raises(ArtifactError, match=f"holds the patent '{first}' in several rows"):
        ipv.Valuation.from_parquet(tmp_path)


def test_names_of_folders_make_no_columns(valuation: ipv.Valuation, tmp_path: Path) -> None:
    place = tmp_path / "lake" / "as_of=2023-12-31"
    place.mkdir(parents=True)
    valuation.to_parquet(place / "values.parquet")
    for path in (tmp_path / "lake", place, place / "values.parquet"):
        assert ipv.Valuation.from_parquet(path).table.equals(valuation.table)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [(None, "no provenance"), ({b"ipvalue": b"{"}, "provenance is damaged"), ({b"ipvalue": b"{}"}, "as_of")],
)
def test_a_file_without_provenance_is_said(
    valuation: ipv.Valuation, tmp_path: Path, metadata: dict[bytes, bytes] | None, said: str
) -> None:
    pq.write_table(valuation.table.replace_schema_metadata(metadata), tmp_path / "values.parquet")
    with pytest.raises(ArtifactError, match=said):
        ipv.Valuation.from_parquet(tmp_path / "values.parquet")


def test_what_is_no_values_is_said(valuation: ipv.Valuation, tmp_path: Path) -> None:
    pq.write_table(valuation.to_arrow().drop_columns(["patent_id"]), tmp_path / "values.parquet")
    with pytest.raises(ArtifactError, match="no column 'patent_id'"):
        ipv.Valuation.from_parquet(tmp_path / "values.parquet")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(ArtifactError, match="holds no ipvalue values"):
            ipv.Valuation.from_parquet(path)
    with pytest.raises(BookError, match="can't be written"):
        valuation.to_parquet(tmp_path / "nowhere" / "values.parquet")
