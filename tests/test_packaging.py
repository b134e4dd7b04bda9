"""What the project promises about itself: one version, true minimum versions, a changelog for users."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

import ipvalue as ipv
from tests.line_ends import mended
from tests.shared_data import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Known limits"]


def numbers(version: str) -> list[int]:
    """Version as numbers, without zeros at its end."""
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts


def declared() -> dict[str, str]:
    """Minimum version of each dependency that the lane of the lowest versions installs."""
    extras = PROJECT["project"]["optional-dependencies"]
    return dict(line.split(">=") for line in [*PROJECT["project"]["dependencies"], *extras["plot"], *extras["excel"]])


def test_the_lane_of_the_lowest_versions_installs_exactly_the_declared_minimums() -> None:
    lines = (ROOT / ".ci" / "lowest.txt").read_text("utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: numbers(version) for name, version in lowest.items()} == {
        name: numbers(version) for name, version in declared().items()
    }


def test_the_version_is_written_once() -> None:
    assert "version" not in PROJECT["project"] and PROJECT["project"]["dynamic"] == ["version"]
    place = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text("utf-8")
    assert re.findall(r'^__version__ = "(.*)"$', place, re.MULTILINE) == [ipv.__version__]


def test_the_version_is_known_without_a_heavy_import() -> None:
    code = "import sys, ipvalue; assert ipvalue.__version__; print({'numpy', 'pyarrow', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_the_changelog_is_sorted_by_release_and_kind() -> None:
    releases = re.findall(r"^## \[?([\w.]+)\]?", CHANGELOG, re.MULTILINE)
    assert releases[0] == "Unreleased"
    assert ipv.__version__ in releases
    for part in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", part, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds], part[:30]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\nb", b"a\nb\n"),
        (b"a\n\n\n", b"a\n"),
        (b"a\n", b"a\n"),
        (b"a\r\nb", b"a\r\nb\r\n"),
        (b"\n\n", b""),
        (b"", b""),
    ],
)
def test_the_hook_ends_a_file_with_one_line_break_of_its_own_kind(content: bytes, expected: bytes) -> None:
    assert mended(content) == expected
