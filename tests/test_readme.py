"""The README is true: its tables are the schema's, its code runs, and its commands are those of CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ipvalue as ipv
from ipvalue.records.schema import markdown

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_schema_tables_are_written_from_the_schema() -> None:
    block = re.search(r"<!-- schema -->\n(.*?)<!-- end schema -->", README, re.DOTALL)
    assert block is not None
    assert block[1] == "\n" + markdown() + "\n", "run: python tests/readme.py"


@pytest.mark.slow
def test_the_ten_lines_run_and_print_what_is_shown() -> None:
    code = re.search(r"```python\n(import ipvalue as ipv\n\nbook.*?)```", README, re.DOTALL)
    shown = re.search(r"<!-- output -->\n```\n(.*?)```", README, re.DOTALL)
    assert code is not None and shown is not None
    printed: list[str] = []
    exec(code[1], {"print": lambda *parts: printed.append(" ".join(map(str, parts)))})
    assert "\n".join(printed).split() == shown[1].split(), "run: python tests/readme.py"


def test_each_command_is_complete_and_ci_runs_the_tests_as_the_reader_does() -> None:
    commands = re.findall(r"```\n(python3 -m venv .*?)\n```", README)
    assert len(commands) == 2
    assert commands[0].endswith("-m ipvalue demo")
    assert "-m pytest" in commands[1]
    assert "<!-- test command -->" in README
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_every_public_name_of_the_readme_exists() -> None:
    for name in set(re.findall(r"\bipv\.(\w+)", README)):
        assert hasattr(ipv, name), name
