"""The section on overrides: what experts set in the place of the model's values, and what that says of the model."""

from __future__ import annotations

import pandas as pd

from ipvalue.overrides.review import WARNINGS, review
from ipvalue.reports.blocks import Block, Section, Table, Text
from ipvalue.reports.case import Case

__all__ = ["overrides"]

_NONE = "no value was overridden"
_MATERIAL, _SOON, _LONGEST = 0.5, 90, 366


def overrides(case: Case) -> Section:
    """Experts' overrides, with what they replaced."""
    blocks: list[Block] = []
    if len(case.overrides) or not case.overridden:
        text = f"{len(case.overrides):,} override(s) of the model's values were handed in as rows."
        blocks += [Text(text), Table("Overrides", case.overrides, _NONE)]
    if case.overridden:
        blocks += _applied(case)
    return Section("overrides", "Overrides log", tuple(blocks))


def _applied(case: Case) -> list[Block]:
    """The set that stands in the place of the model's values."""
    chosen = case.overridden
    assert chosen is not None
    head = Text(
        f"Set {chosen.name!r}, version {chosen.version}, SHA-256 {chosen.hash}: {len(chosen):,} override(s). "
        "The values of this dossier are those with overrides; performance, learning, sensitivities and stability are "
        "the model's own."
    )
    if case.values is None:
        return [head, Table("Overrides", chosen.to_table(), _NONE), Text("No values are at hand to apply them to.")]
    log = case.values.override_log()
    found = review(case.values, material=_MATERIAL, expiring_days=_SOON, longest_days=_LONGEST)
    meanings = pd.DataFrame(WARNINGS.items(), columns=["warning", "meaning"])
    limits = (
        f"A ratio of {1 + _MATERIAL:g} or its inverse is material; a warning is given {_SOON} days before expiry, and "
        f"for a life of more than {_LONGEST} days. These limits are our own choice."
    )
    return [
        head,
        Table("Overrides", log.drop(columns="meaning"), _NONE),
        Table("How much of the book is overridden", found.summary),
        Table("Sizes: the model's value, the override's, and their ratio", found.sizes, "none is in force"),
        Table("By author: bias is the mean log ratio to the model", found.by_author, "none is in force"),
        Text(limits),
        Table("Overrides that need a second look", found.warnings, "none does"),
        Table("What the warnings mean", meanings),
        Table(f"Expiring within {_SOON} days", found.expiring, "none"),
        Table("Not applied on the date", found.not_applied, "all are applied"),
    ]
