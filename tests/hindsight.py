"""A book with every kind of hindsight in it, and the same book with all that came after a day altered."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import ipvalue as ipv
from ipvalue.records.schema import TABLES

Mask = npt.NDArray[np.bool_]

_ADJUSTMENTS = {
    "term_adjustment_days": "term_adjustment_known_date",
    "term_extension_days": "term_extension_known_date",
    "disclaimer_date": "disclaimer_known_date",
}
_SCALED = {"price", "revenue", "level", "exposure", "cost_to_develop", "historical_cost", "length", "n_claims"}


def _days(column: pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    return np.asarray(pd.to_datetime(column), "datetime64[D]")


def _dates(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.object_]:
    return np.asarray(days.astype("datetime64[D]").astype(object), object)  # None for NaT


def _later(days: npt.NDArray[np.datetime64], by: npt.NDArray[np.integer]) -> npt.NDArray[np.datetime64]:
    return days + by.astype("timedelta64[D]")


def eventful_book(patents: int, seed: int) -> ipv.Book:
    """A synthetic book in which facts are known after what they are about, and rows are loaded after that.

    The generator leaves the dates on which adjustments, extensions and disclaimers became known to the grant, gives
    no wording to claims, and knows no deal of several patents that are in the book.
    """
    random = np.random.default_rng(seed)
    frames = {name: table.to_pandas() for name, table in ipv.synthetic_book(patents, seed=seed).tables.items()}
    rights = frames["patents"]
    n, grant = len(rights), _days(rights["grant_date"])
    some = random.random((3, n)) < 0.3
    rights["term_adjustment_days"] = np.where(some[0], random.integers(1, 900, n), np.nan)
    rights["term_extension_days"] = np.where(some[1], random.integers(1, 1_500, n), np.nan)
    cut = _later(_days(rights["application_date"]), random.integers(4_000, 7_300, n))
    rights["disclaimer_date"] = _dates(np.where(some[2], cut, np.datetime64("NaT", "D")))
    for known in _ADJUSTMENTS.values():
        late = np.where(random.random(n) < 0.7, _later(grant, random.integers(0, 2_000, n)), np.datetime64("NaT", "D"))
        rights[known] = _dates(late)
    events = frames["legal_events"]
    delay = random.integers(0, 500, len(events)) * (random.random(len(events)) < 0.8)
    events["loaded_date"] = _dates(_later(_days(events["announced_date"]), delay))
    frames["claims"] = _reworded(frames["claims"], random)
    frames["transactions"] = _with_portfolios(frames["transactions"], rights, random)
    return ipv.Book(**frames)


def _reworded(claims: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Claims with wording, and a shorter set of some patents that was published years later."""
    number = claims["claim_number"].to_numpy()
    words = np.array(["a valve", "a valve and a spring", "a valve, a spring and a housing that closes"])
    body = words[random.integers(0, 3, len(claims))]
    claims["text"] = [f"{k}. A pump with {what}." if k == 1 else f"{k}. The pump of claim 1 with {what}."
                      for k, what in zip(number, body)]  # fmt: skip
    claims["language"] = "en"
    claims["independent"], claims["length"] = None, None
    again = claims[(number == 1) & (random.random(len(claims)) < 0.5)].copy()
    again["publication_date"] = _dates(
        _later(_days(again["publication_date"]), random.integers(100, 3_000, len(again)))
    )
    return pd.concat([claims, again.assign(text="1. A pump.")], ignore_index=True)


