"""Legal status of a patents table from a table of register events: on a date, over time, by state.

The inner functions on arrays are in :mod:`ipvalue.law.status_arrays` and are named here too
(:func:`states_at`, :func:`term_changes`), as is :func:`ipvalue.law.events.encode`.

A European patent is one record until grant and a bundle of national rights after it: events of a contracting
state change nothing on the record, and :func:`state_rights` follows each (patent, state) pair.

References
----------
WIPO Standard ST.27; EPC art. 2(2), 64, 68.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.errors import BookError, SchemaError
from ipvalue.law._frames import date_column, require, text_column
from ipvalue.law.dates import as_dates
from ipvalue.law.ep_rights import by_state, spread_over_pairs, state_operators
from ipvalue.law.events import Operators, encode, ep_states
from ipvalue.law.intervals import END_OF_TIME, intervals_of
from ipvalue.law.states import ALIVE, DEAD, ENFORCEABLE, GRANTED, PENDING, State, state_names
from ipvalue.law.status_arrays import (
    StatusArrays,
    TermChanges,
    count_events,
    course_of,
    states_at,
    term_changes,
)
from ipvalue.law.term import end_dates_of_table, in_force_through
from ipvalue.types import Dates, Ints, Objects

if TYPE_CHECKING:
    import pandas as pd

    from ipvalue.law.fees import FeeCalendar

__all__ = [
    "ALIVE",
    "DEAD",
    "ENFORCEABLE",
    "GRANTED",
    "PENDING",
    "State",
    "StatusArrays",
    "TermChanges",
    "at",
    "encode",
    "state_names",
    "state_rights",
    "states_at",
    "term_changes",
    "timeline",
]


class _Events(NamedTuple):
    """A table of events as arrays; the fields are the event arguments of :func:`states_at`."""

    patent: Ints
    effective: Dates
    announced: Dates
    operators: Operators
    detail: Objects


def _read(events: pd.DataFrame, patents: pd.DataFrame, known: str) -> _Events:
    """Event columns as arrays, each event beside its patent's row number."""
    import pandas as pd

    require(events, "patent_id", "office", "scheme", "code")
    require(patents, "patent_id", "jurisdiction", "application_date")
    if known not in ("announced", "loaded"):
        raise BookError(f"known={known!r}: write 'announced' or 'loaded'")
    if not patents["patent_id"].is_unique:
        repeated = patents["patent_id"][patents["patent_id"].duplicated()].iloc[0]
        raise SchemaError(f"patent_id {repeated!r} appears twice in the patents table: keep one row a patent")
    index = pd.Index(patents["patent_id"])
    announced = date_column(events, "announced_date")
    if known == "loaded":
        loaded = date_column(events, "loaded_date")
        announced = np.where(np.isnat(loaded), announced, loaded)
    return _Events(
        np.asarray(index.get_indexer(pd.Index(events["patent_id"])), dtype=np.int64),
        date_column(events, "effective_date"),
        announced,
        encode(events["office"], events["scheme"], events["code"], text_column(events, "text")),
        np.asarray(text_column(events, "detail"), dtype=object),
    )


def _last_days(patents: pd.DataFrame, changes: TermChanges) -> tuple[Dates, Dates]:
    """Last days in force of the basic and of the actual term, with what events say about it."""
    term = end_dates_of_table(patents, changes.days)
    actual = np.where(np.isnat(changes.end), term.actual, changes.end)
    place = patents["jurisdiction"]
    return in_force_through(term.statutory, place), in_force_through(actual, place)


