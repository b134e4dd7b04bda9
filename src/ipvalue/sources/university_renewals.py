"""US university patents with the number of maintenance fees paid: a table made from Google Patents in 2017."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ipvalue.errors import BookError, Reason, SourceError
from ipvalue.law import fees
from ipvalue.records.book import Book, parse_date
from ipvalue.sources.joining.assemble import mapped, one_input, open_table
from ipvalue.sources.reading.files import TABLES, Source, inputs
from ipvalue.sources.reading.identifiers import document_ids
from ipvalue.sources.reading.mapping import documented, read_mappings
from ipvalue.sources.reading.rejects import Reject, reject_rows
from ipvalue.sources.registry import Format
from ipvalue.types import Dates, Ints, Mask

__all__ = ["read_university_renewals"]

(_TABLE,) = read_mappings("university_renewals")
_PAID = "payment_times"
FORMAT = Format(
    "university_renewals",
    "US university patents with the number of maintenance fees paid (2017)",
    "read_university_renewals",
    parts=(_TABLE,),
    fills={
        "patents": ("jurisdiction", "kind"),
        "legal_events": ("patent_id", "effective_date", "announced_date", "scheme", "code", "detail"),
    },
)
_NUMBER = re.compile(r"US([A-Z]*\d+)([A-Z]\d?)?")
# payments of small entities, which universities are (37 CFR 1.27(a)(3)), by fee year; and the expiry
_PAYMENT_CODES = {4: "M2551", 8: "M2552", 12: "M2553"}
_EXPIRY_CODE = "EXP."


@documented()
def read_university_renewals(
    path: Source,
    *,
    observed: object = "2017-09-06",
    announcement_days: int = 35,
    strict: bool = False,
) -> Book:
    """Read the university patents granted in 2004 and 2005 as a book of patents and register events.

    Parameters
    ----------
    path : path
        The table, with one patent in each row: a file, an archive, or a folder that contains only this file.
    observed : date-like, default '2017-09-06'
        Date on which the payments were counted.
    announcement_days : int, default 35
        Days from an expiry to its entry in the register (33 to 36 in the samples of ``law/tables/fee_rules.csv``).
    {strict}

    Returns
    -------
    Book
        A row whose number of payments is not 0, 1, 2 or 3 is rejected as ``out_of_range``.

    Raises
    ------
    SourceError
        If the file is not such a table, or ``observed`` is not a date.
    BookError
        With ``strict``, if anything is rejected.

    Notes
    -----
    ==============================  ===============================================================================
    column                          column of the file
    ==============================  ===============================================================================
    patents.patent_id               id: US-number, without kind
    patents.kind, right             id: its kind code (B1, B2; E1 reissue; P2, P3 plant)
    patents.priority_date           priority date, as Google Patents shows it: provisionals and parents included
    patents.application_date        filing/creation date
    patents.publication_date        publication date, in this file always that of the grant
    patents.grant_date              grant date
    patents.owners                  assignee
    patents.n_inventors             num_authors
    patents.npl_citations           num_nonpatent_citations
    patents.n_claims                num_claims
    legal_events                    payment_times and grant date, as follows
    ==============================  ===============================================================================

    The file has the number of payments but not their dates. Assumptions, with due dates and lapses from
    :mod:`ipvalue.law.fees`:

    - The first *k* fees are those that were paid, because no later fee can be paid after an unpaid one.
    - A fee was paid on the last day without a surcharge, 3.5, 7.5 or 11.5 years after grant (35 USC 41(b)), and not
      after ``observed``. The register's entry has the same date. Codes are M2551 to M2553 with detail 4, 8 or 12. The
      size of the payer is not in the file, and no value depends on it.
    - If the next fee was not paid, the patent expired 4, 8 or 12 years after grant (``EXP.``). This was known
      ``announcement_days`` later, and the event is written only if that is not after ``observed``. A payment accepted
      late on petition (37 CFR 1.378) counts as paid in time.
    - Plant patents owe no maintenance fees and have no events. Reissues owe those of their original (37 CFR 1.362(b)),
      whose grant date is not in the file, so they have no events either.

    The sections B to H are not read, because a section is not an IPC symbol, so the technology field is unknown. Counts
    of family members, cited patents and similar documents are not read because they name no document. The file does not
    contain the parent from whose filing a term may run, so the term is an upper bound.

    Third payments of patents granted in the summer of 2005 are probably incomplete (27 % in August 2005 against 37 %
    before), because register entries reach Google Patents late.

    References
    ----------
    35 USC 41(b); 37 CFR 1.362; 37 CFR 1.27(a)(3).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "renewals.csv"
    >>> _ = path.write_text(
    ...     "id,assignee,priority date,filing/creation date,publication date,grant date,num_authors,"
    ...     "num_nonpatent_citations,num_claims,payment_times\\n"
    ...     "US6699658B1,A University,1996-05-31,1998-01-20,2004-03-02,2004-03-02,4,34,42,1\\n")
    >>> events = read_university_renewals(path)["legal_events"].to_pandas()
    >>> events[["effective_date", "announced_date", "code"]].astype(str).values.tolist()
    [['2007-09-02', '2007-09-02', 'M2551'], ['2012-03-02', '2012-04-06', 'EXP.']]
    """
    try:
        last_day = parse_date(observed)
    except BookError as error:
        raise SourceError(f"observed: {error}") from error
    rows, rejects = _read(path)
    paid = pd.to_numeric(rows[_PAID].str.strip(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    usable = np.isin(paid, [0, *range(1, len(_PAYMENT_CODES) + 1)])
    rejects += [
        Reject(row, _PAID, str(rows[_PAID].iloc[row]), Reason.OUT_OF_RANGE, "0 to 3 fees can be paid")
        for row in np.flatnonzero(~usable).tolist()
    ]
    patents = _patents(rows[usable])
    events = _events(patents, paid[usable].astype(np.int64), last_day, announcement_days)
    return Book(patents, legal_events=events, strict=strict, refused=reject_rows("patents", rejects))


def _read(path: Source) -> tuple[pd.DataFrame, list[Reject]]:
    """The rows as text in columns of the book, with empty cells as empty text, and the rejects."""
    table = open_table(one_input(inputs(path, suffixes=TABLES), "a table of university patents"), (_TABLE,))
    parts = [batch.to_pandas() for batch in mapped(table, _TABLE)]
    empty = pd.DataFrame(columns=[field.target for field in _TABLE], dtype=str)
    return (pd.concat(parts, ignore_index=True) if parts else empty).fillna(""), table.rejects


def _patents(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``patents``. An id of another form is left empty, so that the book rejects it."""
    parts = rows["patent_id"].str.strip().str.extract(f"^{_NUMBER.pattern}$").astype(object)
    parts = parts.where(parts.notna(), None)
    return rows.drop(columns=_PAID).assign(
        patent_id=pd.Series(document_ids(["US"] * len(rows), parts[0].tolist()), rows.index, dtype=object),
        jurisdiction="US",
        kind=parts[1].to_numpy(),
        owners=pd.Series(
            [[o] if o else None for o in rows["owners"].str.split().str.join(" ")], rows.index, dtype=object
        ),
    )


