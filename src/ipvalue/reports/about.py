"""Sections on purpose, data and lineage, limits, versions and hashes."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa

from ipvalue.artifacts import versions
from ipvalue.errors import explain_reason
from ipvalue.features import feature_catalogue
from ipvalue.reports.blocks import Block, Section, Table, Text
from ipvalue.reports.case import Case

__all__ = ["data", "known_limits", "limits", "purpose", "versions_and_hashes"]

_NO_BOOK = "No book was given, so tables that need one are missing. Call dossier(engine, book, ...)."


def purpose(case: Case) -> Section:
    """Use of the model, who is responsible for it, and what its values mean."""
    engine = case.engine
    facts = {
        "purpose and use": case.purpose or "not stated",
        "owner of the model": case.owner or "not stated",
        "model": f"ipvalue {versions()['ipvalue']}: {', '.join(engine.names)}",
        "reconciliation of its methods": engine.reconciliation.kind,
        "valued as of": str(case.as_of),
        "fitted as of": engine.fitted.as_of,
        "currency": case.currency,
        "what a value is": "median of the price of the right at arm's length, with quantiles at 5, 25, 75 and 95 %; "
        "0 for a dead right; times the probability of grant for an application",
        "what its interval covers": "; ".join(f"{m.name}: {m.covers}" for m in engine.methods),
        "what a grade is": "A (best) to E, by the width of the interval, the number of methods and their disagreement "
        "(ipvalue.valuation.grade_of)",
    }
    frame = pd.DataFrame(facts.items(), columns=["item", "content"])
    return Section("purpose", "Purpose and use", (Table("The model and its use", frame),))


def data(case: Case) -> Section:
    """Rows read and rejected, and the lineage of the data."""
    book, state = case.book, case.state
    if book is None or state is None:
        lineage = pd.DataFrame([("book learnt from", case.engine.fitted.book)], columns=["item", "content"])
        return Section("data", "Data and lineage", (Text(_NO_BOOK), Table("Lineage", lineage)))
    refused = book.rejects.groupby("table").size() if len(book.rejects) else pd.Series(dtype=np.int64)
    rows = [
        (name, n, book[name].num_rows, int(refused.get(name, 0)), book.duplicates.get(name, 0))
        for name, n in book.rows_in.items()
    ]
    counted = pd.DataFrame(rows, columns=["table", "rows in", "kept", "refused", "repeats dropped"])
    reasons = book.rejects.groupby(["table", "column", "code"]).size().rename("rows").reset_index()
    reasons["meaning"] = [explain_reason(str(code)) for code in reasons["code"]]
    ignored = pd.DataFrame([(t, c) for t, cs in book.ignored.items() for c in cs], columns=["table", "column"])
    blocks: tuple[Block, ...] = (
        Table("Lineage", _lineage(case)),
        Table("Rows by table: every row in is kept, refused or a repeat", counted),
        Table("Refused rows by reason", reasons, "no row was refused"),
        Table("Columns that were not read", ignored, "all columns are known to the schema"),
        Table("Patents as of the date by office and right", _offices(case)),
        Table("Known share of what methods read, living patents of the sample", _coverage(case)),
    )
    return Section("data", "Data and lineage", blocks)


def _lineage(case: Case) -> pd.DataFrame:
    learnt, book = case.engine.fitted, case.book
    assert book is not None
    same = "the same book" if learnt.book == book.fingerprint else "another book, or another state of it"
    rows = [
        ("book valued (SHA-256)", book.fingerprint),
        ("book learnt from (SHA-256)", f"{learnt.book}: {same}"),
        ("known", f"{learnt.known}: a row counts on a date if it was knowable at that day's close"),
        ("fit date", f"{learnt.as_of}: nothing known later was read"),
        ("valuation date", str(case.as_of)),
        ("steps", "tables, checked book, snapshot of the date, features, methods, reconciliation, values"),
        ("arm's-length deals of single patents learnt from", learnt.deals),
    ]
    return pd.DataFrame(rows, columns=["item", "content"])


def _offices(case: Case) -> pd.DataFrame:
    assert case.state is not None
    patents = case.state.patents
    frame = pd.DataFrame({"jurisdiction": patents["jurisdiction"], "right": patents["right"]})
    return frame.value_counts(sort=True).rename("patents").reset_index()


def _coverage(case: Case) -> pd.DataFrame:
    if case.sample_sheet is None:
        return pd.DataFrame()
    subject = case.sample_sheet.subject
    catalogue = feature_catalogue()
    families = catalogue["family"].to_numpy() if "family" in catalogue else catalogue.index.to_numpy()
    names = catalogue["name"].to_numpy() if "name" in catalogue else catalogue.index.to_numpy()
    rows = [
        (
            str(family),
            str(name),
            float(np.isfinite(np.asarray(subject.features[str(name)], np.float64)).mean()),
        )
        for name, family in zip(names, families)
    ]
    money = {n: v for n, v in subject.money.items() if n in ("revenue", "cost_to_develop", "historical_cost")}
    rows += [("money", name, float(np.isfinite(values).mean())) for name, values in money.items()]
    frame = pd.DataFrame(rows, columns=["family", "input", "known"])
    by = frame.groupby("family", sort=False)["known"]
    least = frame.loc[by.idxmin().to_numpy(), "input"].to_numpy()
    return pd.DataFrame(
        {"inputs": by.size(), "mean known share": by.mean(), "least known": least, "its share": by.min()}
    ).rename_axis("family")


def limits(case: Case) -> Section:
    """Limits of the model: as stated by its owner, and as measured."""
    stated = pd.DataFrame({"limit": list(case.limits)})
    blocks = (
        Table("Limits stated by the owner", stated, "none were stated"),
        Table("Limits measured", known_limits(case)),
    )
    return Section("limits", "Limits", blocks)


def known_limits(case: Case) -> pd.DataFrame:
    """Limits that follow from the engine, the values and the backtest."""
    engine, figures = case.engine, case.engine.assumptions.table()
    methods = engine.fitted.reconciliation.tables["methods"]
    assumed = int((figures["certainty"] == "assumed").sum())
    rows: list[tuple[str, object, str]] = [
        ("figures that are our own choice", f"{assumed} of {len(figures)}", "replace those that move values most"),
        ("deals learnt from", engine.fitted.deals, f"intervals are normal below {engine.reconciliation.minimum}"),
    ]
    rows += [
        (f"deals behind the error of {name}", int(n), "few deals leave its bias and width to what is assumed")
        for name, n in zip(methods["method"], methods["deals"])
    ]
    if len(case.model_frame):
        missing = case.model_frame["value"].isna()
        counts = case.model_frame.loc[missing, "reason"].astype(str).value_counts()
        rows.append(("patents without a value", f"{missing.mean():.1%}", "see the reasons below"))
        rows += [(f"no value: {reason}", int(n), explain_reason(str(reason))) for reason, n in counts.items()]
        single = (case.model_frame[[f"weight_{n}" for n in engine.names]].fillna(0) > 0).sum(axis=1) == 1
        rows.append(("values that rest on one method", f"{single.mean():.1%}", "one grade less"))
    if case.backtest is None:
        rows.append(("no backtest", "", "performance out of time is not shown"))
    else:
        for row in case.backtest.coverage(draws=0).itertuples():
            text = f"{row.observed:.1%} observed on {row.n:,} targets"
            rows.append((f"interval of {row.nominal:.0%}", text, "out of time, against its nominal share"))
    return pd.DataFrame(rows, columns=["limit", "measured", "what it means"])


def versions_and_hashes(case: Case) -> Section:
    """Versions and hashes that identify the model and its values."""
    engine = case.engine
    hashes = {
        "engine (methods, assumptions, reconciliation, everything learnt)": engine.hash,
        "assumptions": engine.assumptions.hash,
        "book learnt from": engine.fitted.book,
        "book valued": "not given" if case.book is None else case.book.fingerprint,
    }
    if case.overridden:
        hashes["overrides"] = case.overridden.hash
    if case.values is not None:
        hashes["values"] = _table_hash(case.values.table)
    if case.backtest is not None:
        text = json.dumps(case.backtest.provenance, sort_keys=True, default=str)
        hashes["backtest (how it was made)"] = hashlib.sha256(text.encode()).hexdigest()
    blocks = (
        Table("SHA-256", pd.DataFrame(hashes.items(), columns=["of", "hash"])),
        Table("Versions", pd.DataFrame(versions().items(), columns=["package", "version"])),
    )
    return Section("versions", "Versions and hashes", blocks)


def _table_hash(table: pa.Table) -> str:
    """SHA-256 over the values by patent: equal values have equal hashes, whatever the storage format."""
    digest = hashlib.sha256("\x1f".join(table["patent_id"].to_pylist()).encode())
    for name in ("value", "q05", "q95"):
        digest.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    return digest.hexdigest()
