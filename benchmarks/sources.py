"""Readers of USPTO formats: megabytes a second of grant XML, and a gigabyte of PatentsView citations.

    python -m benchmarks.sources [megabytes of XML] [millions of citations]

Each reading is a fresh process, whose time is that of its processor (two of them share the machine with others)
beside the wall's. The book's own validation is counted apart. The XML is the real small files of ../shared/data,
repeated under other numbers; the citations are drawn at random in the layout of the release.

Peers in the same run: parsing the same documents whole with the standard library's parser, without any protection
and without reading anything out of them; pandas.read_csv and pyarrow.csv on the file of citations alone.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from benchmarks.report import publish
from tests.shared_data import DATA

FIRST_NUMBER, UNIVERSE, BOOK, PORTFOLIO = 6_000_000, 1_000_000, 200_000, 5_000
CATEGORIES = ["cited by examiner", "cited by applicant", "cited by other"]


def main(megabytes: int = 120, millions: int = 18) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        publish(
            "Reading: USPTO grant XML",
            f"python -m benchmarks.sources {megabytes} {millions}",
            *xml(folder, megabytes),
        )
        publish(
            "Reading: PatentsView citations",
            f"python -m benchmarks.sources {megabytes} {millions}",
            *citations(folder, millions),
        )


def xml(folder: Path, megabytes: int) -> tuple[pd.DataFrame, str]:
    path = folder / "ipg.xml"
    documents = repeat_grants(path, megabytes)
    size = path.stat().st_size / 1e6
    found = [measured("grants", path) for _ in range(3)]
    reading = float(np.median([one["read_cpu"] for one in found]))
    book = float(np.median([one["book_cpu"] for one in found]))
    wall = float(np.median([one["wall"] for one in found]))
    peer = measured("elementtree", path)
    table = pd.DataFrame(
        [
            ("read_uspto_grants: split, parse, read out", f"{reading:.1f} s", f"{size / reading:.0f} MB/s"),
            ("the book's validation", f"{book:.1f} s", ""),
            ("both", f"{reading + book:.1f} s", f"{size / (reading + book):.0f} MB/s"),
            ("both, by the wall", f"{wall:.1f} s", f"{size / wall:.0f} MB/s"),
            (
                "peer: xml.etree on whole documents, nothing read out",
                f"{peer['read_cpu']:.1f} s",
                f"{size / peer['read_cpu']:.0f} MB/s",
            ),
        ],
        columns=["one core", "processor time", "throughput"],
    )
    notes = (
        f"{size:.0f} MB, {documents:,} documents (real ones of 2005 to 2010 under other numbers), median of 3; peak "
        f"{max(one['peak'] for one in found):.2f} GB. Descriptions are cut out before parsing. Wanted: 30 MB/s a core."
    )
    return table, notes


def repeat_grants(path: Path, megabytes: int) -> int:
    """Real documents one after the other, each under a number of its own; how many there are."""
    documents = [
        b"<?xml" + part
        for file in sorted((DATA / "uspto_grant_xml").glob("*.xml"))
        for part in file.read_bytes().split(b"<?xml")[1:]
    ]
    if not documents:
        raise SystemExit(f"no grants at {DATA / 'uspto_grant_xml'}: set IPVALUE_DATA_DIR")
    number = re.compile(rb"(<publication-reference>.*?<doc-number>)[^<]*", re.DOTALL)
    written = count = 0
    with path.open("wb") as file:
        while written < megabytes * 1e6:
            for document in documents:
                count += 1
                written += file.write(number.sub(rb"\g<1>%08d" % (7_000_000 + count), document, count=1))
    return count


def citations(folder: Path, millions: int) -> tuple[pd.DataFrame, str]:
    path = release(folder, millions * 1_000_000)
    size = path.stat().st_size / 1e9
    kinds = {
        "portfolio": f"read_patentsview, a portfolio of {PORTFOLIO:,}",
        "all": f"read_patentsview, all {BOOK:,} of g_patent",
        "pyarrow": "peer: pyarrow.csv, the four columns, 2 threads",
        "pandas": "peer: pandas.read_csv, the four columns",
    }
    rows = []
    for kind, title in kinds.items():
        one = measured(kind, folder)
        validation = f"{one['book_wall']:.1f} s" if one["book_wall"] else ""
        rows.append((title, f"{one['wall']:.1f} s", validation, f"{one['peak']:.2f} GB", f"{one['rows']:,}"))
    table = pd.DataFrame(
        rows, columns=["reading", "wall time", "of which the book's validation", "peak memory", "citations kept"]
    )
    notes = (
        f"{size:.2f} GB, {millions} million citations among {UNIVERSE:,} patents, 3 % of them with letters; the book's "
        f"{BOOK:,} patents are a fifth of them. Wanted: 60 s and 2 GB."
    )
    return table, notes


def release(folder: Path, rows: int) -> Path:
    """Tables of a made release; the path of the citations."""
    dice = np.random.default_rng(3)
    book = np.sort(dice.choice(UNIVERSE, BOOK, replace=False))
    ones = {
        "patent_type": "utility",
        "patent_title": "A thing",
        "wipo_kind": "B2",
        "num_claims": "20",
        "withdrawn": "0",
    }
    columns = {"patent_id": numbers(book), "patent_date": dates(book)}
    write(folder / "g_patent.tsv", columns | {name: pa.repeat(value, BOOK) for name, value in ones.items()})
    filed = {"application_id": numbers(book), "patent_id": numbers(book), "filing_date": dates(book, 900)}
    write(folder / "g_application.tsv", filed)
    path = folder / "g_us_patent_citation.tsv"
    parts = 18
    with path.open("wb") as file:
        for part in range(parts):
            n = rows // parts
            citing = np.sort(dice.integers(part * UNIVERSE // parts, (part + 1) * UNIVERSE // parts, n))
            cited = dice.integers(0, UNIVERSE, n)
            columns = {
                "patent_id": numbers(citing),
                "citation_sequence": pa.array(dice.integers(0, 60, n)),
                "citation_patent_id": numbers(cited),
                "citation_date": dates(cited),
                "record_name": pa.repeat("Ng", n),
                "wipo_kind": pa.repeat("A", n),
                "citation_category": pa.array(CATEGORIES).take(pa.array(dice.integers(0, 3, n))),
            }
            write(file, columns, header=part == 0)
    return path


def numbers(places: npt.NDArray[np.int64]) -> pa.Array:
    """Numbers of patents; every 33rd is a design's."""
    text = pa.array(places + FIRST_NUMBER).cast(pa.string())
    lettered = pa.array([f"D{place % UNIVERSE}" for place in np.unique(places[places % 33 == 0]).tolist()], pa.string())
    where = np.searchsorted(np.unique(places[places % 33 == 0]), places)
    designs = lettered.take(pa.array(np.minimum(where, len(lettered) - 1)))
    return pc.if_else(pa.array(places % 33 == 0), designs, text)


