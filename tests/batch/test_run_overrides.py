"""Experts' overrides in a batch: the values are those of the engine with the same set, bit for bit, and it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import ipvalue as ipv
from ipvalue.__main__ import main
from ipvalue.errors import BatchError, OverrideError

DAY = "2023-12-31"


def override(patent_id: str, **changes: Any) -> ipv.Override:
    given = {"patent_id": patent_id, "factor": 0.5, "author": "A. Expert", "reason": "the licence was cancelled"}
    given |= {"made_on": "2023-06-30", "expires_on": "2024-06-30"} | changes
    return ipv.Override(**{name: value for name, value in given.items() if value is not None})


@pytest.fixture(scope="module")
def model(little: Any) -> ipv.Valuation:
    """The model's values of the little book, made in memory."""
    engine = ipv.ValuationEngine.load(little.folder / "engine")
    return engine.value(ipv.read_book(little.folder / "book").as_of(DAY))


@pytest.fixture(scope="module")
def log(model: ipv.Valuation) -> ipv.Overrides:
    """Overrides of patents in several shards: applied, expired, of a dead right, and of a patent that is not there."""
    frame = model.to_pandas()
    worth = frame.index[frame["value"] > 0]
    items = [override(patent) for patent in worth[:6]]
    items += [override(worth[7], factor=None, value=5e6, currency="CNY", low=1e6, high=9e6, approver="B. Second")]
    items += [override(worth[8], expires_on="2023-12-31"), override(worth[9], factor=None, value=1.0, currency="USD")]
    items += [override(frame.index[frame["reason"] == "dead_right"][0]), override("CN-nowhere")]
    return ipv.Overrides(name="year end", version="7", items=items)


@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"keep": True}])
def test_a_batch_with_overrides_equals_the_engine_with_them(
    little: Any, model: ipv.Valuation, log: ipv.Overrides, tmp_path: Path, options: dict[str, Any]
) -> None:
    values = tmp_path / "values"
    if "keep" in options:
        options = {"keep": tmp_path / "keep"}
        little.revalue(values, **options)  # the model's own values are kept, and serve the run with overrides
        options |= {"restart": True}
    report = little.revalue(values, overrides=log, **options)
    expected, found = model.override(log), ipv.Valuation.from_parquet(values)
    assert found.table.equals(expected.table)
    assert found.provenance == expected.provenance
    assert found.without_overrides().table.equals(model.table)
    assert report.overrides == expected.override_log()["status"].value_counts().to_dict()
    assert report.overrides == {
        "dead_right": 1,
        "overridden": 7,
        "override_expired": 1,
        "override_other_currency": 1,
        "unknown_patent": 1,
    }
    assert "overrides, overridden: 7" in str(report)
    assert report.valued + report.dead + report.without_value == report.patents
    assert report.total == pytest.approx(expected.to_pandas()["value"].sum())


def test_a_part_that_is_made_again_has_the_overrides_too(little: Any, log: ipv.Overrides, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values, overrides=log)
    before = {p.name: p.read_bytes() for p in values.glob("part-*")}
    (values / "part-00002.parquet").unlink()
    (values / "part-00003.parquet").write_bytes(b"")
    report = little.revalue(values, overrides=log)
    assert report.resumed == 2
    assert {p.name: p.read_bytes() for p in values.glob("part-*")} == before
    parts = [pq.read_schema(p) for p in sorted(values.glob("part-*"))]
    assert all(part.equals(parts[0], check_metadata=True) for part in parts)


def test_another_set_is_another_run(little: Any, log: ipv.Overrides, tmp_path: Path) -> None:
    values = tmp_path / "values"
    little.revalue(values, overrides=log)
    for other, there in ((None, "none"), (log.add(override("CN-elsewhere")), "")):
        with pytest.raises(BatchError, match=rf"the overrides \({log.hash[:12]} there, {there}"):
            little.revalue(values, overrides=other)
    assert little.revalue(values, overrides=log).resumed == 4
    little.revalue(values, restart=True)
    assert {p.name: p.read_bytes() for p in values.glob("part-*")} == little.undisturbed


def test_a_set_without_overrides_is_none(little: Any, tmp_path: Path) -> None:
    little.revalue(tmp_path / "values", overrides=ipv.Overrides(name="empty"))
    assert {p.name: p.read_bytes() for p in (tmp_path / "values").glob("part-*")} == little.undisturbed


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_a_set_is_read_from_a_file(
    little: Any,
    model: ipv.Valuation,
    log: ipv.Overrides,
    tmp_path: Path,
    suffix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, values = tmp_path / f"log.{suffix}", tmp_path / "values"
    if suffix == "json":
        log.to_json(file)
    else:
        log.to_csv(file) if suffix == "csv" else log.to_table().to_parquet(file)
    assert main([*little.command(values), "--overrides", str(file)]) == 0
    assert "overrides, unknown_patent: 1" in capsys.readouterr().out
    assert ipv.Valuation.from_parquet(values).table.equals(model.override(log).table)


def test_no_override_is_left_out_in_silence(
    little: Any, log: ipv.Overrides, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = log.to_table()
    rows.loc[rows.index[1], "reason"] = "n/a"
    rows.to_csv(tmp_path / "log.csv", index=False)
    assert main([*little.command(tmp_path / "values"), "--overrides", str(tmp_path / "log.csv")]) == 1
    said = capsys.readouterr().err
    assert "log.csv: 1 row(s) can't be taken; the first is row 1 of" in said and "column reason" in said
    assert not (tmp_path / "values").exists()
    lenient = ipv.Overrides.from_table(tmp_path / "log.csv").overrides
    assert sum(little.revalue(tmp_path / "values", overrides=lenient).overrides.values()) == len(log) - 1


@pytest.mark.parametrize("content", [None, "{", '{"items": [{"patent_id": "P"}]}', "patent_id\n"])
def test_what_is_no_set_is_said(little: Any, tmp_path: Path, content: str | None) -> None:
    for name in ("log.json", "log.csv"):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises((OverrideError, ipv.errors.SchemaError), match="overrides"):
            little.revalue(tmp_path / "values", overrides=tmp_path / name)
    with pytest.raises(OverrideError, match=r"Overrides\(items="):
        little.revalue(tmp_path / "values", overrides=[override("P")])
    assert not (tmp_path / "values").exists()


def test_pandas_reads_the_parts_alone(little: Any, log: ipv.Overrides, tmp_path: Path) -> None:
    little.revalue(tmp_path / "values", overrides=log)
    frame = pd.read_parquet(tmp_path / "values")
    over = frame[frame["reason"] == "overridden"]
    assert len(over) == 7 and over["override_author"].eq("A. Expert").all()
    assert (over["value"] != over["model_value"]).all()
