"""Files, archives and folders: what is in them comes out, and nothing dangerous does."""

from __future__ import annotations

import gzip
import io
import random
import stat
import zipfile
from pathlib import Path

import pytest

from ipvalue.errors import SourceError
from ipvalue.sources.reading.files import Input, Limits, inputs

SMALL = Limits(expanded=10_000_000, ratio=100.0, allowance=100_000)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_plain_gzip_zip_and_folder_give_the_same_bytes(tmp_path: Path) -> None:
    content = b"a\tb\n1\t2\n" * 1000
    (tmp_path / "plain.tsv").write_bytes(content)
    (tmp_path / "packed.tsv.gz").write_bytes(gzip.compress(content))
    zipped(tmp_path / "many.zip", {"b.tsv": content, "a/a.tsv": content, "readme.md": b"x", "__MACOSX/._a": b"x"})
    (tmp_path / ".hidden.tsv").write_bytes(b"no")
    found = inputs(tmp_path, suffixes=(".tsv",))
    assert [i.name for i in found] == ["a.tsv", "b.tsv", "packed.tsv", "plain.tsv"]
    for source in found:
        with source.open() as stream:
            assert stream.read() == content
        assert b"".join(source.blocks()) == content, "it opens again from the beginning"


def test_what_is_not_there_or_not_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file is given"):
        inputs()
    with pytest.raises(SourceError, match=r"absent\.csv cannot be opened: No such file"):
        inputs(tmp_path / "absent.csv")
    with pytest.raises(SourceError, match=r"contains no file with \.csv"):
        inputs(tmp_path, suffixes=(".csv",))
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(SourceError, match="compressed with 7z"):
        inputs(tmp_path / "a.7z")


@pytest.mark.parametrize("name", ["../up.csv", "/etc/passwd", "a/../../b.csv", "..\\up.csv", "C:\\x.csv"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="points outside the archive"):
        inputs(zipped(tmp_path / "a.zip", {name: b"x"}))


def test_links_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SourceError, match="links are not accepted"):
        inputs(tmp_path / "l.zip")
    content = bytearray(zipped(tmp_path / "e.zip", {"a.csv": b"x"}).read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(content)
    with pytest.raises(SourceError, match="encrypted"):
        inputs(tmp_path / "e.zip")


def test_bombs_stop_while_they_are_read(tmp_path: Path) -> None:
    zeros = bytes(30_000_000)
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(zeros))
    zipped(tmp_path / "z.zip", {"a.csv": zeros})
    for name in ("z.csv.gz", "z.zip"):
        (source,) = inputs(tmp_path / name, limits=SMALL)
        with pytest.raises(SourceError, match="100 times its size, as an archive bomb"):
            sum(map(len, source.blocks()))
    (source,) = inputs(tmp_path / "z.zip", limits=SMALL._replace(ratio=1e9))
    with pytest.raises(SourceError, match="more than 10,000,000 bytes"):
        source.open().read()


def test_a_bomb_of_many_members_is_counted_over_the_archive(tmp_path: Path) -> None:
    zipped(tmp_path / "z.zip", {f"{i}.csv": bytes(90_000) for i in range(40)})
    with pytest.raises(SourceError, match="archive bomb"):
        for source in inputs(tmp_path / "z.zip", limits=SMALL):
            source.open().read()
    with pytest.raises(SourceError, match="more than 10 files"):
        inputs(tmp_path / "z.zip", limits=SMALL._replace(members=10))


def test_reading_a_member_twice_counts_once(tmp_path: Path) -> None:
    (source,) = inputs(zipped(tmp_path / "z.zip", {"a.csv": bytes(90_000)}), limits=SMALL)
    for _ in range(5):
        assert len(source.open().read()) == 90_000


@pytest.mark.parametrize("cut", [20, 2_000])
def test_a_truncated_archive_is_said_to_be_cut_off(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(random.Random(1).randbytes(100_000))
    (tmp_path / "a.csv.gz").write_bytes(packed[:-cut])
    (source,) = inputs(tmp_path / "a.csv.gz")
    with pytest.raises(SourceError, match="truncated at byte"):
        source.open().read()
    whole = zipped(tmp_path / "a.zip", {"a.csv": packed}).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[:-cut])
    with pytest.raises(SourceError, match="damaged or incomplete zip"):
        inputs(tmp_path / "a.zip")


def test_a_member_with_a_wrong_sum_is_damaged(tmp_path: Path) -> None:
    content = bytearray(zipped(tmp_path / "a.zip", {"a.csv": bytes(range(200)) * 50}).read_bytes())
    content[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(content)
    (source,) = inputs(tmp_path / "a.zip")
    with pytest.raises(SourceError, match=r"a\.csv is damaged"):
        source.open().read()


def test_a_stream_is_read_once() -> None:
    source = Input.of_stream("download.csv", io.BytesIO(b"abc"))
    assert source.open().read() == b"abc"
    assert not source.again
