"""Files that are there whole or not at all, also after a crash; and errors of the disk as one clear error."""

from __future__ import annotations

import os
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


def write_file(path: Path, *content: Any, synced: bool = True) -> None:
    """Write a file so that it is there whole, if synced after a crash too: draft, sync, rename, sync of the folder.

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
    """Write what is to become a file beside it, synced, under a name that readers of datasets skip.

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
    """Tell whether a file is a draft that its writer did not live to finish."""
    return path.name.endswith(_DRAFT)


def sync(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; neither need be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path, draft: Path | None = None) -> Iterator[None]:
    """Say which file or folder can't be written, and remove the draft of it.

    Raises
    ------
    BatchError
        If the block meets an error of the operating system.
    """
    try:
        yield
    except OSError as error:
        if draft is not None:
            # a draft that can't be removed either does no harm: nobody reads it
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise BatchError(f"{path} can't be written: {error}; run again to go on once that is mended") from error


@contextmanager
def sole_user(folder: Path, check: Callable[[], None], doing: str) -> Iterator[None]:
    """Lock a folder, which is made if it is not there; the lock goes with the process, however it ends.

    Parameters
    ----------
    folder : path
    check : callable
        Refuses the folder before anything is left in it: a file too many spoils a saved engine.
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
