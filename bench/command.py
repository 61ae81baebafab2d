"""Runs processes, and measures their time and peak memory."""

import os
import subprocess
import tempfile
import time


class Failed(Exception):
    pass


def timed(command, lines=""):
    """Runs a command with the given lines as its input. Returns its seconds and its peak resident memory in bytes.

    The system counts the memory of the starting process as that of the started one, so the process of this module must
    stay small."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=words, stderr=words,
                                   text=True)
        process.stdin.write(lines)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)  # Popen.wait does not return the memory
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            words.seek(0)
            last = words.read().decode()[-400:].strip()
            raise Failed(f"{' '.join(process.args)}: status {process.returncode}: {last}")
    return seconds, usage.ru_maxrss * 1024
