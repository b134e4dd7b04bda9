"""USPTO maintenance-fee events: the weekly cumulative file ``MaintFeeEvents_yyyymmdd.txt``, one event per line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.errors import Reason, SourceError
from ipvalue.law import fees
from ipvalue.records.book import Book
from ipvalue.sources.joining.assemble import assemble, one_row_a_patent
from ipvalue.sources.patentsview import Among, identifiers, portfolio
from ipvalue.sources.reading import converters as to
from ipvalue.sources.reading.encodings import Utf8Stream
from ipvalue.sources.reading.files import Input, inputs
from ipvalue.sources.reading.mapping import documented
from ipvalue.sources.reading.rejects import Reject, most_are_unreadable
from ipvalue.sources.registry import Format, Look
from ipvalue.types import Dates

__all__ = ["EXPIRY", "expired_on", "read_maintenance_fees"]

EXPIRY = ("EXP.", "EXP")
"""Codes of an expiry."""

_LONGEST_POSTING = 120  # days; known entries are 28 to 60 days after the expiry


def expired_on(granted: Dates, posted: Dates) -> Dates:
    """Days on which patents expired for an unpaid maintenance fee, from the days of grant and of the register's entry.

    The entry is posted weeks after the expiry. The result is the last of the 4th, 8th and 12th anniversary of the grant
    before the entry, if it is at most 120 days earlier. Otherwise it is the day of the entry, because a reissue counts
    from its original, and a patent may expire again after a revival.

    References
    ----------
    35 USC 41(b)(2); 37 CFR 1.362(g).

    Examples
    --------
    >>> day = np.array(["2013-06-04", "2013-06-04"], "datetime64[D]")
    >>> expired_on(day, np.array(["2017-07-04", "2019-01-01"], "datetime64[D]")).tolist()
    [datetime.date(2017, 6, 4), datetime.date(2019, 1, 1)]
    """
    if not len(granted):
        return posted
    lapse: Any = fees.calendar(["US"], ["invention"], granted, granted).lapse
    before = np.where(lapse <= posted[:, None], lapse, np.datetime64("NaT", "D"))
    last = np.fmax.reduce(before, axis=1)
    near = (posted - last) <= np.timedelta64(_LONGEST_POSTING, "D")
    return np.where(near, last, posted)


_BLOCK = 1 << 22
_LONGEST_LINE = 1 << 16
# number, application, entity (Y, N, M or ?), filed, granted, date and code of the event, with blanks between
_LINE = (
    r"^\s*(?P<patent>[A-Za-z]{0,2}[0-9]{1,13})\s+(?P<application>[0-9]{5,13})?\s+(?P<entity>[A-Za-z?]?)\s*"
    r"(?P<filed>[0-9]{8})\s+(?P<granted>[0-9]{8})\s+(?P<date>[0-9]{8})\s+(?P<code>[!-~]{1,8})\s*$"
)


def _recognise(look: Look) -> float:
    lines = [line for line in look.head.splitlines() if line.strip()][:20]
    fits = pc.match_substring_regex(pa.array(lines, pa.string()), _LINE)
    return 0.95 if lines and pc.sum(fits).as_py() >= max(1, len(lines) - 2) else 0.0


FORMAT = Format(
    "maintenance_fees",
    "USPTO maintenance-fee events (MaintFeeEvents_*.txt)",
    "read_maintenance_fees",
    recognise=_recognise,
    fills={
        "patents": ("patent_id", "jurisdiction", "right", "application_date", "grant_date"),
        "legal_events": ("patent_id", "effective_date", "announced_date", "office", "scheme", "code"),
    },
)


@documented()
def read_maintenance_fees(
    *paths: str | os.PathLike[str], patents: Iterable[str] | None = None, strict: bool = False
) -> Book:
    """Read the USPTO's maintenance-fee events: payments, reminders, expiries and reinstatements since 1981.

    Parameters
    ----------
    *paths : path
        Files, archives or folders of them.
    patents : iterable of str, optional
        Numbers of a portfolio (``US-10000000``, ``US10000000B2`` or ``10000000``). Only these patents are read; the
        complete file has more than 20 million events.
    {strict}

    Returns
    -------
    Book
        Patents and legal events. A line of another form is rejected as ``unreadable``, with its number from 0. If a
        patent has two dates of the same kind, the earlier one is used. Combine the book with a source of the patents:
        ``ipv.combine(grants, fees)``.

    {raises}

    Notes
    -----
    ============================  =================================================================================
    column                        field of the line
    ============================  =================================================================================
    patents.patent_id             patent number, without leading zeros
    patents.right                 invention: designs and plants owe no maintenance fees (35 USC 41(b)(3))
    patents.application_date      filing date; patents.grant_date: grant date
    legal_events.code             event code (M1551, EXP., REM., ...); the scheme is uspto
    legal_events.announced_date   event date
    legal_events.effective_date   event date; for an expiry (EXP.), the 4th, 8th or 12th anniversary of the grant
                                  if that is at most 120 days earlier, except for a reissue (RE), whose fees count
                                  from its original
    -                             application number; entity (the codes of payments include the entity's size)
    ============================  =================================================================================

    Codes that :mod:`ipvalue.law.events` does not know have no effect. A patent that is not in the file has had no event
    yet, which does not prove that it is in force.

    References
    ----------
    USPTO, Patent Maintenance Fee Events, file documentation (2018). 35 USC 41(b); 37 CFR 1.362, 1.378.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "MaintFeeEvents_20240101.txt"
    >>> _ = path.write_text("8457796       12721698 N 20100311 20130604 20170704 EXP. \\n"
    ...                     "8457796       12721698 N 20100311 20130604 20180920 PMFG \\n")
    >>> events = read_maintenance_fees(path)["legal_events"].to_pandas()
    >>> events[["patent_id", "effective_date", "announced_date", "code"]].astype(str).values.tolist()
    [['US-8457796', '2017-06-04', '2017-07-04', 'EXP.'], ['US-8457796', '2018-09-20', '2018-09-20', 'PMFG']]
    """
    among = None if patents is None else Among(portfolio(patents))
    rejects: list[Reject] = []
    rights, events = [_RIGHTS.empty_table()], [_EVENTS.empty_table()]
    for source in inputs(*paths, suffixes=(".txt",)):
        for found in _events(source, rejects):
            mine = found if among is None else found.filter(pa.array(among.mask(found["patent"].combine_chunks())))
            named = _named(mine)
            rights.append(named.select(_RIGHTS.names).group_by(_RIGHTS.names).aggregate([]))
            events.append(named.select(_EVENTS.names))
    held = pa.concat_tables(rights).group_by(_RIGHTS.names, use_threads=False).aggregate([])
    held, contradictions = one_row_a_patent(held.sort_by([(name, "ascending") for name in _RIGHTS.names]))
    held = _with_constants(held, jurisdiction="US", right="invention")
    tables = {"patents": held, "legal_events": _with_constants(pa.concat_tables(events), office="US", scheme="uspto")}
    return assemble(tables, {"patents": contradictions, "legal_events": rejects}, strict=strict)


_TEXT = pa.string()
_RIGHTS = pa.schema([("patent_id", _TEXT), ("application_date", _TEXT), ("grant_date", _TEXT)])
_EVENTS = pa.schema([("patent_id", _TEXT), ("effective_date", _TEXT), ("announced_date", _TEXT), ("code", _TEXT)])


def _with_constants(table: pa.Table, **constants: str) -> pa.Table:
    for name, value in constants.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    return table


def _events(source: Input, rejects: list[Reject]) -> Iterator[pa.Table]:
    """Fields of the lines of a file, in blocks. Lines without an event are added to the rejects."""
    row = fitting = 0
    first = ""
    for lines in _lines(source):
        fields = pc.extract_regex(lines, _LINE)
        blank = pc.equal(pc.utf8_trim_whitespace(lines), "")
        strange = pc.and_(pc.is_null(fields), pc.invert(blank))
        for place in pc.indices_nonzero(strange).to_pylist():
            text = lines[place].as_py().replace("\0", "␀")
            first = first or text
            rejects.append(
                Reject(row + place, "code", text, Reason.UNREADABLE, f"line {row + place + 1} is not a fee event")
            )
        good = fields.filter(pc.is_valid(fields))
        fitting, row = fitting + len(good), row + len(lines)
        if most_are_unreadable(rejects, fitting):
            break
        yield pa.table(good.flatten(), names=[field.name for field in good.type])
    if row and len(rejects) > fitting:
        raise SourceError(
            f"{source.place} is not a file of maintenance-fee events: most of its lines have another form, such as "
            f"{first[:80]!r}"
        )


def _lines(source: Input) -> Iterator[pa.Array]:
    """Lines of a text, in blocks."""
    with Utf8Stream(source, longest_line=_LONGEST_LINE) as stream:
        held = b""
        while block := stream.read(_BLOCK):
            held += block
            end = held.rfind(b"\n") + 1
            if len(held) >= _BLOCK and end:
                yield _cut(held[: end - 1])
                held = held[end:]
        if held:
            yield _cut(held.removesuffix(b"\n"))


def _cut(block: bytes) -> pa.Array:
    return pc.split_pattern(pa.array([block.decode("utf-8", "replace")]), "\n").flatten()


def _named(found: pa.Table) -> pa.Table:
    """Fields as columns of the book."""
    column = {name: found[name].combine_chunks() for name in found.column_names}
    filed, granted, posted = (to.dates(column[name]) for name in ("filed", "granted", "date"))
    table = pa.table(
        {
            "patent_id": identifiers(column["patent"]),
            "application_date": filed,
            "grant_date": granted,
            "announced_date": posted,
            "effective_date": posted,
            "code": column["code"],
        }
    )
    # a reissue's fees count from the grant of its original
    own = pc.invert(pc.match_substring_regex(column["patent"], "^[A-Za-z]"))
    return _with_expiries(table, pc.and_(pc.is_in(column["code"], pa.array(EXPIRY)), own))


def _with_expiries(table: pa.Table, expiries: pa.Array) -> pa.Table:
    """Events with the day on which each expiry took effect."""
    granted, posted = (_days(table[name]) for name in ("grant_date", "announced_date"))
    where = np.asarray(pc.fill_null(expiries, False).to_numpy(zero_copy_only=False), bool)
    where &= ~(np.isnat(granted) | np.isnat(posted))
    days = np.datetime_as_string(expired_on(granted[where], posted[where]), unit="D")
    effective = pc.replace_with_mask(
        table["effective_date"].combine_chunks(), pa.array(where), pa.array(days.astype(object), _TEXT)
    )
    return table.set_column(table.schema.get_field_index("effective_date"), "effective_date", effective)


def _days(values: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    parsed = pc.strptime(values, format="%Y-%m-%d", unit="s", error_is_null=True)
    return np.asarray(parsed.cast(pa.timestamp("s")).to_numpy(), "datetime64[D]")