def at(
    events: pd.DataFrame,
    patents: pd.DataFrame,
    date: Any,
    *,
    known: str = "announced",
    grace: FeeCalendar | None = None,
    payments_known: Any = None,
) -> pd.DataFrame:
    """Legal status of every patent on a date.

    Parameters
    ----------
    events : DataFrame
        Register events: patent_id, office, scheme, code, and effective_date, announced_date, loaded_date,
        text, detail where known.
    patents : DataFrame
        patent_id (unique), jurisdiction, application_date, and right, kind, publication_date, grant_date,
        parent_filing_date, term_adjustment_days, term_extension_days, disclaimer_date where known. Dates
        after ``date`` are not looked at; adjustments are taken as known.
    date : date-like
        The day; the status is that at its close.
    known : {'announced', 'loaded'}
        Whether an event counts once it was announced to the public, or once it was loaded at the bank.
    grace : FeeCalendar, optional
        Fees of ``patents`` (:func:`ipvalue.law.fees.calendar`), for the state grace.
    payments_known : array-like of bool, optional
        See :func:`states_at`.

    Returns
    -------
    DataFrame
        One row a patent, in the order of ``patents``: patent_id, state (name), since, and the columns of
        :class:`StatusArrays`.

    Raises
    ------
    SchemaError
        If a required column is missing or patent_id is not unique.
    BookError
        If ``known`` or ``date`` is unusable.

    Examples
    --------
    >>> import pandas as pd
    >>> patents = pd.DataFrame({"patent_id": ["a"], "jurisdiction": ["CN"],
    ...                         "application_date": ["2014-08-15"]})
    >>> events = pd.DataFrame({"patent_id": ["a"], "office": ["CN"], "scheme": ["cnipa"], "code": ["GR01"],
    ...                        "announced_date": ["2017-05-10"]})
    >>> at(events, patents, "2018-01-01")[["patent_id", "state"]]
      patent_id     state
    0         a  in_force
    """
    import pandas as pd

    day = _single_day(date)
    read = _read(events, patents, known)
    changes = term_changes(len(patents), *read, day)
    statutory, actual = _last_days(patents, changes)
    status = states_at(
        len(patents),
        *read,
        day,
        application=date_column(patents, "application_date"),
        publication=date_column(patents, "publication_date"),
        grant=date_column(patents, "grant_date"),
        term_statutory=statutory,
        term_actual=actual,
        grace=grace,
        payments_known=payments_known,
    )
    columns = status._asdict()
    columns["state"] = np.array(state_names(), dtype=object)[status.state]
    columns["since"] = status.since.astype("datetime64[s]")
    return pd.DataFrame({"patent_id": patents["patent_id"].to_numpy(), **columns}, index=patents.index)


def _single_day(date: Any) -> Dates:
    try:
        day = as_dates(np.asarray(date, dtype="datetime64[D]"))
    except (TypeError, ValueError) as error:
        raise BookError(f"{date!r} is not a date (ISO form YYYY-MM-DD is expected)") from error
    if day.ndim or np.isnat(day):
        raise BookError(f"date={date!r}: write one date, such as '2024-12-31'")
    return day


def timeline(events: pd.DataFrame, patents: pd.DataFrame, *, known: str = "announced") -> pd.DataFrame:
    """State intervals of every patent, as they are known in the end.

    Parameters
    ----------
    events, patents : DataFrame
        As for :func:`at`.
    known : {'announced', 'loaded'}
        As for :func:`at`; here it only dates events that have no effective date.

    Returns
    -------
    DataFrame
        Sorted by the order of ``patents`` and day: patent_id, state (name), from, to. ``to`` is the first day
        of the next state, NaT for the last one. A patent of which nothing is known has no row.

    Raises
    ------
    SchemaError
        If a required column is missing or patent_id is not unique.

    Notes
    -----
    The intervals use hindsight: an event counts from its effective date, even where it was announced later. Use
    :func:`at` for what was known on a date. Grace is not shown, since it depends on fees.

    Examples
    --------
    >>> import pandas as pd
    >>> patents = pd.DataFrame({"patent_id": ["a"], "jurisdiction": ["CN"],
    ...                         "application_date": ["2014-08-15"], "grant_date": ["2017-05-10"]})
    >>> events = pd.DataFrame({"patent_id": ["a"], "office": ["CN"], "scheme": ["cnipa"], "code": ["CF01"],
    ...                        "effective_date": ["2020-08-15"], "announced_date": ["2021-09-03"]})
    >>> timeline(events, patents)
      patent_id     state       from         to
    0         a     filed 2014-08-15 2017-05-10
    1         a  in_force 2017-05-10 2020-08-15
    2         a    lapsed 2020-08-15        NaT
    """
    import pandas as pd

    read = _read(events, patents, known)
    forever = np.full(len(patents), END_OF_TIME)
    application, publication, grant = (
        date_column(patents, name) for name in ("application_date", "publication_date", "grant_date")
    )
    course, initial = course_of(count_events(*read, forever), application, publication, grant, forever)
    statutory, actual = _last_days(patents, term_changes(len(patents), *read, forever))
    found = intervals_of(course, initial, application, statutory, actual)
    ends = np.where(found.to == END_OF_TIME, np.datetime64("NaT", "D"), found.to)
    return pd.DataFrame(
        {
            "patent_id": patents["patent_id"].to_numpy()[found.right],
            "state": np.array(state_names(), dtype=object)[found.state],
            "from": found.start.astype("datetime64[s]"),
            "to": ends.astype("datetime64[s]"),
        }
    )


