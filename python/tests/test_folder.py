"""The private folder."""

import os
import stat
import time
from collections import namedtuple
from pathlib import Path

import pytest

from ptyx import folder


def test_it_is_private_and_ends():
    with folder.private() as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert path.parent == Path("/dev/shm")
        with folder.private() as other:  # which must not take the first for abandoned
            assert path.is_dir()
            assert other != path
    assert not path.exists()


def test_it_ends_after_an_error():
    with pytest.raises(ZeroDivisionError), folder.private() as path:
        raise ZeroDivisionError
    assert not path.exists()


def test_a_small_memory_file_system_is_not_used(monkeypatch, tmp_path):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda path: usage(64 << 20))
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path))
    with folder.private() as path:
        assert path.parent == tmp_path
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda path: usage(1 << 30))
    with folder.private(need=500 << 20) as path:
        assert path.parent == tmp_path
    with folder.private(need=300 << 20) as path:
        assert path.parent == Path("/dev/shm")


def test_a_folder_of_a_process_that_was_killed_before_it_named_it_is_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(folder, "_MEMORY", tmp_path)
    old, new = tmp_path / ".new-ptyx-python-old", tmp_path / ".new-ptyx-python-new"
    old.mkdir()
    new.mkdir()  # of a process that is about to lock it
    os.utime(old, (time.time() - 100, time.time() - 100))
    with folder.private():
        assert not old.exists()
        assert new.exists()
