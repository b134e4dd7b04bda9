"""The section on supervisory rules and standards: which clauses the dossier answers, and which it does not.

The clauses are data (``tables/clauses.csv``): regime, edition, clause, what it asks in our own words, the sections of a
dossier that answer it, whether the clause was read or is recalled, and where it was read.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from ipvalue.reports.blocks import Block, Section, Table, Text
from ipvalue.reports.case import Case

__all__ = ["clauses", "read_clauses"]

_INTRODUCTION = (
    "For each set of rules the first table links the clauses to the sections that give what they ask for. The second "
    "lists the clauses that this dossier does not answer. What a clause asks is in our own words. Certainty says "
    "whether the clause was read or is recalled: compare recalled clauses with the rule itself. A link is no statement "
    "of compliance."
)


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = (resources.files("ipvalue.reports") / "tables" / "clauses.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def read_clauses() -> pd.DataFrame:
    """Read the table of clauses.

    Returns
    -------
    pandas.DataFrame
        ``regime``, ``edition``, ``clause``, ``asks``, ``section`` (identifiers separated by spaces, empty where no
        section answers), ``certainty`` ('read' or 'recalled'), ``source`` and ``note``.

    Examples
    --------
    >>> sorted(set(read_clauses()["certainty"]))
    ['read', 'recalled']
    """
    return pd.DataFrame(_rows())


def clauses(case: Case) -> Section:
    """List the clauses of supervisory rules and standards, answered and not answered."""
    table, absent = read_clauses(), _absent(case)
    gaps = [
        "; ".join(f"{name}: {absent[name]}" for name in cell.split() if name in absent) for cell in table["section"]
    ]
    table["note"] = [f"{note} {gap}".strip() for note, gap in zip(table["note"], gaps)]
    answered = (table["section"] != "") & (np.array(gaps) == "")
    blocks: list[Block] = [Text(_INTRODUCTION)]
    said = ["edition", "clause", "asks", "certainty", "source", "note"]
    for regime, rules in table.groupby("regime", sort=False):
        known = rules[answered[rules.index]][["section", *said]]
        open_ = rules[~answered[rules.index]][said]
        blocks += [
            Table(f"{regime}: answered", known, "no clause", links="section"),
            Table(f"{regime}: not answered by this dossier", open_, "no clause"),
        ]
    return Section("clauses", "Supervisory rules and standards", tuple(blocks))


def _absent(case: Case) -> dict[str, str]:
    """Sections that can answer no clause in this dossier, and what is missing for them."""
    missing = {
        "no purpose is stated": ("purpose",) if not case.purpose else (),
        "no book was given": ("data",) if case.book is None else (),
        "there are no values": ("values", "benchmarks") if case.values is None else (),
        "there is no living patent": ("sensitivity",) if case.sample_sheet is None else (),
        "no backtest was given": ("performance", "stability") if case.backtest is None else (),
    }
    return {section: reason for reason, sections in missing.items() for section in sections}
