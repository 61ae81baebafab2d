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
    start = time.perf_counter()
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = {"processor": usage.ru_utime + usage.ru_stime, "elapsed": time.perf_counter() - start}
        Path(file).write_text(json.dumps(seconds))
    return status if status >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
