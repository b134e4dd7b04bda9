"""The notebooks run from top to bottom, each in its own kernel, on the code as it is."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPVALUE_DATA_DIR", str(data_dir))
    # a backend forced by the caller would keep the pictures out of the notebook
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert pictures, "a notebook shows something"
    if "explain" in path.read_text("utf-8"):
        tables = [o for c in notebook.cells for o in c.get("outputs", []) if "text/html" in o.get("data", {})]
        assert len(tables) > 3