def _with_portfolios(deals: pd.DataFrame, rights: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """More deals, of one or three patents each, in the years after filing."""
    more = []
    for deal in range(len(rights)):
        sold = random.choice(len(rights), size=1 if deal % 3 else 3, replace=False)
        day = _later(_days(rights["application_date"])[sold].max(keepdims=True), random.integers(60, 1_500, 1))
        more.append(
            pd.DataFrame(
                {
                    "deal_id": f"more-{deal}",
                    "patent_id": rights["patent_id"].to_numpy()[sold],
                    "deal_date": _dates(np.repeat(day, len(sold))),
                    "price": float(np.round(np.exp(random.normal(13, 1)))),
                    "currency": ["CNY", "USD"][deal % 2],
                    "kind": ["sale", "licence", "auction"][deal % 3],
                    "arms_length": True,
                }
            )
        )
    return pd.concat([deals, *more], ignore_index=True)


def with_another_future(book: ipv.Book, day: str, known: str, seed: int) -> ipv.Book:
    """The book with every row and fact altered, moved or deleted that was not known at the close of the day."""
    random, last = np.random.default_rng(seed), np.datetime64(day, "D")
    frames = {}
    for name, table in book.tables.items():
        frame = table.to_pandas()
        if name == "patents":
            frames[name] = _another_patents(frame, last, random)
            continue
        when = TABLES[name].known_column or ("announced_date" if known == "announced" else "loaded_date")
        dates = _days(frame[when])
        unknown = ~(dates <= last)
        if name == "legal_events":
            unknown |= ~(_days(frame["effective_date"]) <= last)
        frames[name] = pd.concat(
            [frame[~unknown], _another(name, when, frame[unknown], last, random)], ignore_index=True
        )
    return ipv.Book(**frames)


def _another(
    name: str, when: str, rows: pd.DataFrame, last: np.datetime64, random: np.random.Generator
) -> pd.DataFrame:
    """Rows of the future: a third is gone, the others say something else, on other later days."""
    rows = rows[random.random(len(rows)) < 2 / 3].reset_index(drop=True)
    fixed = {when, *TABLES[name].key, *TABLES[name].patent_columns, "effective_date", "announced_date", "maturity_date"}
    fixed |= {"family_id"} if name == "family_members" else set()
    for column in rows.columns:
        if column in _SCALED:
            rows[column] = rows[column] * random.integers(2, 9, len(rows))
        elif column not in fixed:
            rows[column] = rows[column].to_numpy()[random.permutation(len(rows))]
    dates, moved = _days(rows[when]), random.integers(0, 400, len(rows))
    moved = np.where(dates > last, moved, 0)  # of an event that takes effect later, the announcement stays
    rows[when] = _dates(_later(dates, moved))
    return rows


def _another_patents(frame: pd.DataFrame, last: np.datetime64, random: np.random.Generator) -> pd.DataFrame:
    """Patents filed later are other ones or gone; later dates are moved, and facts known later are others."""
    n = len(frame)
    filed, publication, grant = (_days(frame[c]) for c in ("application_date", "publication_date", "grant_date"))
    moved = random.integers(1, 700, n)
    unpublished = np.fmin(publication, grant) > last
    for column in ("n_claims", "npl_citations", "n_inventors"):
        frame[column] = np.where(unpublished, random.integers(0, 60, n), frame[column])
    frame["kind"] = np.where(grant > last, "Z9", frame["kind"])
    for fact, known in _ADJUSTMENTS.items():
        when = np.where(np.isnat(_days(frame[known])), grant, _days(frame[known]))
        hidden = ~(when <= last)
        other = random.integers(1, 5_000, n)
        values = _dates(_later(filed, other)) if fact == "disclaimer_date" else other
        frame[fact] = np.where(hidden, values, frame[fact])
        frame[known] = _dates(_moved(_days(frame[known]), last, moved))
    frame["publication_date"] = _dates(_moved(publication, last, moved))
    frame["grant_date"] = _dates(_moved(grant, last, moved + 1))
    later = filed > last
    for column in ("owners", "ipc", "family_id", "jurisdiction", "right"):
        values = frame[column].to_numpy(copy=True)
        values[later] = values[later][random.permutation(later.sum())]
        frame[column] = values
    return frame[~later | (random.random(n) < 0.5)].reset_index(drop=True)


def _moved(
    days: npt.NDArray[np.datetime64], last: np.datetime64, by: npt.NDArray[np.integer]
) -> npt.NDArray[np.datetime64]:
    return np.where(days > last, _later(days, by), days)
