"""A private folder in memory, through which arrays reach the program and come back."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "ptyx-python-"
_UNNAMED = 60.0  # seconds after which a folder without its final name is abandoned: it gets it at once
_MARGIN = 256 << 20  # bytes for results and pictures beside the arrays
_MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes folders of this user alone in it)


@contextmanager
def private(need: int = 0) -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it at the end.

    Parameters
    ----------
    need : int
        Bytes of the arrays that the folder will hold.
    """
    parent = _parent(need)
    _remove_abandoned(parent)
    path, lock = _make(parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _parent(need: int) -> Path:
    """Return the memory file system if it is large enough. Containers often have only 64 MB of it."""
    try:
        roomy = shutil.disk_usage(_MEMORY).free > 2 * need + _MARGIN and os.access(_MEMORY, os.W_OK)
    except OSError:
        roomy = False
    return _MEMORY if roomy else Path(tempfile.gettempdir())


def _make(parent: Path) -> tuple[Path, int]:
    """Make a folder and lock it.

    It gets its final name only when the lock is held, so nobody takes it for abandoned.
    """
    new = Path(tempfile.mkdtemp(prefix=".new-" + _PREFIX, dir=parent))
    lock = os.open(new / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = new.with_name(new.name.removeprefix(".new-"))
    new.rename(path)
    return path, lock


def _remove_abandoned(parent: Path) -> None:
    """Remove folders of processes that were killed. A folder is abandoned if nobody holds its lock.

    A process may be killed before it has named its folder, and even before the lock exists. Such a folder is abandoned
    when it is old.
    """
    for path in parent.glob(".new-" + _PREFIX + "*"):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid() and time.time() - path.stat().st_mtime > _UNNAMED:
                shutil.rmtree(path, ignore_errors=True)
    for path in parent.glob(_PREFIX + "*"):
        with suppress(OSError):  # of another user, or in use
            lock = os.open(path / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
