"""The house stands as ARCHITECTURE.md draws it, and data flows one way through it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import BLOCK, DOCUMENT, PACKAGE, ROOT, tree

# The flow, left to right: a module imports from its own station and from those before it, with no exception for
# imports inside functions or for types.
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
    "artifacts",
    "reconcile",
    "plugins",
    "model",
    "worksheet",
    "explanation",
    "values",
    "overrides",
    "values_on_disk",
    "valuation",
    "engine",
    "batch",
    "evaluation",
    "risk",
    "plots",
    "reports",
    "__main__",
)
# Stations on one level that must not know each other.
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


def imports(path: Path) -> set[str]:
    """Modules of the package that a module imports anywhere: at its top, inside functions, and for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ipvalue":
            inner = node.module.removeprefix("ipvalue").removeprefix(".")
            names = [f"{inner}.{alias.name}".strip(".") for alias in node.names]
            # a name is a module of the package, or something in the module that it is imported from
            found |= {name if is_module(name) else inner for name in names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("ipvalue.") for a in node.names if a.name.startswith("ipvalue.")}
    return found - {""}


def is_module(name: str) -> bool:
    place = PACKAGE.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


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
    for name in imports(path):
        there = name.split(".")[0]
        assert there in STATIONS, f"{path.name} imports {name}, which has no station"
        assert (here, there) not in APART and (there, here) not in APART
        assert STATIONS.index(there) <= STATIONS.index(here), f"{path.name} imports {name}"


def test_no_imports_run_in_a_circle() -> None:
    """Not between two modules of one room either, nor inside functions or for types."""
    graph = {module_name(path): {name for name in imports(path) if name != module_name(path)} for path in MODULES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_what_is_found_by_name_is_listed() -> None:
    """A name in a string is an import that no parser sees: each is a plug-in, or one of those listed here."""
    allowed = {
        "ipvalue.features.book_statistics:count": "records/snapshot.py",
        "ipvalue.plots:value_distribution": "valuation.py",
        "ipvalue.batch.finished:explain": "valuation.py",
    }
    registries = {"methods/base.py", "features/base.py", "sources/registry.py", "__init__.py"}
    found = {}
    for path in [*MODULES, PACKAGE / "__init__.py"]:
        where = path.relative_to(PACKAGE).as_posix()
        tree_of_file = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree_of_file):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if where not in registries and re.fullmatch(r"ipvalue(\.\w+)+:\w+", text):
                found[text] = where
            called = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in ("import_module", "resolve_name", "__import__"):
                assert where in registries | {*allowed.values()}, f"{where} imports by a name in a string"
    assert found == allowed


def test_only_law_finance_and_errors_stand_aside() -> None:
    for room in ("law", "finance", "claims"):
        for path in (PACKAGE / room).rglob("*.py"):
            assert {name.split(".")[0] for name in imports(path)} <= {room, "errors", "types"}, path


def test_top_level_holds_nothing_else() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: a built package has another top level")
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert {line.split("/")[0] for line in listed if line} <= TOP_LEVEL


def test_no_file_is_longer_than_600_lines() -> None:
    """A file is one subject, whatever its length; beyond this it is hardly one."""
    long = {p.name: n for p in MODULES if (n := len(p.read_text("utf-8").splitlines())) > 600}
    assert long == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_reads_few_rooms(path: Path) -> None:
    """A module that needs more than nine other rooms does more than one thing; the engine orchestrates, and may."""
    rooms = {name.split(".")[0] for name in imports(path)} - {"types", "errors", "stopwatch"}
    assert len(rooms - {station(path.relative_to(PACKAGE).parts)}) <= (11 if path.name == "engine.py" else 9), sorted(
        rooms
    )


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
