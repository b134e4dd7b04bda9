"""What a worker reports of a piece of work: how long each stage took, where, and how much memory it needed."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipvalue.stopwatch import Stopwatch

__all__ = ["measured", "peak_memory"]


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Measure the ``with`` block; the dict that it gets is filled when the block ends.

    Examples
    --------
    >>> with measured() as receipt:
    ...     pass
    >>> sorted(receipt)
    ['host', 'memory', 'pid', 'seconds', 'stages']
    """
    receipt: dict[str, Any] = {}
    started = time.perf_counter()
    with Stopwatch().running() as watch:
        yield receipt
    receipt["seconds"] = round(time.perf_counter() - started, 6)
    receipt["stages"] = {name: round(seconds, 6) for name, seconds in watch.seconds.items()}
    receipt |= {"pid": os.getpid(), "host": platform.node(), "memory": peak_memory()}


def peak_memory() -> int:
    """Peak resident memory of this process since it began, in bytes; pages that it shares with others count in full.

    Linux keeps it by process image (``VmHWM``); ``ru_maxrss`` elsewhere, which a process may inherit from the one that
    started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on every system that has no /proc

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
