"""The book's tables as numpy columns, from which every snapshot is made.

Strings that are only compared with each other (owners, families, documents) become 64-bit hashes. Such a code depends
on nothing but the string, so that all shards agree on it and later rows cannot change it. Null has the code 0. Among a
million distinct strings, two share a code with a probability below 1e-7. Hashes are computed on Arrow's own bytes,
eight bytes of all strings at a time, without Python strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ipvalue.law import technology
from ipvalue.law.events import Operators, encode
from ipvalue.records.fingerprint import fingerprint
from ipvalue.records.order import index_of
from ipvalue.records.schema import TABLES
from ipvalue.types import Array, Columns, Dates, Floats, Ints, Ints32, Objects, Texts

__all__ = ["BookColumns", "Columns", "LazyColumns", "hash_codes", "subclass_codes"]

Words = npt.NDArray[np.uint64]

_WORD = 8
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# odd constants and shifts of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA): each step is a bijection of 64 bits
_GOLDEN, _FIRST, _SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def hash_codes(values: pa.Array | pa.ChunkedArray) -> Ints:
    """Code strings by a 64-bit hash; 0 for null.

    Notes
    -----
    Two strings share a code by chance with a probability of 2^-64 a pair. The hash is not cryptographic: someone who
    chooses the strings can construct two with the same code.

    Examples
    --------
    >>> codes = hash_codes(pa.array(["a", None, "a"]))
    >>> bool(codes[0] == codes[2]), int(codes[1])
    (True, 0)
    """
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray) or not len(array):
        return np.zeros(len(values), np.int64)
    start, length, text = _bytes(array)
    # plus one, so that the empty string does not get the code of null
    code = (length + 1).astype(np.uint64) * _GOLDEN
    for begin in range(0, int(length.max()), _WORD):
        rows = np.flatnonzero(length > begin)
        every = len(rows) == len(length)
        some = slice(None) if every else rows
        word = text[start[some] + begin]
        word &= _ALL >> (np.uint64(8) * (_WORD - np.minimum(length[some] - begin, _WORD)).astype(np.uint64))
        word ^= code[some]
        code[some] = _mixed(word)
    code = _mixed(code)
    code[np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)] = 0
    return code.view(np.int64)


def _bytes(array: pa.Array) -> tuple[Ints, Ints, Words]:
    """Start and length in bytes of each string (0 for null), and the eight bytes from each position of the text on."""
    _, offsets, data = array.buffers()
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    ends = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    start = ends[:-1]
    length = np.where(np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool), 0, np.diff(ends))
    size = int(ends[-1])
    padded = np.zeros(size + _WORD, np.uint8)
    if size:
        padded[:size] = np.frombuffer(data, np.uint8)[:size]
    return start, length, np.ndarray((size + 1,), "<u8", padded, strides=(1,))


def _mixed(word: Words) -> Words:
    """Spread every bit over all 64, in place."""
    word ^= word >> np.uint64(30)
    word *= _FIRST
    word ^= word >> np.uint64(27)
    word *= _SECOND
    word ^= word >> np.uint64(31)
    return word


_DATES = "datetime64[D]"


class LazyColumns(Mapping[str, Array]):
    """Columns that are each computed on first use.

    Parameters
    ----------
    makers : mapping of str to callable
        What makes each column.

    Examples
    --------
    >>> columns = LazyColumns({"one": lambda: np.ones(2)})
    >>> list(columns), columns["one"].tolist(), columns["one"] is columns["one"]
    (['one'], [1.0, 1.0], True)
    """

    def __init__(self, makers: Mapping[str, Callable[[], Array]]) -> None:
        self._makers = dict(makers)
        self._made: Columns = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def subclass_codes(symbols: pa.Array | pa.ChunkedArray) -> Ints32:
    """Code the IPC subclass (the first four characters, ``H04L``) as an integer; 0 for null.

    Examples
    --------
    >>> import pyarrow as pa
    >>> subclass_codes(pa.array(["H04L 29/06", "H04L  1/00", None])).tolist()
    [1278488648, 1278488648, 0]
    """
    names, places = _coded(symbols)
    four = pc.utf8_slice_codeunits(pc.utf8_upper(names), 0, 4)
    # text that is not ASCII is not a symbol, and must not make the conversion fail
    four = pc.if_else(pc.string_is_ascii(four), four, "")
    text = np.append(np.asarray(four.to_numpy(zero_copy_only=False), "S4"), np.array([b""], "S4"))
    return np.asarray(text.view(np.int32)[places], np.int32)


def _coded(values: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Distinct strings, and the place of each value among them; -1 for null."""
    encoded = pc.dictionary_encode(values)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    if isinstance(encoded, pa.ChunkedArray):  # of no chunks
        return pa.array([], pa.string()), np.full(len(values), -1, np.int64)
    places = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
    return encoded.dictionary, places


