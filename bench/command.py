"""Runs processes, and measures their time and peak memory."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass


class Failed(Exception):
    pass


@dataclass
class Run:
    seconds: float
    processor: float  # seconds of all threads, by user and system
    memory: int  # peak resident, bytes
    output: str


def timed(command, lines=""):
    """Runs a command as measured does. Returns its seconds and its peak resident memory in bytes."""
    run = measured(command, lines)
    return run.seconds, run.memory


def measured(command, lines=""):
    """Runs a command with the given lines as its input.

    The system counts the memory of the starting process as that of the started one, so the process of this module must
    stay small."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=output, stderr=errors,
                                   text=True)
        process.stdin.write(lines)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)  # Popen.wait does not return the memory
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said, last = text_of(output), text_of(errors)
    if process.returncode != 0:
        last = (said + last)[-400:].strip()
        raise Failed(f"{' '.join(process.args)}: status {process.returncode}: {last}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, said)


def text_of(file):
    file.seek(0)
    return file.read().decode()
