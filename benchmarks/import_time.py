"""Time of ``import ipvalue`` and of the demo's book, each in a fresh process, against starting Python and pandas.

python -m benchmarks.import_time
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pandas as pd

from benchmarks.report import publish

VALUES = (
    "import ipvalue as ipv; book = ipv.synthetic_book(10_000, seed=7); "
    "ipv.ValuationEngine().fit(book, as_of='2024-12-31').value(book.as_of('2024-12-31'))"
)


def seconds(code: str, times: int) -> float:
    """Median wall time of a fresh process."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def main() -> None:
    empty = seconds("pass", 9)
    rows = [
        ("start of Python alone", empty),
        ("import ipvalue", seconds("import ipvalue", 9)),
        ("import pandas", seconds("import pandas", 9)),
        ("10,000 synthetic patents made, fitted and valued by three methods, import included", seconds(VALUES, 3)),
    ]
    table = pd.DataFrame(
        [(what, f"{s:.3f} s", f"{s - empty:.3f} s") for what, s in rows],
        columns=["a fresh process", "median", "without the start of Python"],
    )
    publish("Import and first values", "python -m benchmarks.import_time", table)


if __name__ == "__main__":
    main()
