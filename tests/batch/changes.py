"""Random changes of a book from one day to the next, for tests of incremental revaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ipvalue as ipv

__all__ = ["CHANGES", "changed"]

Tables = dict[str, pd.DataFrame]
DAYS = ("2023-06-30", "2023-12-31", "2024-03-31")


def _one(table: pd.DataFrame, random: np.random.Generator) -> int:
    return int(table.index[random.integers(len(table))])


def event_comes(tables: Tables, random: np.random.Generator) -> None:
    events = tables["legal_events"]
    row = events.loc[[_one(events, random)]].copy()
    row["patent_id"] = tables["patents"].loc[_one(tables["patents"], random), "patent_id"]
    tables["legal_events"] = pd.concat([events, row], ignore_index=True)


def event_goes(tables: Tables, random: np.random.Generator) -> None:
    tables["legal_events"] = tables["legal_events"].drop(_one(tables["legal_events"], random)).reset_index(drop=True)


def citation_comes(tables: Tables, random: np.random.Generator) -> None:
    citations = tables["citations"]
    row = citations.loc[[_one(citations, random)]].copy()
    row["cited_id"] = tables["patents"].loc[_one(tables["patents"], random), "patent_id"]
    tables["citations"] = pd.concat([citations, row], ignore_index=True)


def citation_goes(tables: Tables, random: np.random.Generator) -> None:
    tables["citations"] = tables["citations"].drop(_one(tables["citations"], random)).reset_index(drop=True)


def claim_goes(tables: Tables, random: np.random.Generator) -> None:
    tables["claims"] = tables["claims"].drop(_one(tables["claims"], random)).reset_index(drop=True)


def owner_changes(tables: Tables, random: np.random.Generator) -> None:
    owners = tables["patents"]["owners"].tolist()
    owners[_one(tables["patents"], random)] = owners[_one(tables["patents"], random)]
    tables["patents"]["owners"] = owners


def patent_goes(tables: Tables, random: np.random.Generator) -> None:
    gone = tables["patents"].loc[_one(tables["patents"], random), "patent_id"]
    for name in ("patents", "legal_events", "claims", "economics"):
        tables[name] = tables[name][tables[name]["patent_id"] != gone].reset_index(drop=True)


def revenue_changes(tables: Tables, random: np.random.Generator) -> None:
    tables["economics"].loc[_one(tables["economics"], random), "revenue"] *= random.uniform(0.5, 2.0)


def exchange_rate_moves(tables: Tables, random: np.random.Generator) -> None:
    tables["fx"].loc[_one(tables["fx"], random), "rate"] *= random.uniform(0.9, 1.1)


def fees_of_a_currency_move(tables: Tables, random: np.random.Generator) -> None:
    tables["fx"]["rate"] *= random.uniform(0.9, 1.1)


def price_index_moves(tables: Tables, random: np.random.Generator) -> None:
    tables["price_index"]["level"] *= random.uniform(1.0, 1.2, len(tables["price_index"]))


def curve_moves(tables: Tables, random: np.random.Generator) -> None:
    curves = tables["curves"]
    mine = curves["currency"] == curves.loc[_one(curves, random), "currency"]
    curves.loc[mine, "rate"] += random.uniform(-0.01, 0.01)


def nothing_changes(tables: Tables, random: np.random.Generator) -> None:
    """The night without news."""


CHANGES = (
    event_comes,
    event_goes,
    citation_comes,
    citation_goes,
    claim_goes,
    owner_changes,
    patent_goes,
    revenue_changes,
    exchange_rate_moves,
    fees_of_a_currency_move,
    price_index_moves,
    curve_moves,
    nothing_changes,
)


def changed(book: ipv.Book, random: np.random.Generator) -> tuple[ipv.Book, list[str]]:
    """A book after one to three random changes, and their names."""
    tables = {name: table.to_pandas() for name, table in book.tables.items()}
    chosen = random.choice(len(CHANGES), size=int(random.integers(1, 4)), replace=False)
    for k in chosen:
        CHANGES[k](tables, random)
    return ipv.Book(**tables), [CHANGES[k].__name__ for k in chosen]
