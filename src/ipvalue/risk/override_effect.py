"""What overrides add to the model's values, and why that changed between two valuations."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from ipvalue.errors import Reason
from ipvalue.overrides.log import override_log, overrides_of
from ipvalue.types import Floats
from ipvalue.valuation import Valuation

__all__ = ["CAUSES", "model_value", "override_effects"]

CAUSES = {
    "added": "in force after alone",
    "changed": "another override in force on each side",
    "kept": "the same override on both sides: what it takes back of the model's change, or multiplies it by",
    "removed": "in force before alone, and not in the later set",
    "expired": "in force before alone, since it expired",
    "withdrawn": "in force before alone, since it was withdrawn",
    "not_applied": "in force before alone, since it can't be applied any more: a right that died, another currency",
}
"""Why what an override adds has changed."""

_STATUS = {Reason.OVERRIDE_EXPIRED.label: "expired", Reason.OVERRIDE_WITHDRAWN.label: "withdrawn"}


def model_value(valuation: Valuation) -> Floats:
    """The model's value of each patent, overridden or not; NaN for null."""
    names = valuation.table.column_names
    column = valuation.table["model_value" if "model_value" in names else "value"]
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def override_effects(before: Valuation, after: Valuation, table: pd.DataFrame) -> pd.DataFrame:
    """Say of each override that stands on either side why what it adds has changed.

    Parameters
    ----------
    before, after : Valuation
    table : pandas.DataFrame of int64
        Whole cents by patent_id, of the patents of both: ``before`` and ``after``, what overrides add on each side.

    Returns
    -------
    pandas.DataFrame
        Indexed by patent_id: ``cause`` (of :data:`CAUSES`), ``before`` and ``after`` and their difference ``change`` in
        whole cents, ``override_before`` and ``override_after`` (their ids; empty without one).
    """
    ids = [_applied(valuation).reindex(table.index, fill_value="") for valuation in (before, after)]
    touched = (ids[0] != "") | (ids[1] != "")
    frame = table.loc[touched, ["before", "after"]].copy()
    one, two = (side[touched].to_numpy(object) for side in ids)
    gone = _ends(before, after)
    cause = np.where(one == "", "added", np.where(one == two, "kept", "changed"))
    cause = np.where(two == "", [gone.get(name, "") for name in one], cause)
    frame.insert(0, "cause", cause.astype(object))
    frame["change"] = frame["after"] - frame["before"]
    frame["override_before"], frame["override_after"] = one, two
    return frame


def _applied(valuation: Valuation) -> pd.Series[str]:
    """The id of the override of each overridden patent."""
    log = override_log(valuation)
    log = log[log["status"] == Reason.OVERRIDDEN.label]
    return pd.Series(log.index.astype(object), index=pd.Index(log["patent_id"], dtype=object), dtype=object)


def _ends(before: Valuation, after: Valuation) -> dict[str, str]:
    """Why each override of before would no longer stand after, if it does not."""
    status = override_log(after)["status"]
    day = dt.date.fromisoformat(str(after.provenance["as_of"]))
    result = {}
    for item in overrides_of(before).items:
        if item.id in status.index:
            result[item.id] = _STATUS.get(str(status[item.id]), "not_applied")
        else:
            result[item.id] = "expired" if item.expires_on <= day else "removed"
    return result
