"""The protocol of the programs that take turns: report readiness, then run the steps that each line requests."""

import json
import sys
import time


def serve(step, build_seconds, patterns):
    """The counterpart of protocol.go in bench/measure."""
    print(json.dumps({"build_seconds": build_seconds, "patterns": patterns}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)
