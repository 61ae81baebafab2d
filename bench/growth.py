"""Cost as work grows: time per pattern and peak memory of ptyx infer for 516 to 51 600 patterns; memory of training."""

import subprocess
import sys

from command import timed
from figures import verdict
from material import PATTERN

MB = 1e6
# More patterns of the same object: a finer scan.
SIZES = {516: 8.0, 5160: 2.53, 51600: 0.8}
LARGEST = 51600


def inference(bench):
    rows = []
    for count, step in SIZES.items():
        if bench.quick and count > 5160:
            continue
        scan = scan_of(bench, "fine", count, step)
        rows.append(measured(bench, scan, count, bench.default_model(), "default network, compressed file"))
    if not bench.quick:
        fine = scan_of(bench, "fine", LARGEST, SIZES[LARGEST])
        wide = scan_of(bench, "wide", LARGEST, 8)
        rows.append(measured(bench, fine, LARGEST, bench.thin_model(), "smallest network, compressed file"))
        rows.append(measured(bench, stored(fine), LARGEST, bench.thin_model(), "smallest network, uncompressed file"))
        rows.append(measured(bench, wide, LARGEST, bench.thin_model(),
                             "smallest network, an object of 1.9 x 1.9 thousand pixels"))
    return {"rows": rows, "linear": linear(rows), "bar": 300, "aim": 200}


def linear(rows):
    """The largest departure of the time per pattern from that of the smallest scan, for the default network."""
    per_pattern = [r["seconds"] / r["patterns"] for r in rows if r["what"].startswith("default")]
    worst = max(abs(t / per_pattern[0] - 1) for t in per_pattern)
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


def measured(bench, scan, count, model, what):
    seconds, memory = timed([bench.ptyx, "infer", "--model-path", model, "--test-data", scan, "--output-dir",
                             bench.files / "out"])
    row = {"what": what, "patterns": count, "seconds": seconds, "megabytes": memory / MB,
           "verdict": verdict(memory / MB, 300, 200, larger_is_better=False)}
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