def dates(places: npt.NDArray[np.int64], before: int = 0) -> pa.Array:
    """Days of grant in the order of the numbers, or some days before."""
    days = np.datetime64("1999-01-05") + places * 9_000 // UNIVERSE - before
    return pa.array(days).cast(pa.string())


def write(target: Any, columns: dict[str, pa.Array], header: bool = True) -> None:
    options = pcsv.WriteOptions(include_header=header, delimiter="\t", quoting_style="needed")
    pcsv.write_csv(pa.table(columns), target, options)


def measured(kind: str, path: Path) -> dict[str, Any]:
    """One reading in a fresh process."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.sources", "--one", kind, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def one(kind: str, path: Path) -> None:
    """What the fresh process does; prints what it took."""
    work = {
        "grants": grants,
        "elementtree": elementtree,
        "all": whole,
        "portfolio": part,
        "pyarrow": arrow,
        "pandas": frame,
    }
    wall, cpu = time.perf_counter(), time.process_time()
    rows, (before_wall, before_cpu) = work[kind](path)
    end_wall, end_cpu = time.perf_counter(), time.process_time()
    apart = bool(before_wall)
    print(
        json.dumps(
            {
                "wall": end_wall - wall,
                "book_wall": end_wall - before_wall if apart else 0.0,
                "read_cpu": (before_cpu if apart else end_cpu) - cpu,
                "book_cpu": end_cpu - before_cpu if apart else 0.0,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "rows": rows,
            }
        )
    )


Moment = tuple[float, float]


def noted(module: Any, name: str) -> list[Moment]:
    """Notes when a function of a module is called: where reading ends and the book begins."""
    moments: list[Moment] = []
    inner: Callable[..., Any] = getattr(module, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        moments.append((time.perf_counter(), time.process_time()))
        return inner(*arguments, **named)

    setattr(module, name, outer)
    return moments


def grants(path: Path) -> tuple[int, Moment]:
    from ipvalue.sources import uspto

    moments = noted(uspto, "Book")
    book = uspto.read_uspto_grants(path)
    return len(book), moments[0]


def elementtree(path: Path) -> tuple[int, Moment]:
    from xml.etree.ElementTree import fromstring

    count = 0
    for document in path.read_bytes().split(b"<?xml")[1:]:
        fromstring(b"<?xml" + document)
        count += 1
    return count, (0.0, 0.0)


def whole(folder: Path) -> tuple[int, Moment]:
    return patentsview(folder, None)


def part(folder: Path) -> tuple[int, Moment]:
    held = pcsv.read_csv(folder / "g_patent.tsv", parse_options=pcsv.ParseOptions(delimiter="\t"))["patent_id"]
    return patentsview(folder, held.cast(pa.string()).to_pylist()[:: BOOK // PORTFOLIO])


def patentsview(folder: Path, patents: list[str] | None) -> tuple[int, Moment]:
    from ipvalue.sources import patentsview as reader

    moments = noted(reader, "assemble")
    book = reader.read_patentsview(folder, patents=patents)
    return book["citations"].num_rows, moments[0]


COLUMNS = ["patent_id", "citation_patent_id", "citation_date", "citation_category"]


def arrow(folder: Path) -> tuple[int, Moment]:
    table = pcsv.read_csv(
        folder / "g_us_patent_citation.tsv",
        parse_options=pcsv.ParseOptions(delimiter="\t", newlines_in_values=True),
        convert_options=pcsv.ConvertOptions(
            include_columns=COLUMNS, column_types=dict.fromkeys(COLUMNS[:2], pa.string())
        ),
    )
    return table.num_rows, (0.0, 0.0)


def frame(folder: Path) -> tuple[int, Moment]:
    return len(pd.read_csv(folder / "g_us_patent_citation.tsv", sep="\t", usecols=COLUMNS, dtype=str)), (0.0, 0.0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
