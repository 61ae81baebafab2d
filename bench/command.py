"""Whole processes: run, timed, and their largest memory."""

import os
import subprocess
import tempfile
import time


class Failed(Exception):
    pass


def timed(command, lines=""):
    """Runs a command, with the given lines as its input; its seconds from start to end and its peak resident memory in bytes.

    The system counts the memory of the program that starts another as that one's: this module's process has to be small."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=words, stderr=words, text=True)
        process.stdin.write(lines)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)  # Popen.wait would not tell the memory
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            words.seek(0)
            raise Failed(f"{' '.join(process.args)}: status {process.returncode}: {words.read().decode()[-400:].strip()}")
    return seconds, usage.ru_maxrss * 1024
