"""Cost as work grows: time per pattern and peak memory of ptyx infer for 516 to 51 600 patterns; memory of training."""

import itertools
import subprocess
import sys

from command import timed
from figures import verdict
from material import PATTERN

MB = 1e6
COMPRESSED = "compressed file"
# More patterns of the same object: a finer scan.
SIZES = {516: 8.0, 5160: 2.53, 51600: 0.8}
LARGEST = 51600
# Peak memory in MB, bar and aim: of a scan that is small or fine, and of a wide one.
FINE, WIDE = (100, None), (300, 200)


def inference(bench):
    rows = []
    for count, step in SIZES.items():
        if bench.quick and count > 5160:
            continue
        scan = scan_of(bench, "fine", count, step)
        rows.append(measured(bench, scan, count, COMPRESSED, FINE))
    if not bench.quick:
        fine, wide = scan_of(bench, "fine", LARGEST, SIZES[LARGEST]), scan_of(bench, "wide", LARGEST, 8)
        rows.append(measured(bench, stored(fine), LARGEST, "uncompressed file", FINE))
        rows.append(measured(bench, wide, LARGEST, "an object of 1.9 x 1.9 thousand pixels", WIDE))
    return {"rows": rows, "linear": linear([r for r in rows if r["what"] == COMPRESSED])}


def linear(rows):
    """How the time of each further pattern departs from scan to scan: start and pictures take the same time in all."""
    further = [(b["seconds"] - a["seconds"]) / (b["patterns"] - a["patterns"]) for a, b in itertools.pairwise(rows)]
    worst = max(further) / min(further) - 1
    return {"departure": worst, "bar": 0.1, "verdict": verdict(worst, 0.1, None, larger_is_better=False)}


def scan_of(bench, name, count, step):
    path = bench.files / f"{name}{count}.npz"
    if not path.exists():
        bench.simulate(path, 64, count, step=step)
    return path


def stored(scan):
    """Writes the same scan without compression, in a process of its own that may hold the scan in memory."""
    path = scan.with_name("stored-" + scan.name)
    if not path.exists():
        program = "import sys, numpy; numpy.savez(sys.argv[2], **numpy.load(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", program, str(scan), str(path)], check=True)
    return path


def measured(bench, scan, count, what, bars):
    seconds, memory = timed([bench.ptyx, "infer", "--model-path", bench.default_model(), "--test-data", scan,
                             "--output-dir", bench.files / "out"])
    row = {"what": what, "patterns": count, "seconds": seconds, "megabytes": memory / MB, "bar": bars[0],
           "aim": bars[1], "verdict": verdict(memory / MB, *bars, larger_is_better=False)}
    print(f"infer {count} patterns, {what}: {seconds:.2f} s, {1e3 * seconds / count:.2f} ms per pattern, "
          f"{memory / MB:.0f} MB  {row['verdict']}", flush=True)
    return row


def training(bench):
    """Peak memory of a training process."""
    rows = []
    for n, batch, bars in ((64, 16, (1000, 600)), (64, 4, (None, None)), (128, 16, (None, None))):
        if bench.quick and batch != 4:
            continue
        steps = 4
        _, memory = timed([bench.ptyx, "train", "--train-data-file", bench.scan(n), "--output-dir",
                           bench.files / "memory", "--max-epochs", 1,
                           "--n-images", steps * batch, "--batch-size", batch, "--threads", 2, "--quiet", *PATTERN])
        rows.append({"what": f"ptyx train, N={n}, batch {batch}", "megabytes": memory / MB, "bar": bars[0],
                     "aim": bars[1],
                     "verdict": verdict(memory / MB, *bars, larger_is_better=False)})
        for flags in ([], ["--channels-last"]):
            command = bench.peer("torch_peer.py", n, batch, 2, "train", *flags)
            _, memory = timed(command, lines=f"{steps}\n")
            name = "PyTorch eager" + (", channels_last" if flags else "")
            rows.append({"what": f"{name}, N={n}, batch {batch}", "megabytes": memory / MB, "bar": None, "aim": None,
                         "verdict": ""})
    for row in rows:
        print(f"{row['what']}: {row['megabytes']:.0f} MB  {row['verdict']}", flush=True)
    return rows