def _one(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.array([], array.type) if isinstance(array, pa.ChunkedArray) else array


def dates(column: pa.ChunkedArray) -> Dates:
    """Arrow dates as ``datetime64[D]``, NaT for null."""
    days = np.asarray(pc.fill_null(_one(column).cast(pa.int32()), 0).to_numpy(zero_copy_only=False))
    result = days.astype(np.int64).view(_DATES).copy()
    result[np.asarray(_one(column).is_null().to_numpy(zero_copy_only=False), bool)] = np.datetime64("NaT", "D")
    return result


def numbers(column: pa.ChunkedArray) -> Floats:
    """Arrow numbers as float64, NaN for null."""
    return np.asarray(_one(column).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def texts(column: pa.ChunkedArray) -> Texts:
    """Short Arrow strings as fixed-width text, empty for null."""
    array = np.asarray(pc.fill_null(_one(column), "").to_numpy(zero_copy_only=False), np.str_)
    return array if array.dtype.itemsize else array.astype("<U1")


def _objects(column: pa.ChunkedArray) -> Objects:
    """Arrow strings as Python strings, empty for null; equal ones are one object."""
    encoded = pc.dictionary_encode(pc.fill_null(_one(column), ""))
    names = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False), object)
    return names[np.asarray(encoded.indices.to_numpy(zero_copy_only=False))] if len(names) else np.zeros(0, object)


def flags(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """Arrow flags as 1, 0, and -1 for null."""
    integers = _one(column).cast(pa.int8())
    return np.asarray(pc.fill_null(integers, -1).to_numpy(zero_copy_only=False), np.int8)


def _ragged(lists: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    array = _one(lists)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False), np.int64)
    return np.concatenate([[0], np.cumsum(lengths)]), pc.list_flatten(array)


def _fields(symbols: pa.Array) -> npt.NDArray[np.int8]:
    names, places = _coded(symbols)
    fields = technology.field_of(np.asarray(names.to_numpy(zero_copy_only=False), object))
    return np.append(fields, np.int8(0)).astype(np.int8)[places]


def _cut(column: Callable[[], Array], rows: Ints | None) -> Array:
    """Compute a column and select rows; all for None."""
    return column() if rows is None else column()[rows]


def _first_of_pairs(citing: Ints, cited: Ints, date: Dates) -> Ints | None:
    """The first dated row of each pair; None where that is every row.

    Rows are sorted by (citing, cited, date), so that the first of a pair is the earliest.
    """
    dated = np.flatnonzero(~np.isnat(date))
    citing, cited = citing[dated], cited[dated]
    first = np.ones(len(dated), bool)
    first[1:] = (citing[1:] != citing[:-1]) | (cited[1:] != cited[:-1])
    return None if len(dated) == len(date) and first.all() else dated[first]


