"""One command of the program as a child process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from ptyx import errors, log, program, words

_INTERRUPTED = 130


def run(
    command: Sequence[str],
    *,
    report: Callable[[log.Step], None] = lambda step: None,
    private: Path,
    arrays: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Run a command with ``--json``.

    On Ctrl-C, the program saves what it has. A second Ctrl-C kills it.

    Parameters
    ----------
    command : sequence of str
        The command and its flags.
    report : callable
        Takes a `log.Step` after each pass or epoch.
    private : Path
        The private folder of the command, which errors and warnings do not mention.
    arrays : bool
        Whether the scan is one of arrays, whose names errors then use.

    Returns
    -------
    dict, bool
        The object that the program printed, and whether Ctrl-C ended it early.
    """

    def translated(text: str) -> str:
        return words.python(text, private, arrays=arrays)

    read = log.reader(report)
    with tempfile.TemporaryFile() as stdout:
        lines, status = _attend([program.path(), *command, "--json"], stdout, lambda line: read(translated(line)))
        stdout.seek(0)
        printed = translated(stdout.read().decode())
    if status == _INTERRUPTED and not printed:
        raise KeyboardInterrupt
    result = json.loads(printed) if printed else {}
    if "error" in result:
        raise errors.of_program(result["error"])
    if not result:
        raise errors.Error(_end(status, lines))
    return result, status == _INTERRUPTED


def positional(path: str | os.PathLike[str]) -> str:
    """Return a path as an argument that no program takes for a flag, whatever its first character is."""
    text = os.fspath(path)
    return f"./{text}" if text.startswith("-") else text


def _attend(command: list[str], stdout: IO[bytes], read: Callable[[str], None]) -> tuple[list[str], int]:
    """Run a child to its end. Return the last lines of its standard error and its exit status.

    The child has a process group of its own. So Ctrl-C at a terminal reaches it once: a second signal would end it
    before it has saved anything.
    """
    last: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    ) as child:

        def follow() -> None:
            assert child.stderr is not None  # noqa: S101 (a pipe, for the type checker)
            for line in child.stderr:
                last[:] = [*last[-4:], line.strip()]
                read(line)
            child.wait()

        try:
            try:
                follow()
            except KeyboardInterrupt:
                child.send_signal(signal.SIGINT)
                follow()
        except BaseException:
            child.kill()
            raise
    return last, child.returncode


def _end(status: int, lines: list[str]) -> str:
    """Return the sentence for a child that printed no result."""
    if status == -signal.SIGKILL:
        return "the system killed ptyx, as it does when memory runs out"
    cause = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"ptyx ended with {cause}: {' '.join(lines) or 'without a word'}"
