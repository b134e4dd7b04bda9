"""Golden values: features, values, stress, attribution and collateral of fixed books stay what they were.

A changed value is a decision. If one of these tests fails and the change is meant, write the tables again with
``python -m tests.golden.recompute``, and commit them together with a line in CHANGELOG.md that says why values changed
and by how much.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import pandas as pd
import pytest

from tests.golden.recompute import CASES, flat, is_real, path_of, tables_of
from tests.shared_data import DATA, reason

# Another version of a numerical library may change the last bits; the lane of the lowest versions says how many.
TOLERANCE = float(os.environ.get("IPVALUE_GOLDEN_TOLERANCE", "1e-12"))
GOLDEN = [
    (case, path.stem.removeprefix(f"{case}_"))
    for case in CASES
    for path in sorted(path_of(case, "x").parent.glob(f"{case}_*.parquet"))
]


@cache
def computed(case: str) -> dict[str, pd.DataFrame]:
    return {kind: flat(table) for kind, table in tables_of(case)}


@pytest.mark.parametrize(("case", "kind"), GOLDEN)
def test_values_are_golden(case: str, kind: str) -> None:
    if is_real(case) and not DATA.is_dir():
        pytest.skip(reason(DATA))
    golden, found = pd.read_parquet(path_of(case, kind)), computed(case)[kind]
    assert list(found) == list(golden)
    assert len(found) == len(golden)
    for name in golden:
        if golden[name].dtype == np.float64:
            np.testing.assert_allclose(
                found[name], golden[name], rtol=TOLERANCE, atol=0.0, equal_nan=True, err_msg=f"{case} {kind} {name}"
            )
        else:
            assert found[name].tolist() == golden[name].tolist(), f"{case} {kind} {name}"


def test_every_golden_table_is_computed() -> None:
    for case in CASES:
        if is_real(case) and not DATA.is_dir():
            continue
        assert set(computed(case)) == {kind for golden_case, kind in GOLDEN if golden_case == case}


def test_golden_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in path_of("x", "x").parent.iterdir()) < 2_000_000


def test_a_changed_value_is_found() -> None:
    """The comparison is fine enough to see a change of 1e-11 in one value."""
    values = pd.read_parquet(path_of("synthetic_3", "values"))["value"].to_numpy()
    worth = np.flatnonzero(values > 0)[0]
    changed = values.copy()
    changed[worth] *= 1.0 + 1e-11
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(changed, values, rtol=1e-12, atol=0.0, equal_nan=True)
