"""All features of a large book, and the citation measures against their peers, in one run.

python -m benchmarks.features [patents]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import ipvalue as ipv
from benchmarks.report import peak_gigabytes, publish
from ipvalue.features.base import Context, families
from ipvalue.features.book_statistics import Part, from_parts
from ipvalue.features.citations import disruption, generality

DAY = "2024-12-31"
PEER_NODES = 4_000


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Median wall time."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def main(patents: int = 400_000) -> None:
    book = ipv.synthetic_book(patents, seed=7, until=DAY)
    snapshot = book.as_of(DAY)
    started = time.perf_counter()
    for table in ("citations_received", "citations_made", "claims", "events", "family", "ipc", "owners", "economics"):
        getattr(snapshot, table)
    cut = time.perf_counter() - started
    started = time.perf_counter()
    part = Part.of(snapshot)
    counted = time.perf_counter() - started
    started = time.perf_counter()
    whole = from_parts([part])
    joined = time.perf_counter() - started
    context = Context(snapshot, whole)
    rows = [
        ("cutting the snapshot", cut),
        ("counting the part", counted),
        ("joining the whole (citation graph)", joined),
    ]
    for family in families().values():
        started = time.perf_counter()
        computed = family.compute(context)
        context.earlier.update({f.name: computed[f.name] for f in family.features})
        rows.append((f"family {family.name} ({len(family.features)} columns)", time.perf_counter() - started))
    rows.append(("all of it", sum(seconds for _, seconds in rows)))
    table = pd.DataFrame([(what, f"{s:.2f} s") for what, s in rows], columns=["stage", "time"])
    counts = ", ".join(f"{book[t].num_rows:,} {t.replace('_', ' ')}" for t in ("citations", "claims", "legal_events"))
    notes = (
        f"{patents:,} patents, {counts}; one process; peak {peak_gigabytes():.1f} GB, the making of the book included."
    )
    publish("Features", f"python -m benchmarks.features {patents}", table, notes)
    peers(snapshot, patents)


def peers(snapshot: ipv.Snapshot, patents: int) -> None:
    """The same measures by pandas and by the package cdindex."""
    received = snapshot.citations_received
    cited, label = received.patent, received["subclass"].astype(np.int64)
    frame = pd.DataFrame({"cited": cited, "label": label, "document": received["document"], "date": received["date"]})
    start = snapshot.patents["application_date"]

    def by_groups() -> pd.Series:
        counts = frame.groupby(["cited", "label"]).size()
        total = counts.groupby(level=0).sum()
        return 1 - (counts**2).groupby(level=0).sum() / total**2

    def by_merge() -> pd.Series:
        origin = pd.DataFrame({"cited": np.arange(len(start)), "start": start})
        joined = frame.merge(origin, on="cited")
        return joined[(joined["date"] - joined["start"]).dt.days <= 5 * 365.25].groupby("cited").size()

    def ours() -> object:
        inside = (received["date"] - start[cited]) / np.timedelta64(1, "D") <= 5 * 365.25
        return np.bincount(cited[inside], minlength=len(start))

    rows = [
        (
            "generality",
            timed(lambda: generality(cited, label, n_groups=len(start))),
            timed(by_groups),
            "pandas groupby",
        ),
        ("forward citations in 5 years", timed(ours), timed(by_merge), "pandas merge and groupby"),
        ("disruption, 5 years", *against_cdindex(snapshot), "cdindex (C), scaled from 4,000 patents"),
    ]
    table = pd.DataFrame(
        [(what, f"{mine:.3f} s", f"{other:.2f} s", f"{other / mine:.1f}", peer) for what, mine, other, peer in rows],
        columns=["measure", "ours", "peer", "peer over ours", "peer is"],
    )
    notes = f"{patents:,} patents, {len(received):,} citations; disruption on the citations inside the book."
    publish("Citation measures against peers", f"python -m benchmarks.features {patents}", table, notes)


def against_cdindex(snapshot: ipv.Snapshot) -> tuple[float, float]:
    """Seconds for the disruption of all patents in the graph of the citations inside the book.

    Ours is the public function, which counts with the kernel that a batch uses. The time of cdindex is scaled from a
    sample of patents and leaves out the building of its graph; it is NaN where cdindex is not installed.
    """
    received = snapshot.citations_received
    inside = received["citing"] >= 0
    citing, cited = received["citing"][inside].astype(np.int64), received.patent[inside]
    day = snapshot.patents["application_date"].astype(np.int64)
    mine = timed(lambda: disruption(citing, cited, day / 365.25, window=5.0), 1)
    try:
        import cdindex
    except ImportError:
        return mine, np.nan
    graph = cdindex.Graph()
    for node, when in enumerate(day.tolist()):
        graph.add_vertex(str(node), when)
    for a, b in zip(citing.tolist(), cited.tolist()):
        graph.add_edge(str(a), str(b))
    sample = np.random.default_rng(0).choice(len(day), PEER_NODES, replace=False)
    started = time.perf_counter()
    for node in sample.tolist():
        graph.cdindex(str(node), int(5 * 365.25))
    theirs = (time.perf_counter() - started) * len(day) / PEER_NODES
    return mine, theirs


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