def _events(patents: pd.DataFrame, paid: Ints, observed: np.datetime64, announcement_days: int) -> pd.DataFrame:
    """Payments and expiries of the patents whose maintenance fees count from their own grant."""
    owing = patents["kind"].str.startswith("B").fillna(False).to_numpy(bool)
    granted = pd.to_datetime(patents["grant_date"], format="%Y-%m-%d", errors="coerce").to_numpy("datetime64[D]")
    # US fees count from the grant, so the filing date does not matter
    calendar = fees.calendar(["US"], ["invention"], granted, granted, entity="small")
    number = np.arange(1, calendar.due.shape[1] + 1)
    known_lapse = calendar.lapse + np.timedelta64(announcement_days, "D") <= observed
    is_paid = owing[:, None] & (number <= paid[:, None]) & ~np.isnat(calendar.due)
    is_expired = owing[:, None] & (number == paid[:, None] + 1) & known_lapse
    parts = [
        _rows(patents, calendar, is_paid, np.minimum(calendar.due, observed), 0),
        _rows(patents, calendar, is_expired, calendar.lapse, announcement_days),
    ]
    parts[0]["code"] = parts[0]["detail"].map({str(year): code for year, code in _PAYMENT_CODES.items()})
    parts[1]["code"] = _EXPIRY_CODE
    return pd.concat(parts, ignore_index=True)


def _rows(
    patents: pd.DataFrame,
    calendar: fees.FeeCalendar,
    where: Mask,
    dates: Dates,
    announcement_days: int,
) -> pd.DataFrame:
    patent, slot = np.nonzero(where)
    effective = dates[patent, slot]
    return pd.DataFrame(
        {
            "patent_id": patents["patent_id"].to_numpy()[patent],
            "effective_date": effective.astype("datetime64[s]"),
            "announced_date": (effective + np.timedelta64(announcement_days, "D")).astype("datetime64[s]"),
            "scheme": "uspto",
            "detail": calendar.fee_year[patent, slot].astype(str),
        }
    )
