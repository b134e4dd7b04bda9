"""Where the real data and the fact files are, and how a test skips where they are absent.

The folder is ``IPVALUE_DATA_DIR``, by default ``../shared/data`` beside the checkout. The facts and the published cases
stand beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IPVALUE_DATA_DIR", ROOT / ".." / "shared" / "data")).resolve()
FACTS = DATA.parent / "facts"
CASES = DATA.parent / "cases" / "cases.json"


def reason(path: Path) -> str:
    """Why a test that reads this path is skipped."""
    return f"{path} is absent: set IPVALUE_DATA_DIR"


def existing(path: Path) -> Path:
    """Return the path, or skip the running test where nothing is there."""
    if not path.exists():
        pytest.skip(reason(path))
    return path


def needs(path: Path) -> pytest.MarkDecorator:
    """Mark a test, or a module, that is skipped where nothing is at this path."""
    return pytest.mark.skipif(not path.exists(), reason=reason(path))


def absent(path: Path, value: Any = None) -> list[Any]:
    """Stand in for the cases of a parametrised test whose file is absent: one case, skipped."""
    return [pytest.param(value, marks=pytest.mark.skip(reason=reason(path)), id="absent")]
