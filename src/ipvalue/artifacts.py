"""Learnt states on disk: JSON, Parquet and text with a manifest of SHA-256 sums, and no pickles."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ipvalue.errors import ArtifactError, IpvalueError
from ipvalue.methods.base import State
from ipvalue.records.store import file_digest

__all__ = ["hash_state", "read_folder", "read_state", "readable", "versions", "write_folder", "write_state"]

_MANIFEST = "manifest.json"


def write_folder(path: str | os.PathLike[str], content: dict[str, Any], states: dict[str, State]) -> str:
    """Write named states and a JSON document into a folder, completely or not at all.

    Parameters
    ----------
    path : path
        The folder; an earlier artifact in it is replaced, anything else is refused.
    content : dict
        JSON document, written as ``content.json``.

    Returns
    -------
    str
        The manifest's own hash, which names the artifact.

    Raises
    ------
    ArtifactError
        If the folder holds anything but a saved artifact, or can't be written.
    """
    target = Path(path)
    try:
        return _replace(target, content, states)
    except OSError as error:
        raise ArtifactError(f"{target} can't be written: {error}") from error


def _replace(target: Path, content: dict[str, Any], states: dict[str, State]) -> str:
    if target.is_dir() and not _is_ours(target):
        raise ArtifactError(f"{target} holds files that do not belong to a saved engine; choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    # a temporary folder beside the target: the final rename stays on one disk
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".ipvalue-") as room:
        draft = Path(room) / "draft"
        draft.mkdir()
        _write(draft, content, states)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    return file_digest(target / _MANIFEST)


def _is_ours(target: Path) -> bool:
    """Whether a folder is empty, or a saved engine and nothing else: only such a folder is ever replaced."""
    there = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    if not there:
        return not any(target.iterdir())
    try:
        manifest = json.loads((target / _MANIFEST).read_text())
        return isinstance(manifest["format"], int) and there <= {*manifest["files"], _MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(draft: Path, content: dict[str, Any], states: dict[str, State]) -> None:
    (draft / "content.json").write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False), "utf-8")
    for name, state in states.items():
        write_state(draft / name, state)
    files = {p.relative_to(draft).as_posix(): file_digest(p) for p in sorted(draft.rglob("*")) if p.is_file()}
    (draft / _MANIFEST).write_text(json.dumps({"format": 1, "files": files}, indent=1, sort_keys=True))


def read_folder(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Path]:
    """Verify an artifact's files and read its JSON document.

    Raises
    ------
    ArtifactError
        If the folder is not one, or a file is missing, added or changed.
    """
    target = Path(path)
    try:
        files: dict[str, str] = json.loads((target / _MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{target} is not a saved engine: its {_MANIFEST} can't be read ({error})") from error
    there = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} - {_MANIFEST}
    for name in sorted(there ^ set(files)):
        raise ArtifactError(f"{target}: the file {name} is {'not in the manifest' if name in there else 'missing'}")
    for name, digest in files.items():
        if file_digest(target / name) != digest:
            raise ArtifactError(
                f"{target}: the file {name} is damaged or was changed: its SHA-256 is not the manifest's"
            )
    return json.loads((target / "content.json").read_text("utf-8")), target


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Raise for a verified artifact with unexpected content that another version of ipvalue wrote it.

    Raises
    ------
    ArtifactError
        If the block fails on the content; errors of ipvalue pass unchanged.
    """
    try:
        yield
    except IpvalueError:
        raise
    except (KeyError, TypeError, ValueError, OSError) as error:
        what = " ".join(repr(error).split())  # on one line, for logs
        raise ArtifactError(
            f"{folder} was saved by a version of ipvalue that this one can't read: {what}; fit the engine again"
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Write one state into a new folder."""
    folder.mkdir(parents=True)
    (folder / "numbers.json").write_text(json.dumps(dict(state.numbers), sort_keys=True))
    for name, columns in state.tables.items():
        frame = pd.DataFrame({key: np.asarray(values) for key, values in columns.items()})
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    for name, text in state.texts.items():
        (folder / f"{name}.txt").write_bytes(text.encode("utf-8"))


def read_state(folder: Path) -> State:
    """Read one state that :func:`write_state` wrote."""
    tables = {}
    for file in sorted(folder.glob("*.parquet")):
        table = pq.read_table(file)
        tables[file.stem] = {name: table[name].to_numpy() for name in table.column_names}
    texts = {file.stem: file.read_bytes().decode("utf-8") for file in sorted(folder.glob("*.txt"))}
    return State(json.loads((folder / "numbers.json").read_text()), tables, texts)


def hash_state(digest: Any, state: State) -> None:
    """Feed a state into a running hash: every number, column and text, in the order of their names."""
    digest.update(json.dumps(dict(state.numbers), sort_keys=True).encode())
    for name, columns in sorted(state.tables.items()):
        for key, values in columns.items():
            array = np.asarray(values)
            content = "\x1f".join(map(str, array)).encode() if array.dtype == object else array.tobytes()
            digest.update(f"{name}.{key}:{len(array)};".encode() + content)
    for name, text in sorted(state.texts.items()):
        digest.update(f"{name}:{len(text)};".encode() + text.encode())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that values depend on."""
    found = {"python": platform.python_version()}
    for name in ("ipvalue", "numpy", "scipy", "pandas", "pyarrow", "lightgbm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
