"""Large scans: time and peak memory over the number of patterns, and over the number of workers."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from command import measured

# Patterns of 64 x 64 pixels in four rows: the object grows with them, to 25 900 pixels in length. The processor time
# of a pass must be linear in them within 10%.
COUNTS = [2580, 5160, 10320]
LINEAR = 0.1
HELD = 1  # MB of patterns in memory, a small part of all of these
# No network and no search for a probe, whose time does not grow with the scan.
FLAGS = ["--input", "amplitude", "--start", "none", "--freeze", "probe:1", "--memory-limit", HELD]


def large(bench):
    """The processor time of a pass: the difference of two runs, so that reading and writing do not count. The sizes
    take turns, because a busy machine is slower."""
    counts, passes = (COUNTS[:2], (2, 4)) if bench.quick else (COUNTS, (4, 12))
    rounds = [{count: two(bench, count, passes) for count in counts} for _ in range(bench.rounds)]
    rows = []
    for count in counts:
        runs = [r[count] for r in rounds]
        spans = sorted((long["processor"] - short["processor"]) / (passes[1] - passes[0]) for short, long in runs)
        rows.append({"patterns": count, "object": runs[0][0]["object"], "pass": spans[len(spans) // 2],
                     "bytes": max(run["memory"] for pair in runs for run in pair)})
        per_pattern = [1e3 * r["pass"] / r["patterns"] for r in rows]
        rows[-1]["ms"] = per_pattern[-1]
        rows[-1]["verdict"] = "aim" if per_pattern[-1] <= (1 + LINEAR) * per_pattern[0] else "missed"
        print(f"{count} patterns: {rows[-1]['ms']:.3f} ms a pattern and pass, {rows[-1]['bytes'] / 1e6:.0f} MB",
              flush=True)
    return rows


def two(bench, count, passes):
    """Runs of few and of more passes."""
    scan = long_scan(bench, count)
    return [bench.solved(scan, *FLAGS, "--batch-size", count // 8, "--iterations", n, out="large") for n in passes]


def long_scan(bench, count):
    """A simulated scan of four rows."""
    start = bench.files / f"strip-{count}.npz"
    if not start.exists():
        usual = bench.simulated("strip", n=64, probe_size=20, positions=4)
        subprocess.run([sys.executable, "-B", Path(__file__).parent / "strip.py", usual, str(count), start], check=True)
    return bench.simulated(f"long-{count}", object_file=start, nphotons="1e6", seed=3)


# Tiles of the usual size, for four workers with two each.
TILES, TILED = 8, 4128
SHORT, LONG = 5, 30  # passes; a round has five
# Workers of the calculated efficiency.
PAPER = (4, 10, 100)


def tiles(bench):
    """Workers that are pinned to a core each; the broker and ptyx solve may use all cores."""
    count = 640 if bench.quick else TILED
    scan = bench.simulated(f"large-{count}", object="blobs", nphotons="1e6", n=64, probe_size=20, step=4,
                           positions=count, scan="fermat", seed=3)
    rows, shares = [], []
    for workers in (1, 2, 4):
        if workers > len(os.sched_getaffinity(0)):
            print(f"{workers} workers: this machine has too few cores", flush=True)
            break
        runs = sorted((run(bench, scan, workers) for _ in range(bench.rounds)), key=lambda r: r["seconds"])
        seconds = runs[len(runs) // 2]["seconds"]
        shares += [r["share"] for r in runs]
        first = rows[0]["seconds"] if rows else seconds
        rows.append({"workers": workers, "seconds": seconds, "efficiency": first / (workers * seconds)})
        print(f"{workers} workers: {seconds:.1f} s, efficiency {rows[-1]['efficiency']:.2f}", flush=True)
    share = {who: sorted(s[who] for s in shares)[len(shares) // 2] for who in shares[0]}
    return {"rows": rows, "share": share, "patterns": count, "tiles": TILES,
            "paper": [{"workers": n, "efficiency": efficiency(share, n)} for n in PAPER]}


def efficiency(share, workers):
    """That of workers with a core each, if they wait while ptyx solve computes."""
    return (share["workers"] + share["solve"]) / (share["workers"] + workers * share["solve"])


def run(bench, scan, workers):
    """A solution in tiles: its seconds, and the processor time of a round in the programs that take part. A short run
    before has the workers started and warm."""
    with tempfile.TemporaryDirectory(dir=bench.files) as store:
        programs = [started(bench, "broker", "--store", store, "--listen", "127.0.0.1:0")]
        try:
            url = programs[0].stdout.readline().split(": ")[0]
            cores = sorted(os.sched_getaffinity(0))
            for core in cores[:workers]:
                programs.append(started(bench, "worker", "--nats", url, "--threads", 1, core=core))
                programs[-1].stdout.readline()
            command = [bench.ptyx, "solve", "--data", scan, "--input", "amplitude", "--nats", url, "--tiles", TILES,
                       "--output-dir", Path(store) / "out", "--quiet", "--freeze", "probe:1", "--iterations"]
            used = [[processor_of(p) for p in programs]]
            solutions = []
            for passes in SHORT, LONG:
                solutions.append(measured([*command, passes]))
                used.append([processor_of(p) for p in programs])
            more = (LONG - SHORT) / 5
            broker, *others = ((c - b - (b - a)) / more for a, b, c in zip(*used))
            own = (solutions[1].processor - solutions[0].processor) / more
            return {"seconds": solutions[1].seconds,
                    "share": {"workers": sum(others), "solve": own, "broker": broker}}
        finally:
            for program in programs:
                program.terminate()
                program.wait()


def processor_of(process):
    """Seconds of processor time that a process has used so far. A program that taskset starts keeps its number."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(bench, *args, core=None):
    pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
    return subprocess.Popen([*pin, str(bench.ptyx), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True)
