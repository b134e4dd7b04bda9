"""The house stands as ARCHITECTURE.md draws it, and data flows one way through it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture import BLOCK, DOCUMENT, PACKAGE, ROOT, tree

# stations of the flow, left to right: a module imports from its own and from those left of it
STATIONS = (
    "types",
    "_deprecation",
    "errors",
    "stopwatch",
    "law",
    "finance",
    "claims",
    "assumptions",
    "records",
    "synthetic",
    "sources",
    "features",
    "evidence",
    "methods",
    "reconcile",
    "artifacts",
    "valuation",
    "overrides",
    "engine",
    "explain",
    "evaluation",
    "risk",
    "batch",
    "plots",
    "reports",
    "__main__",
)
# rooms on one level that must not know each other
APART = {("finance", "law"), ("features", "sources"), ("plots", "batch")}
TOP_LEVEL = {
    "src",
    "tests",
    "benchmarks",
    "notebooks",
    "pyproject.toml",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "docs",
    ".pre-commit-config.yaml",
    ".ci",
    ".gitignore",
}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def station(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imports(path: Path) -> set[tuple[str, bool]]:
    """Stations that a module imports when it is loaded (True) or only inside a function or for types (False)."""
    module = ast.parse(path.read_text("utf-8"))
    at_load = set()
    for node in module.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            at_load.add(id(node))
    found = set()
    for node in ast.walk(module):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ipvalue":
            rest = node.module.split(".")[1:]
            names = [rest[0]] if rest else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] for a in node.names if a.name.startswith("ipvalue.")]
        found |= {(name, id(node) in at_load) for name in names}
    return found


def test_architecture_document_shows_the_tree() -> None:
    found = BLOCK.search(DOCUMENT.read_text("utf-8"))
    assert found is not None
    assert found[2] == tree(), "run: python tests/architecture.py"


def test_every_module_says_what_it_is() -> None:
    assert [p for p in PACKAGE.rglob("*.py") if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_flow_one_way(path: Path) -> None:
    here = station(path.relative_to(PACKAGE).parts)
    assert here in STATIONS, f"{here} has no station: say where it stands in the flow"
    for there, at_load in imports(path):
        if there not in STATIONS:
            continue
        assert (here, there) not in APART and (there, here) not in APART
        # what runs back is allowed only inside a function or for types: a snapshot's values explain themselves
        assert not at_load or STATIONS.index(there) <= STATIONS.index(here), f"{path.name} imports {there}"


def test_only_law_finance_and_errors_stand_aside() -> None:
    for room in ("law", "finance", "claims"):
        for path in (PACKAGE / room).rglob("*.py"):
            assert {there for there, _ in imports(path)} <= {room, "errors", "types"}, path


def test_top_level_holds_nothing_else() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: a built package has another top level")
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert {line.split("/")[0] for line in listed if line} <= TOP_LEVEL


def test_files_are_rooms_of_one_purpose() -> None:
    long = {p.name: n for p in MODULES if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert long == {}


@pytest.mark.parametrize("path", sorted((PACKAGE / "sources").rglob("*.py")), ids=lambda p: p.name)
def test_what_sources_share_knows_no_format(path: Path) -> None:
    """Bytes to rows (reading), rows to a book (joining), formats: each knows only what stands before it."""
    order = ("reading", "joining", "format")
    parts = path.relative_to(PACKAGE / "sources").parts
    here = parts[0] if len(parts) > 1 else "format"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ipvalue.sources."):
            there = str(node.module).split(".")[2]
            assert order.index(there if there in order else "format") <= order.index(here), node.module
