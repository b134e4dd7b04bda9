"""What every benchmark prints: its table with machine, versions and sizes, kept in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """One line on machine and versions."""
    model = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow", "lightgbm"))
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {packages}"


def peak_gigabytes() -> float:
    """Peak memory of this process and of its largest child."""
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(usage) / 1e6


def commit() -> str:
    """Commit that is measured."""
    run = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=RESULTS.parent, capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "no checkout"


def publish(topic: str, command: str, table: pd.DataFrame, notes: str = "") -> None:
    """Print a topic's table and put it into RESULTS.md in place of its last one."""
    text = _markdown(table)
    body = f"## {topic}\n\n`{command}`, {date.today()}, commit {commit()}  \n{machine()}\n\n{text}\n"
    body += f"\n{notes.strip()}\n" if notes else ""
    print(body)
    earlier = RESULTS.read_text("utf-8") if RESULTS.exists() else "# What was measured\n"
    parts = re.split(r"(?m)^(?=## )", earlier)
    kept = [p.rstrip() + "\n" for p in parts if not p.startswith(f"## {topic}\n")]
    head, topics = kept[0], sorted([*kept[1:], body])
    RESULTS.write_text("\n".join([head, *topics]), "utf-8")


def _markdown(table: pd.DataFrame) -> str:
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    rows += [[str(v) for v in row] for row in table.itertuples(index=False, name=None)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
