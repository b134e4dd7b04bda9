"""Atomic files: written completely or not at all, also after a crash; and disk errors as one clear error."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ipvalue.errors import BatchError

__all__ = ["LOCK", "disk_errors", "is_draft", "remove", "sole_user", "sync", "write_draft", "write_file"]

LOCK = "_lock"

_DRAFT = ".tmp"
_OUR_DRAFT = re.compile(r"_.+\.\d+-[0-9a-f]{8}\.tmp")  # as write_draft names them, and nobody else


def write_file(path: Path, *content: Any, synced: bool = True) -> None:
    """Write a file atomically (draft, sync, rename, sync of the folder); if synced, it survives a crash.

    Raises
    ------
    BatchError
        If the disk is full or the folder can't be written.
    """
    draft = write_draft(path, *content, synced=synced)
    with disk_errors(path, draft):
        draft.rename(path)
        if synced:
            sync(path.parent)


def write_draft(path: Path, *content: Any, synced: bool = True) -> Path:
    """Write the content of a file to a draft beside it, under a name that readers of datasets skip.

    Raises
    ------
    BatchError
        If the disk is full or the folder can't be written.
    """
    draft = path.with_name(f"_{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_DRAFT}")
    with disk_errors(path, draft), draft.open("wb") as stream:
        stream.writelines(content)
        stream.flush()
        if synced:
            os.fsync(stream.fileno())
    return draft


def is_draft(path: Path) -> bool:
    """Whether a file is a draft that was left by a process that died."""
    return bool(_OUR_DRAFT.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path, draft: Path | None = None) -> Iterator[None]:
    """Raise errors of the operating system as one that names the file or folder, and remove the draft of it.

    Raises
    ------
    BatchError
        If an error of the operating system occurs in the block.
    """
    try:
        yield
    except OSError as error:
        if draft is not None:
            # a draft that cannot be removed is harmless: nobody reads it
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise BatchError(f"{path} can't be written: {error}; run again once that is repaired") from error


@contextmanager
def sole_user(folder: Path, check: Callable[[], None], doing: str) -> Iterator[None]:
    """Lock a folder, creating it if needed; the lock ends with the process, however it ends.

    Parameters
    ----------
    folder : path
    check : callable
        Refuses the folder before anything is written to it: one more file would damage a saved engine.
    doing : str
        What another process that holds the lock does, for the message.

    Raises
    ------
    BatchError
        If another process holds the lock, or the folder can't be written.
    """
    import fcntl

    with disk_errors(folder):
        check()
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK).open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BatchError(f"another process {doing} {folder}; wait for it") from error
        yield
