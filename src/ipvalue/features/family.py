"""Family and owner features: where protection was sought, and by whom."""

from __future__ import annotations

import numpy as np

from ipvalue.features.base import Context, Family, Feature
from ipvalue.features.citation_graph.edges import distinct
from ipvalue.types import Columns

__all__ = ["FAMILY"]

_PUTNAM = (
    "Putnam (1996), The Value of International Patent Rights; Lanjouw and Schankerman (2004), Economic Journal 114"
)
_FIVE_OFFICES = ("CN", "EP", "JP", "KR", "US")


def _compute(context: Context) -> Columns:
    snapshot = context.snapshot
    members = snapshot.family
    n = len(snapshot)
    offices, code = np.unique(np.append(members["office"], _FIVE_OFFICES), return_inverse=True)
    # one entry for each pair of patent and office, however many publications stand behind it
    pair = distinct(members.patent * len(offices) + code[: len(members)])
    size = np.bincount(pair // len(offices), minlength=n).astype(np.float64)
    big = np.isin(offices[pair % len(offices)], _FIVE_OFFICES)
    five = np.bincount((pair // len(offices))[big], minlength=n).astype(np.float64)
    known = size > 0
    return {
        "family_size": np.where(known, size, np.nan),
        "family_ip5_offices": np.where(known, five, np.nan),
        "n_inventors": snapshot.patents["n_inventors"],
        "n_owners": np.where(snapshot.owners.counts > 0, snapshot.owners.counts, np.nan).astype(np.float64),
    }


FAMILY = Family(
    "family",
    (
        Feature(
            "family_size",
            "offices",
            1.0,
            300.0,
            1,
            "distinct offices in which a member of the family is published",
            _PUTNAM,
            "no member with a publication date is known",
        ),
        Feature(
            "family_ip5_offices",
            "offices",
            0.0,
            5.0,
            1,
            "of these, the five largest: CN, EP, JP, KR, US",
            "OECD Patent Statistics Manual (2009), chapter 5",
            "no member with a publication date is known",
        ),
        Feature("n_inventors", "persons", 0.0, 1000.0, 1, "inventors named", _PUTNAM, "not known"),
        Feature("n_owners", "persons", 1.0, 1e6, 0, "owners named", _PUTNAM, "not known"),
    ),
    _compute,
    reads=(),
    after=(),
    tables=("family_members",),
    dated=False,
)