def state_rights(
    events: pd.DataFrame,
    patents: pd.DataFrame,
    date: Any,
    *,
    validations: pd.DataFrame | None = None,
    known: str = "announced",
) -> pd.DataFrame:
    """Legal status on a date of each national right of granted European patents.

    Parameters
    ----------
    events, patents : DataFrame
        As for :func:`at`; only patents of jurisdiction EP are looked at. ``detail`` of a state's event is the
        ST.3 code of the state, for a payment optionally followed by the fee year (``'DE 7'``).
    date : date-like
        The day.
    validations : DataFrame, optional
        Columns patent_id and state: states in which the patent was validated. States that events name are
        added.
    known : {'announced', 'loaded'}
        As for :func:`at`.

    Returns
    -------
    DataFrame
        One row a (patent, state) of which the right was granted by the date, sorted: patent_id, state, status
        (name), since, last_paid_year.

    Raises
    ------
    SchemaError, BookError
        As for :func:`at`.

    Notes
    -----
    What happens to the European patent as a whole (grant, opposition, revocation) happens to every pair; a
    lapse, payment or reinstatement in one state only to that pair. A supplementary protection certificate of
    one state is not followed.

    References
    ----------
    EPC art. 2(2), 64(1), 68.

    Examples
    --------
    >>> import pandas as pd
    >>> patents = pd.DataFrame({"patent_id": ["e"], "jurisdiction": ["EP"],
    ...                         "application_date": ["2010-01-19"], "grant_date": ["2015-03-04"]})
    >>> events = pd.DataFrame({"patent_id": ["e", "e"], "office": ["EP", "EP"], "scheme": ["inpadoc"] * 2,
    ...                        "code": ["PG25", "PGFP"], "detail": ["NL", "DE 9"],
    ...                        "effective_date": ["2018-02-01", "2018-01-20"]})
    >>> state_rights(events, patents, "2020-01-01")[["patent_id", "state", "status", "last_paid_year"]]
      patent_id state    status  last_paid_year
    0         e    DE  in_force               9
    1         e    NL    lapsed               0
    """
    import pandas as pd

    european = patents[np.asarray(patents["jurisdiction"] == "EP", dtype=bool)]
    day = _single_day(date)
    read = _read(events, european, known)
    named_state, effect = by_state(read.operators, read.detail)
    pairs = _pairs(read.patent, named_state, validations, european)
    spread, pair = spread_over_pairs(pairs, read.patent, named_state)
    operators = state_operators(read.operators.take(spread), effect[spread])
    detail = np.array([text[2:].strip(" ;,") for text in read.detail.astype(str)], dtype=object)
    detail = np.where(named_state > 0, detail, read.detail)[spread]
    statutory, actual = _last_days(european, term_changes(len(european), *read, day))
    owner = pairs[:, 0]
    status = states_at(
        len(pairs), pair, read.effective[spread], read.announced[spread], operators, detail, day,
        application=date_column(european, "application_date")[owner],
        publication=date_column(european, "publication_date")[owner],
        grant=date_column(european, "grant_date")[owner],
        term_statutory=statutory[owner],
        term_actual=actual[owner],
    )  # fmt: skip
    never = PENDING | np.isin(np.arange(len(State)), (State.UNKNOWN, State.WITHDRAWN, State.REFUSED))
    found = pd.DataFrame(
        {
            "patent_id": european["patent_id"].to_numpy()[owner],
            "state": np.array(ep_states(), dtype=object)[pairs[:, 1]],
            "status": np.array(state_names(), dtype=object)[status.state],
            "since": status.since.astype("datetime64[s]"),
            "last_paid_year": status.last_paid_year,
        }
    )[~never[status.state]]
    return found.sort_values(["patent_id", "state"], ignore_index=True)


def _pairs(
    patent: Ints,
    named_state: npt.NDArray[np.int8],
    validations: pd.DataFrame | None,
    european: pd.DataFrame,
) -> Ints:
    """Distinct (row of the patent, number of the state), sorted."""
    import pandas as pd

    where = (named_state > 0) & (patent >= 0)
    columns = [np.stack([patent[where], named_state[where].astype(np.int64)], axis=1)]
    if validations is not None:
        require(validations, "patent_id", "state")
        owner = pd.Index(european["patent_id"]).get_indexer(pd.Index(validations["patent_id"]))
        number = pd.Index(ep_states()).get_indexer(pd.Index(validations["state"]))
        columns.append(np.stack([owner, number], axis=1)[(owner >= 0) & (number > 0)].astype(np.int64))
    return np.unique(np.concatenate(columns), axis=0)
