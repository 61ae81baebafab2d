"""Runs a command, and writes its seconds of processor time and its elapsed seconds as JSON.

The command line names the file to write, and the command. The status is that of the command; a failed one writes
nothing.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main(file: str, *command: str) -> int:
    """Run the command and return its status."""
    start, before = time.perf_counter(), processor()
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        seconds = {"processor": processor() - before, "elapsed": time.perf_counter() - start}
        Path(file).write_text(json.dumps(seconds))
    return status if status >= 0 else 1


def processor() -> float:
    """Return the seconds of processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
