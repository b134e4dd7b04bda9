"""Converters from the text of a file's columns to values that the book accepts, one Arrow array at a time.

A value of an unexpected form is returned unchanged, so that the book rejects it and shows it.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.sources.reading.identifiers import document_ids

__all__ = [
    "Converter",
    "bare_numbers",
    "compact",
    "dates",
    "day_first_dates",
    "document_numbers",
    "kinds",
    "lists",
    "month_first_dates",
    "numbers",
    "offices",
    "percent",
]

Converter = Callable[[pa.Array], pa.Array]
_NUMBER = r"^\s*([+-]?)[\s]*([0-9][0-9,' ]*)(\.[0-9]+)?\s*$"


def compact(values: pa.Array) -> pa.Array:
    """Text with single spaces; null where nothing is left."""
    return _trimmed(pc.replace_substring_regex(values, r"\s+", " "))


def dates(values: pa.Array) -> pa.Array:
    """Dates with the year first, as YYYY-MM-DD. Any separator, 年月日 and a time after the date are accepted.

    Examples
    --------
    >>> dates(pa.array(["2006/3/1", "1999-07-19T00:00:00Z", "2020年5月6日", "20200506", "0", "x"])).to_pylist()
    ['2006-03-01', '1999-07-19', '2020-05-06', '2020-05-06', None, 'x']
    """
    text = _trimmed(values)
    text = pc.replace_substring_regex(text, r"^([0-9]{4})([0-9]{2})([0-9]{2})(\.0)?$", r"\1-\2-\3")
    text = pc.replace_substring_regex(
        text, r"^([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})日?([T ].*)?$", r"\1-0\2-0\3"
    )
    text = pc.replace_substring_regex(text, r"-0([0-9]{2})", r"-\1")
    nothing = pc.is_in(text, pa.array(["0", "0000-00-00", "-", "--", "N/A", "None", "nan", "9999-12-31"]))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), text)


def day_first_dates(values: pa.Array, *, last_year: int = 30) -> pa.Array:
    """Dates with the day first and two or four digits of the year, as YYYY-MM-DD; other dates as in :func:`dates`.

    Parameters
    ----------
    values : pyarrow.Array
    last_year : int
        Years of two digits up to this one belong to this century, later ones to the last.

    Examples
    --------
    >>> day_first_dates(pa.array(["25/04/13", "3/7/1998", "21/09/76", "2001-02-03"])).to_pylist()
    ['2013-04-25', '1998-07-03', '1976-09-21', '2001-02-03']
    """
    text = _trimmed(values)
    form = r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{2})$"
    short = pc.fill_null(pc.match_substring_regex(text, form), False)
    year = pc.replace_substring_regex(text, form, r"\3")
    digits = pc.if_else(short, year, pa.scalar("0")).cast(pa.int32())
    century = pc.if_else(pc.less_equal(digits, last_year), "20", "19")
    long = pc.binary_join_element_wise(
        pc.replace_substring_regex(text, form, r"\1/\2/"), pc.binary_join_element_wise(century, year, ""), ""
    )
    text = pc.if_else(short, long, text)
    return dates(pc.replace_substring_regex(text, r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})$", r"\3-\2-\1"))


def month_first_dates(values: pa.Array) -> pa.Array:
    """Dates with the month first and four digits of the year (01/31/2024); other dates as in :func:`dates`.

    Examples
    --------
    >>> month_first_dates(pa.array(["1/31/2024", "2024-02-01"])).to_pylist()
    ['2024-01-31', '2024-02-01']
    """
    form = r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})$"
    return dates(pc.replace_substring_regex(_trimmed(values), form, r"\3-\1-\2"))


def lists(separator: str) -> Converter:
    r"""A converter of cells with several values, which are separated by a regular expression.

    Examples
    --------
    >>> lists(r";;")(pa.array(["A01B1/00;;C07D 417/00", None])).to_pylist()
    [['A01B1/00', 'C07D 417/00'], None]
    """
    return lambda values: pc.split_pattern_regex(values, separator)


def numbers(values: pa.Array) -> pa.Array:
    """Numbers without thousands separators.

    Examples
    --------
    >>> numbers(pa.array(["1,234.5", " 12 ", "-3'000", "n/a", "x"])).to_pylist()
    ['1234.5', '12', '-3000', None, 'x']
    """
    text = _trimmed(values)
    fits = pc.match_substring_regex(text, _NUMBER)
    plain = pc.replace_substring_regex(text, r"[,' ]", "")
    nothing = pc.is_in(pc.utf8_lower(text), pa.array(["-", "n/a", "na", "nan", "none", "..", "null", "nd"]))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), pc.if_else(fits, plain, text))


def percent(values: pa.Array) -> pa.Array:
    """Percentages, with or without the sign, as shares. The exponent is changed in the text, so nothing is rounded.

    Examples
    --------
    >>> percent(pa.array(["2.83", "4.5%", "ND", "", "x"])).to_pylist()
    ['2.83e-2', '4.5e-2', None, None, 'x']
    """
    text = numbers(pc.utf8_rtrim(_trimmed(values), "%"))
    return pc.replace_substring_regex(text, r"^([+-]?[0-9]*\.?[0-9]+)$", r"\1e-2")


def document_numbers(values: pa.Array) -> pa.Array:
    """Identifiers (:mod:`ipvalue.sources.reading.identifiers`) of publication numbers that begin with the office.

    Examples
    --------
    >>> document_numbers(pa.array(["US 2013/0101709 A1", "EP1234567B1", "US-7654321-B2", "None"])).to_pylist()
    ['US-20130101709', 'EP-1234567', 'US-7654321', None]
    """
    office, number = offices(values), bare_numbers(values)
    number = pc.if_else(pc.match_substring_regex(number, "[0-9]"), number, pa.scalar(None, pa.string()))
    return pa.array(document_ids(office.to_pylist(), number.to_pylist()), pa.string())


def offices(values: pa.Array) -> pa.Array:
    """The office at the beginning of each publication number; null where there is none."""
    text = pc.utf8_upper(_trimmed(values))
    fits = pc.match_substring_regex(text, r"^[A-Z]{2}")
    return pc.if_else(fits, pc.utf8_slice_codeunits(text, 0, 2), pa.scalar(None, pa.string()))


def bare_numbers(values: pa.Array) -> pa.Array:
    """Publication numbers without the office and the kind code."""
    text = pc.replace_substring_regex(pc.utf8_upper(_trimmed(values)), r"[^0-9A-Z]", "")
    text = pc.replace_substring_regex(text, r"^[A-Z]{2}", "")
    return pc.replace_substring_regex(text, r"^(.*[0-9])[A-Z][0-9]?$", r"\1")


def kinds(values: pa.Array) -> pa.Array:
    """The kind code at the end of each publication number; null where there is none."""
    text = pc.replace_substring_regex(pc.utf8_upper(_trimmed(values)), r"[^0-9A-Z]", "")
    fits = pc.match_substring_regex(text, r"^.*[0-9][A-Z][0-9]?$")
    return pc.if_else(
        fits, pc.replace_substring_regex(text, r"^.*[0-9]([A-Z][0-9]?)$", r"\1"), pa.scalar(None, pa.string())
    )


def _trimmed(values: pa.Array) -> pa.Array:
    text = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
