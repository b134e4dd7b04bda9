"""The engine: every patent gets a value or a reason, dead rights are worth 0, and a saved engine is the same engine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import ipvalue as ipv
from ipvalue.errors import ArtifactError, IpvalueError, NotFittedError
from ipvalue.methods.base import available
from ipvalue.synthetic.book import SyntheticBook

DAY = "2023-12-31"


def test_every_patent_has_a_value_or_a_reason(book: ipv.Book, valuation: ipv.Valuation) -> None:
    frame = valuation.to_pandas()
    assert list(frame.index) == list(book.as_of(DAY).patent_ids)
    assert ((frame["value"].notna()) | (frame["reason"] != "")).all()
    zero = frame["value"] == 0
    assert frame.loc[zero, "reason"].isin(["dead_right", "term_over"]).all(), "no silent zero"
    assert (frame.loc[frame["reason"] == "", "value"] > 0).all()


def test_the_drift_of_prices_is_learnt_from_the_deals_own_days(engine: ipv.ValuationEngine) -> None:
    drift = engine.fitted.reconciliation.tables["methods"]["drift"]
    assert (drift != 0).all() and (np.abs(drift) < 0.1).all()


def test_quantiles_are_ordered_and_the_median_is_the_value(valuation: ipv.Valuation) -> None:
    frame = valuation.to_pandas()
    known = frame[frame["value"].notna()]
    assert (np.diff(known[["q05", "q25", "q50", "q75", "q95"]], axis=1) >= 0).all()
    assert known["q50"].equals(known["value"].rename("q50"))


def test_dead_rights_are_worth_nothing_and_no_method_prices_them(valuation: ipv.Valuation) -> None:
    frame = valuation.to_pandas()
    dead = frame[frame["state"].isin(["lapsed", "expired", "surrendered", "invalidated", "withdrawn", "refused"])]
    assert len(dead) > 100
    assert (dead[["value", "q05", "q95", "remaining_years"]] == 0).all(axis=None)
    assert (
        dead[["value_relief_from_royalty", "value_comparable_sales", "value_gradient_boosting"]].isna().all(axis=None)
    )


def test_a_grade_promises_no_narrower_interval_than_is_reported(valuation: ipv.Valuation) -> None:
    """The factors that ``grade_of`` states: 3.2, 7.2, 19 and 72; downgrades put narrower ones into worse grades."""
    found = valuation.to_pandas()
    found = found[found["value"] > 0]
    factor, grade = found["q95"] / found["q05"], found["grade"].astype(str)
    for letter, bound in {"A": 0.35, "B": 0.6, "C": 0.9, "D": 1.3}.items():
        assert (factor[grade == letter] <= np.exp(2 * 1.6448536270 * bound) * (1 + 1e-9)).all(), letter
    assert {"C", "D", "E"} <= set(grade)


def test_an_application_is_worth_its_value_on_grant_times_its_chance(
    valuation: ipv.Valuation, engine: ipv.ValuationEngine
) -> None:
    frame = valuation.to_pandas()
    pending = frame[frame["state"].isin(["filed", "published", "examination", "allowed"]) & frame["value"].notna()]
    assert len(pending) > 50
    assert pending["grant_probability"].between(0.01, 1.0).all()
    assert (pending["grant_probability"] < 1).any()
    one = pending.index[0]
    lines = valuation.explain(one).set_index("quantity")["value"]
    assert lines["value"] == lines["value on grant"] * lines["probability of grant"]


def test_last_line_of_an_explanation_is_the_value_to_the_last_bit(valuation: ipv.Valuation) -> None:
    frame = valuation.to_pandas()
    for patent_id in frame.index[::150]:
        lines = valuation.explain(patent_id)
        assert lines.iloc[-1]["quantity"] == "value"
        np.testing.assert_array_equal(lines.iloc[-1]["value"], frame.loc[patent_id, "value"])
    assert "<table" in lines.to_html()


def test_explanation_can_be_recomputed_by_hand(valuation: ipv.Valuation) -> None:
    """The printed quantities, put into the printed formulas, give the printed value."""
    frame = valuation.to_pandas()
    best = frame[frame["value_relief_from_royalty"].notna() & (frame["state"] == "in_force")]["value"].idxmax()
    lines = valuation.explain(best)
    income = lines[lines["part"] == "relief_from_royalty"].set_index("quantity")["value"]
    yearly = (1.0 + income["growth"]) * (1.0 - income["decline"])
    assert income["current_revenue"] == pytest.approx(income["revenue"] * yearly ** income["revenue_age"], rel=1e-12)
    assert income["royalty"] == income["current_revenue"] * income["attribution"] * income["royalty_rate"]
    assert income["saving"] == income["royalty"] * (1 - income["tax"])
    chance = income["success_probability"] * income["validity_probability"] * income["enforcement_probability"]
    product = (income["present_value"] * chance - income["fees"]) * income["tax_amortisation"]
    assert income["estimate"] == pytest.approx(product, rel=1e-15)
    end = lines[lines["part"] == "reconciliation"].set_index("quantity")["value"].astype(float)
    log_value = 0.0
    for name in ("relief_from_royalty", "comparable_sales", "gradient_boosting"):
        if f"weight of {name}" in end:
            estimate = lines[(lines["part"] == name) & (lines["quantity"] == "estimate")]["value"].iloc[0]
            log_value += end[f"weight of {name}"] * (np.log(estimate) + end[f"bias of {name}"])
    assert end["log value"] == pytest.approx(log_value, rel=1e-12)
    assert end["value on grant"] == pytest.approx(
        np.exp(end["log value"] + end["log_sd"] * end["median score"]), rel=1e-12
    )


def test_unknown_patent_is_named_with_the_reason(book: ipv.Book, valuation: ipv.Valuation) -> None:
    with pytest.raises(IpvalueError, match="not in the book"):
        valuation.explain("XX-1")
    later = book.tables["patents"].filter(
        pd.Series(book.tables["patents"]["application_date"].to_pandas()).gt(pd.Timestamp(DAY).date()).to_numpy()
    )
    with pytest.raises(IpvalueError, match="not filed by 2023-12-31"):
        valuation.explain(later["patent_id"][0].as_py())


def test_saved_engine_gives_the_same_bits(
    book: ipv.Book, engine: ipv.ValuationEngine, valuation: ipv.Valuation, tmp_path: Path
) -> None:
    engine.save(tmp_path / "engine")
    loaded = ipv.ValuationEngine.load(tmp_path / "engine")
    assert loaded.hash == engine.hash
    again = loaded.value(book.as_of(DAY))
    assert again.table.equals(valuation.table)
    assert again.provenance == valuation.provenance
    suffixes = {p.suffix for p in (tmp_path / "engine").rglob("*") if p.is_file()}
    assert suffixes <= {".json", ".parquet", ".txt"}, "nothing that would have to be unpickled"


@pytest.mark.parametrize("harm", ["change", "remove", "add"])
def test_damaged_engine_is_refused(engine: ipv.ValuationEngine, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "engine"
    engine.save(folder)
    victim = next(folder.rglob("location.txt"))
    if harm == "change":
        victim.write_bytes(victim.read_bytes().replace(b"0.", b"1.", 1))
    elif harm == "remove":
        victim.unlink()
    else:
        (folder / "extra.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"damaged|missing|not in the manifest"):
        ipv.ValuationEngine.load(folder)


def test_values_round_trip_through_parquet_with_their_provenance(valuation: ipv.Valuation, tmp_path: Path) -> None:
    valuation.to_parquet(tmp_path / "values.parquet")
    again = ipv.Valuation.from_parquet(tmp_path / "values.parquet")
    assert again.table.equals(valuation.table)
    assert again.provenance == json.loads(json.dumps(valuation.provenance))
    with pytest.raises(IpvalueError, match="read from a file"):
        again.explain(again.table["patent_id"][0].as_py())
    assert again.worksheet is None
    (tmp_path / "other.parquet").write_bytes(b"no parquet")
    with pytest.raises(ArtifactError):
        ipv.Valuation.from_parquet(tmp_path / "other.parquet")


def test_a_valuation_knows_what_made_it(book: ipv.Book, engine: ipv.ValuationEngine, valuation: ipv.Valuation) -> None:
    made = valuation.worksheet
    assert made is not None and made.snapshot is not None
    assert made.model is engine.model
    assert str(made.snapshot.date) == valuation.provenance["as_of"]
    assert made.snapshot.book_fingerprint == book.fingerprint
    one = made.one(valuation.table["patent_id"][5].as_py())
    assert len(one) == 1
    assert one.subject.patent_id[0] == valuation.table["patent_id"][5].as_py()


def test_provenance_names_book_engine_and_assumptions(
    book: ipv.Book, engine: ipv.ValuationEngine, valuation: ipv.Valuation
) -> None:
    record = valuation.provenance
    assert record["book"] == book.fingerprint
    assert record["engine_hash"] == engine.hash
    assert record["assumptions_hash"] == engine.assumptions.hash
    assert record["as_of"] == DAY
    assert {"ipvalue", "numpy", "lightgbm"} <= set(record["versions"])


def test_an_unfitted_engine_says_so(book: ipv.Book) -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        ipv.ValuationEngine().value(book.as_of(DAY))


def test_engine_refuses_two_methods_of_one_name() -> None:
    with pytest.raises(IpvalueError, match="appears twice"):
        ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ReliefFromRoyalty(royalty="assumed")])


def test_a_book_without_deals_is_valued_by_income_alone(book: ipv.Book) -> None:
    tables = {name: table for name, table in book.tables.items() if name not in ("transactions", "licences")}
    bare = ipv.Book(**tables)
    frame = ipv.ValuationEngine().fit(bare, as_of=DAY).value(bare.as_of(DAY)).to_pandas()
    alive = frame[frame["reason"] != "dead_right"]
    assert (alive["reason_comparable_sales"] == "too_few_deals").all()
    assert alive["value"].notna().any()
    assert (alive.loc[alive["value"].isna(), "reason"] == "no_method_applied").all()


def test_a_book_of_three_columns_and_one_patent_is_valued_or_told_why() -> None:
    book = ipv.Book(patents={"patent_id": ["A"], "jurisdiction": ["CN"], "application_date": ["2020-01-01"]})
    frame = ipv.ValuationEngine().fit(book, as_of=DAY).value(book.as_of(DAY)).to_pandas()
    assert frame["value"].isna().all()
    assert frame["reason"].tolist() == ["no_method_applied"]
    empty = ipv.ValuationEngine().fit(book, as_of=DAY).value(book.as_of("2019-01-01"))
    assert len(empty) == 0
    assert "0 patents" in repr(empty)


def test_values_follow_the_synthetic_truth_and_intervals_cover_it(
    book: SyntheticBook, valuation: ipv.Valuation
) -> None:
    frame = valuation.to_pandas()
    truth = book.true_value(DAY).reindex(frame.index)
    both = (frame["value"] > 0) & (truth > 0)
    assert frame.loc[both, "value"].corr(truth[both], method="spearman") > 0.5
    inside = ((truth >= frame["q05"]) & (truth <= frame["q95"]))[both].mean()
    assert 0.82 < inside < 0.98, "100 deals: see benchmarks/truth.py for the figure on a large book"


def test_values_in_another_currency_are_the_same_values(book: ipv.Book) -> None:
    """The euro set has other figures: give it the Chinese ones, and only the unit of money differs."""
    cn = ipv.Assumptions.default("CN")
    eu = ipv.Assumptions.model_validate(cn.model_dump() | {"currency": "EUR"})
    method = [ipv.ReliefFromRoyalty()]
    cny, eur = (
        ipv.ValuationEngine(method, a)
        .fit(book, as_of=DAY)
        .value(book.as_of(DAY))
        .to_pandas()["value_relief_from_royalty"]
        for a in (cn, eu)
    )
    rate = (eur / cny).dropna()
    np.testing.assert_allclose(rate, rate.iloc[0], rtol=1e-9)


def test_every_method_gives_the_same_bits_to_a_patent_alone_and_in_the_book(book: ipv.Book) -> None:
    """All methods at once; parts of the book have the statistics of the whole beside them."""
    small = {"gradient_boosting": {"trees": 20, "folds": 2, "minimum": 20}}
    engine = ipv.ValuationEngine([kind(**small.get(name, {})) for name, kind in available().items()])
    fitted = engine.fit(book, as_of=DAY)
    snapshot = book.as_of(DAY)
    table = fitted.value(snapshot).table
    frame = table.to_pandas()
    for name in fitted.names:
        assert frame[f"value_{name}"].notna().any(), f"{name} values nothing of the synthetic book"
    for rows in (np.array([17]), np.arange(3, len(snapshot), 211), np.arange(1000, 1400)):
        part = fitted.value(snapshot.select(rows)).table
        assert part.equals(table.take(pa.array(rows)).combine_chunks()), "a patent's bits depend on its neighbours"


def test_repr_and_summary_answer_the_next_question(valuation: ipv.Valuation, engine: ipv.ValuationEngine) -> None:
    assert "as of 2023-12-31 in CNY" in repr(valuation)
    assert valuation.summary()["patents"].sum() == len(valuation)
    assert "fitted as of 2023-12-31" in repr(engine)
    assert "<table" in valuation._repr_html_()


@pytest.mark.parametrize("patents", [1_500, 3_000])
def test_a_grade_promises_no_narrower_interval_than_is_shown(patents: int) -> None:
    """The factors of grade_of's docstring, held against the intervals themselves: a small book's used to span more."""
    sample = ipv.synthetic_book(patents, seed=7)
    made = ipv.ValuationEngine().fit(sample, as_of="2024-12-31").value(sample.as_of("2024-12-31")).to_pandas()
    alive = made[made["value"] > 0]
    factor = alive["q95"] / alive["q05"]
    for grade, widest in {"A": 3.2, "B": 7.2, "C": 19.4, "D": 72.2}.items():
        shown = factor[alive["grade"] == grade]
        assert (shown <= widest).all()
    assert (alive["grade"] != "E").any()


def test_an_expiry_without_a_grant_tells_nothing_of_the_chance_of_grant() -> None:
    filed = ["1990-01-01"] * 30 + ["2022-06-01"]
    patents = {"patent_id": [f"P{k:02d}" for k in range(31)], "jurisdiction": ["CN"] * 31, "application_date": filed}
    chance = ipv.extract(ipv.Book(patents=pd.DataFrame(patents)).as_of("2024-12-31"))["probability_of_grant"]
    assert chance.isna().all()


def test_values_by_an_engine_that_learnt_later_say_so(book: ipv.Book, engine: ipv.ValuationEngine) -> None:
    assert "after this date" in repr(engine.value(book.as_of("2021-12-31")))
    assert "after this date" not in repr(engine.value(book.as_of("2023-12-31")))


def test_an_engine_that_can_not_be_written_is_one_clear_error(engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "engine"):
        with pytest.raises(ArtifactError, match="can't be written"):
            engine.save(place)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        (("reconciliation", "kind"), "of tomorrow"),
        (("learnt",), {}),
        (("assumptions", "currency"), None),
        (("methods", 0, "parameters"), {"of_tomorrow": 1}),
    ],
)
def test_an_engine_of_another_version_says_so(
    engine: ipv.ValuationEngine, tmp_path: Path, where: tuple[str | int, ...], changed: object
) -> None:
    folder = tmp_path / "engine"
    engine.save(folder)
    content = json.loads((folder / "content.json").read_text())
    place = content
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = changed
    (folder / "content.json").write_text(json.dumps(content))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["content.json"] = hashlib.sha256((folder / "content.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    said = r"(saved by a version of ipvalue that this one can't read|no installed package provides).*fit the engine"
    with pytest.raises(ArtifactError, match=said):
        ipv.ValuationEngine.load(folder)


def test_only_a_saved_engine_is_ever_replaced(engine: ipv.ValuationEngine, tmp_path: Path) -> None:
    """A manifest.json of somebody else's, or a file beside our own, keeps the folder as it is."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "manifest.json").write_text('{"name": "a web page"}')
    (theirs / "thesis.docx").write_text("ten years of work")
    ours = tmp_path / "ours"
    engine.save(ours)
    engine.save(ours)
    (ours / "notes.txt").write_text("mine")
    for folder, kept in ((theirs, "thesis.docx"), (ours, "notes.txt")):
        with pytest.raises(ArtifactError, match="do not belong to a saved engine"):
            engine.save(folder)
        assert (folder / kept).exists()


def test_html_of_values_runs_nothing(valuation: ipv.Valuation) -> None:
    hostile = "<svg onload=alert(1)>"
    provenance = valuation.provenance | {
        "currency": hostile,
        "overrides": {"name": hostile, "version": 1, "applied": 0},
    }
    page = ipv.Valuation(valuation.table, provenance)._repr_html_()
    assert "<svg" not in page and "&lt;svg onload" in page
