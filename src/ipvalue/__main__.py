"""``python -m ipvalue``: demo, revalue and check; a thin command line over the public functions.

Exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 ``check`` found bad rows, or the command
line itself is wrong; 130 interrupted from the keyboard (a batch that is run again resumes).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import ipvalue as ipv
from ipvalue.errors import IpvalueError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 done; 1 where ipvalue refuses, with the reason on standard error; 2 where ``check`` finds bad
        rows; 130 where the user interrupts.
    """
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options))
        sys.stdout.flush()  # errors of printing are raised here, and not when the process ends
        return code
    except IpvalueError as error:
        print(f"ipvalue: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ipvalue: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        _drop_output()
        return 1
    except KeyboardInterrupt:
        print("ipvalue: interrupted; a batch that is run again resumes where it was stopped", file=sys.stderr)
        return 130


def _drop_output() -> None:
    """Discard further output after the pipe was closed or the disk is full, which would raise a second error."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ipvalue", description="Value a book of patents.")
    parser.add_argument("--version", action="version", version=f"ipvalue {ipv.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="value a synthetic book, print and plot what is found")
    demo.add_argument("--patents", type=int, default=10_000, help="patents of the synthetic book (default 10000)")
    demo.add_argument("--seed", type=int, default=7, help="seed of the synthetic book (default 7)")
    demo.add_argument("--plot", type=Path, default=Path("ipvalue-demo.png"), help="picture (default ipvalue-demo.png)")
    demo.set_defaults(run=_demo)
    revalue = commands.add_parser(
        "revalue",
        help="value a book on disk; resumes where it was stopped",
        epilog="Prints values, grades, reasons and refused rows at the end. Exit code 0: the dataset is complete; "
        "1: it is not, with the reason on standard error; 130: interrupted.",
    )
    revalue.add_argument("book", type=Path, help="folder of the book (write_book)")
    revalue.add_argument("out", type=Path, help="folder of the values, a Parquet dataset")
    revalue.add_argument("--as-of", required=True, help="valuation date, YYYY-MM-DD")
    revalue.add_argument("--engine", type=Path, required=True, help="folder of a saved engine (engine.save)")
    known = "from which of its dates a legal event counts (default announced)"
    revalue.add_argument("--known", choices=("announced", "loaded"), default="announced", help=known)
    revalue.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    revalue.add_argument("--keep", type=Path, help="folder in which features are cached for the next run")
    revalue.add_argument("--restart", action="store_true", help="discard values of another run in the folder")
    revalue.add_argument("--overrides", type=Path, help="experts' overrides: a set (.json), or rows (.csv, .parquet)")
    revalue.set_defaults(run=_revalue)
    check = commands.add_parser("check", help="report what a book or a public file holds, lacks and rejects")
    check.add_argument("book", type=Path, help="folder of a book, or a file, archive or folder of a public format")
    check.add_argument("--look", action="store_true", help="only look at the beginning, and read nothing")
    check.set_defaults(run=_check)
    return parser


def _demo(options: argparse.Namespace) -> int:
    """Value a synthetic book by the default methods, compare with its known truth, and plot."""
    until = "2024-12-31"
    if not options.plot.absolute().parent.is_dir():
        raise IpvalueError(f"--plot {options.plot}: there is no folder {options.plot.absolute().parent}")
    book = ipv.synthetic_book(options.patents, seed=options.seed, until=until)
    print(f"A synthetic book (made up by a generator, seed {options.seed}): no real patent is in it.")
    print(book, end="\n\n")
    engine = ipv.ValuationEngine().fit(book, as_of=until)
    valuation = engine.value(book.as_of(until))
    print(valuation, end="\n\n")
    frame = valuation.to_pandas()
    truth = book.true_value(until).reindex(frame.index)
    alive = (frame["value"] > 0) & (truth > 0)
    rank = frame.loc[alive, "value"].corr(truth[alive], method="spearman")
    inside = ((truth >= frame["q05"]) & (truth <= frame["q95"]))[alive].mean()
    print(
        f"Against the synthetic truth: rank correlation {rank:.2f}; {inside:.0%} of true values in the 90 % interval."
    )
    top = frame.sort_values("value", ascending=False).head(5)
    columns = ["value", "q05", "q95", "currency", "state", "remaining_years", "grade"]
    print("\nThe five highest values:")
    print(top[columns].to_string(float_format="{:,.1f}".format), end="\n\n")
    print("Why the first is worth that:")
    lines = valuation.explain(str(top.index[0]))
    listed = lines["quantity"].str.match(r"comparable \d+$")
    lines = lines[~listed]
    print(lines[["part", "quantity", "value", "unit"]].to_string(index=False, float_format="{:,.4f}".format))
    print(f"({int(listed.sum())} comparables, each with date, price and weight, are left out here.)")
    return _picture(valuation, options.plot)


def _picture(valuation: ipv.Valuation, path: Path) -> int:
    from ipvalue import plots

    try:
        plots.overview(valuation, path, title="Synthetic book")
    except ValueError as error:  # of matplotlib, which knows the formats by their suffix
        raise IpvalueError(f"--plot {path}: {error}") from error
    print(f"\nPicture: {path}")
    return 0


def _revalue(options: argparse.Namespace) -> int:
    report = ipv.revalue(
        options.book,
        options.out,
        engine=options.engine,
        as_of=options.as_of,
        known=options.known,
        workers=options.workers,
        restart=options.restart,
        keep=options.keep,
        overrides=options.overrides,
    )
    print(report)
    return 0


def _check(options: argparse.Namespace) -> int:
    """Read a book and print its rows, rejected rows, and the effect of each missing table."""
    from ipvalue.records.check import read_tables, report
    from ipvalue.sources.sniffing import is_book

    if is_book(options.book) and not options.look:
        book = read_tables(options.book)
        print(report(book))
        return 2 if len(book.rejects) else 0
    if options.book.is_dir() and not any(options.book.iterdir()):
        read_tables(options.book)  # raises with the content of the folder
    found = ipv.sniff(options.book)
    print(found)
    if not found.format:
        return 1
    if options.look or not found.path_alone:
        return 0
    book = getattr(ipv, found.reader)(options.book)
    if not isinstance(book, ipv.Book):
        print(f"{len(book):,} rows: {', '.join(map(str, book.columns))}")
        return 0
    print(report(book))
    return 2 if len(book.rejects) else 0


if __name__ == "__main__":
    sys.exit(main())