def _origins(origin: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    codes = pa.array(["", *TABLES["citations"].columns["origin"].codes])
    return index_of(pc.fill_null(origin, ""), codes).astype(np.int8)


class BookColumns:
    """Numpy columns of a book; each table is converted on first use.

    Parameters
    ----------
    tables : dict of str to pyarrow.Table
        Valid tables in canonical order.
    """

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the tables (:func:`ipvalue.records.fingerprint.fingerprint`)."""
        return fingerprint(self._tables)

    def __init__(self, tables: dict[str, pa.Table]) -> None:
        self._tables = tables
        self.n_patents = int(tables["patents"].num_rows)

    def table(self, name: str) -> pa.Table:
        """One table; without rows where the book lacks it."""
        return self._tables.get(name, TABLES[name].arrow_schema().empty_table())

    def holds(self, name: str) -> bool:
        """Whether the book has a table, with rows or without."""
        return name in self._tables

    def _patent_index(self, name: str) -> Ints32:
        return index_of(self.table(name)["patent_id"], _one(self.table("patents")["patent_id"]))

    @cached_property
    def patents(self) -> Columns:
        """The patents table, one element a patent."""
        table = self.table("patents")
        columns: Columns = {"patent_id": np.asarray(_one(table["patent_id"]).to_numpy(zero_copy_only=False), object)}
        for column in TABLES["patents"].columns.values():
            if column.kind == "date":
                columns[column.name] = dates(table[column.name])
            elif column.kind == "integer":
                columns[column.name] = numbers(table[column.name])
            elif column.kind == "code":
                columns[column.name] = texts(table[column.name])
        columns["family"] = hash_codes(table["family_id"])
        columns["document"] = hash_codes(table["patent_id"])
        return columns

    @cached_property
    def ipc(self) -> tuple[Ints, Columns]:
        """IPC symbols of the patents: row pointers, then subclass and technology field of each symbol."""
        pointers, symbols = _ragged(self.table("patents")["ipc"])
        return pointers, {"subclass": subclass_codes(symbols), "field": _fields(symbols)}

    @cached_property
    def owners(self) -> tuple[Ints, Columns]:
        """Owners of the patents: row pointers, then the code of each owner."""
        pointers, names = _ragged(self.table("patents")["owners"])
        return pointers, {"owner": hash_codes(names)}

    @cached_property
    def first_owner(self) -> Objects:
        """Name of each patent's first owner; '' where none is known. For tables that people read."""
        pointers, names = _ragged(self.table("patents")["owners"])
        all_names = np.append(np.asarray(pc.fill_null(names, "").to_numpy(zero_copy_only=False), object), "")
        return np.asarray(all_names[np.where(np.diff(pointers) > 0, pointers[:-1], len(all_names) - 1)], object)

    @cached_property
    def citations(self) -> LazyColumns:
        """Dated citations, one a pair of documents: the earliest date on which one cites the other."""
        table, ids = self.table("citations"), _one(self.table("patents")["patent_id"])
        document, cited_document = hash_codes(table["citing_id"]), hash_codes(table["cited_id"])
        rows = _first_of_pairs(document, cited_document, dates(table["citing_date"]))
        makers = {
            "citing": partial(index_of, table["citing_id"], ids),
            "cited": partial(index_of, table["cited_id"], ids),
            "document": partial(np.asarray, document),
            "cited_document": partial(np.asarray, cited_document),
            "date": partial(dates, table["citing_date"]),
            "owner": partial(hash_codes, table["citing_owner"]),
            "family": partial(hash_codes, table["citing_family"]),
            "subclass": partial(subclass_codes, table["citing_ipc"]),
            "field": partial(_fields, table["citing_ipc"]),
            "origin": partial(_origins, table["origin"]),
            "cited_date": partial(dates, table["cited_date"]),
            "cited_owner": partial(hash_codes, table["cited_owner"]),
            "cited_subclass": partial(subclass_codes, table["cited_ipc"]),
        }
        return LazyColumns({name: partial(_cut, column, rows) for name, column in makers.items()})

    @cached_property
    def by_cited(self) -> Ints:
        """Order of the citations by the cited patent."""
        return np.argsort(self.citations["cited"], kind="stable")

    @cached_property
    def claims(self) -> Columns:
        """The claims table; the wording stays in Arrow (see :meth:`claim_texts`)."""
        table = self.table("claims")
        return {
            "patent": self._patent_index("claims"),
            "number": numbers(table["claim_number"]).astype(np.int32),
            "date": dates(table["publication_date"]),
            "independent": flags(table["independent"]),
            "length": numbers(table["length"]),
            "row": np.arange(table.num_rows),
        }

    def claim_texts(self, rows: Ints) -> pa.Table:
        """Wording and language of some claims."""
        return self.table("claims").select(["text", "language"]).take(pa.array(rows))

    @cached_property
    def events(self) -> tuple[Columns, Operators]:
        """The legal events, and the effect of each on the state of its patent."""
        table = self.table("legal_events")
        office, scheme, code, text, detail = (
            _objects(table[name]) for name in ("office", "scheme", "code", "text", "detail")
        )
        columns: Columns = {
            "patent": self._patent_index("legal_events"),
            "effective": dates(table["effective_date"]),
            "announced": dates(table["announced_date"]),
            "loaded": dates(table["loaded_date"]),
            "detail": detail,
        }
        return columns, encode(office, scheme, code, text)

    @cached_property
    def family_members(self) -> Columns:
        """Family members in the order of their family's code."""
        table = self.table("family_members")
        family = hash_codes(table["family_id"])
        order = np.argsort(family, kind="stable")
        office = texts(table["jurisdiction"])
        return {"family": family[order], "office": office[order], "date": dates(table["publication_date"])[order]}

    @cached_property
    def economics(self) -> Columns:
        """The economics table, by patent and then by the date on which it was known."""
        table = self.table("economics")
        columns: Columns = {"patent": self._patent_index("economics"), "date": dates(table["known_date"])}
        for column in TABLES["economics"].columns.values():
            if column.kind == "number":
                columns[column.name] = numbers(table[column.name])
        columns["currency"] = texts(table["currency"])
        columns["industry"] = texts(table["industry"])
        return columns

    @cached_property
    def transactions(self) -> Columns:
        """The patents in deals."""
        table = self.table("transactions")
        return {
            "patent": self._patent_index("transactions"),
            "deal": hash_codes(table["deal_id"]),
            "date": dates(table["deal_date"]),
            "price": numbers(table["price"]),
            "currency": texts(table["currency"]),
            "kind": texts(table["kind"]),
            "arms_length": flags(table["arms_length"]) == 1,
            "deal_patents": numbers(table["deal_patents"]),
        }

    @cached_property
    def licences(self) -> Columns:
        """The royalty agreements."""
        table = self.table("licences")
        pointers, symbols = _ragged(table["ipc"])
        fields = np.append(_fields(symbols), np.int8(0))
        first = np.where(np.diff(pointers) > 0, pointers[:-1], len(fields) - 1)
        return {
            "date": dates(table["licence_date"]),
            "field": fields[first],
            "industry": texts(table["industry"]),
            "rate": numbers(table["rate"]),
            "base": texts(table["base"]),
            "exclusive": flags(table["exclusive"]),
        }

    def market(self, name: str) -> Columns:
        """Market data: ``curves``, ``fx`` or ``price_index``."""
        table = self.table(name)
        columns: Columns = {"date": dates(table["date"]), "currency": texts(table["currency"])}
        for column in TABLES[name].columns.values():
            if column.kind == "number":
                columns[column.name] = numbers(table[column.name])
        return columns
