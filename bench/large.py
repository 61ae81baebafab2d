"""Large scans: time and peak memory over the number of patterns, and over the number of workers."""

import os
import subprocess
import tempfile
from pathlib import Path

from command import timed

# Patterns of 64 x 64 pixels. The time of a pass must be linear in them within 10%.
COUNTS = [2580, 5160, 10320]
LINEAR = 0.1


def large(bench):
    """The seconds of a pass: the difference of two runs, so that reading and writing do not count."""
    rows = []
    for count in COUNTS[:2] if bench.quick else COUNTS:
        scan = bench.simulated(f"large-{count}", object="blobs", nphotons="1e6", n=64, probe_size=20, step=4,
                               positions=count, scan="fermat", seed=3)
        short, long = (2, 4) if bench.quick else (4, 12)
        spans, memory = [], 0
        for _ in range(bench.rounds):
            runs = [bench.solve(scan, "--input", "amplitude", "--batch-size", count // 8, "--iterations", passes)
                    for passes in (short, long)]
            spans.append((runs[1][0] - runs[0][0]) / (long - short))
            memory = max(memory, *(m for _, m in runs))
        rows.append({"patterns": count, "pass": sorted(spans)[len(spans) // 2], "bytes": memory})
        per_pattern = [1e3 * r["pass"] / r["patterns"] for r in rows]
        rows[-1]["ms"] = per_pattern[-1]
        rows[-1]["verdict"] = "aim" if per_pattern[-1] <= (1 + LINEAR) * per_pattern[0] else "missed"
        print(f"{count} patterns: {rows[-1]['ms']:.3f} ms a pattern and pass, {memory / 1e6:.0f} MB", flush=True)
    return rows


def tiles(bench):
    """Workers that are pinned to a core each; the broker and ptyx solve may use all cores."""
    count = 640 if bench.quick else 2580
    scan = bench.simulated(f"large-{count}", object="blobs", nphotons="1e6", n=64, probe_size=20, step=4,
                           positions=count, scan="fermat", seed=3)
    rows = []
    for workers in (1, 2, 4):
        if workers > len(os.sched_getaffinity(0)):
            print(f"{workers} workers: this machine has too few cores", flush=True)
            break
        seconds = sorted(run(bench, scan, workers) for _ in range(bench.rounds))[bench.rounds // 2]
        first = rows[0]["seconds"] if rows else seconds
        rows.append({"workers": workers, "seconds": seconds, "efficiency": first / (workers * seconds)})
        print(f"{workers} workers: {seconds:.1f} s, efficiency {rows[-1]['efficiency']:.2f}", flush=True)
    return rows


def run(bench, scan, workers):
    """Seconds of a solution in 16 tiles. A short run before has the workers started and warm."""
    with tempfile.TemporaryDirectory(dir=bench.files) as store:
        programs = [started(bench, "broker", "--store", store, "--listen", "127.0.0.1:0")]
        try:
            url = programs[0].stdout.readline().split(": ")[0]
            cores = sorted(os.sched_getaffinity(0))
            for core in cores[:workers]:
                programs.append(started(bench, "worker", "--nats", url, "--threads", 1, core=core))
                programs[-1].stdout.readline()
            command = [bench.ptyx, "solve", "--data", scan, "--input", "amplitude", "--nats", url, "--tiles", 16,
                       "--output-dir", Path(store) / "out", "--quiet", "--iterations"]
            timed([*command, 5])
            return timed([*command, 30])[0]
        finally:
            for program in programs:
                program.terminate()
                program.wait()


def started(bench, *args, core=None):
    pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
    return subprocess.Popen([*pin, str(bench.ptyx), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True)
