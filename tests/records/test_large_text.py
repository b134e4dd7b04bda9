"""More text than one Arrow array with offsets of 32 bits can hold: wording goes through, the rest is refused clearly.

The limit is lowered here, so that a few kilobytes are too much; every way into a book is walked at both limits.
"""

import pandas as pd
import pyarrow as pa
import pytest

import ipvalue as ipv
from ipvalue.errors import SchemaError
from ipvalue.records import arrow
from ipvalue.records.fingerprint import fingerprint
from ipvalue.records.store import BookOnDisk

N = 40
IDS = [f"US-{k:07d}-B2" for k in range(N)]
PATENTS = {"patent_id": IDS, "jurisdiction": ["US"] * N, "application_date": ["2015-03-01"] * N}
WORDING = [f"{1 + k % 2}. A device of number {k}, comprising " + "a part and " * 50 + "a whole." for k in range(2 * N)]
LIMIT = 8_000  # bytes: the wording is longer, the identifiers are not


def claims(text: object) -> dict[str, object]:
    return {"patent_id": sorted(IDS * 2), "claim_number": [1, 2] * N, "language": ["en"] * 2 * N, "text": text}


def chunked(kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(WORDING[:30]), pa.array(WORDING[30:])]).cast(kind)


WAYS = {
    "list": WORDING,
    "pandas": pd.Series(WORDING),
    "one chunk": pa.array(WORDING),
    "chunks": chunked(pa.string()),
    "large chunks": chunked(pa.large_string()),
    "views": pa.chunked_array([pa.array(WORDING[:30], pa.string_view()), pa.array(WORDING[30:], pa.string_view())]),
    "bytes": chunked(pa.binary()),
    "dictionary": chunked(pa.string()).dictionary_encode(),
    "mixed objects": [*WORDING[:-1], WORDING[-1].encode()],
}


@pytest.fixture(scope="module")
def plain() -> ipv.Book:
    return ipv.Book(patents=PATENTS, claims=claims(WORDING))


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "TEXT_LIMIT", LIMIT)


@pytest.mark.usefixtures("low_limit")
@pytest.mark.parametrize("way", WAYS)
def test_wording_beyond_the_limit_comes_in_by_every_way(plain: ipv.Book, way: str) -> None:
    table = claims(WAYS[way])
    for given in (table, pa.table(table)) if way != "mixed objects" and way != "pandas" else (table,):
        book = ipv.Book(patents=PATENTS, claims=given)
        assert len(book.rejects) == 0
        assert book["claims"]["text"].to_pylist() == WORDING
        assert book.fingerprint == plain.fingerprint


@pytest.mark.usefixtures("low_limit")
def test_bad_bytes_beyond_the_limit_refuse_their_row_alone() -> None:
    dirty = [text.encode() for text in WORDING]
    dirty[7] = b"\xff"
    book = ipv.Book(patents=PATENTS, claims=claims(pa.array(dirty)))
    assert book.rejects[["row", "column", "code"]].values.tolist() == [[7, "text", "bad_type"]]
    assert book["claims"].num_rows == 2 * N - 1


@pytest.mark.usefixtures("low_limit")
def test_a_book_with_more_wording_than_the_limit_goes_to_disk_and_back(plain: ipv.Book, tmp_path) -> None:
    ipv.write_book(plain, tmp_path / "book", shards=3)
    again = ipv.read_book(tmp_path / "book")
    assert again.fingerprint == plain.fingerprint
    assert len(again.select(IDS[:5])["claims"]) == 10


def test_identifiers_beyond_the_limit_are_refused_with_table_and_column(
    plain: ipv.Book, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ipv.write_book(plain, tmp_path / "book", shards=3)
    monkeypatch.setattr(arrow, "TEXT_LIMIT", 600)  # 12 bytes a patent and 40 patents: less; of the claims: more
    with pytest.raises(SchemaError, match=r"'claims': column 'patent_id' has more than 2 GB.*several books"):
        ipv.Book(patents=PATENTS, claims=claims(WORDING))
    with pytest.raises(SchemaError, match=r"'claims': column 'patent_id'.*fewer shards"):
        ipv.read_book(tmp_path / "book")
    assert len(BookOnDisk(tmp_path / "book").read([0])["claims"]) > 0  # one shard is small enough


def test_wording_is_kept_with_wide_offsets_and_hashes_as_it_did(plain: ipv.Book) -> None:
    table = plain["claims"]
    assert table.schema.field("text").type == pa.large_string()  # offsets of 64 bits: no limit
    narrow = table.set_column(table.schema.get_field_index("text"), "text", table["text"].cast(pa.string()))
    assert narrow.schema != table.schema
    assert fingerprint({"claims": narrow}) == fingerprint({"claims": table})


def test_features_read_wide_wording(plain: ipv.Book) -> None:
    features = ipv.extract(plain.as_of("2024-12-31"))
    assert (features["n_claims"] == 2).all()
    assert (features["first_claim_length"] > 100).all()
