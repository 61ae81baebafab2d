"""The material of the benchmarks: programs, scans and checkpoints, which ptyx itself makes."""

import sys
from dataclasses import dataclass
from pathlib import Path

from command import timed

# The seed workload's flags, as scripts of PtychoPINN write them.
SEED_TRAIN = ["--max_epochs", 2, "--n_images", 64, "--gridsize", 1, "--batch_size", 4, "--device", "cpu",
              "--disable_mlflow"]
SEED_INFER = ["--n_images", 32, "--device", "cpu"]

# The network that takes the bare pattern, trained with a fixed probe.
PATTERN = ["--network", "pattern", "--probe", "fixed"]

PATTERNS = 516


@dataclass
class Bench:
    ptyx: Path
    measure: Path
    files: Path
    rounds: int
    seconds: float  # of a turn
    quick: bool
    own_scan: Path | None

    def scan(self, n):
        """A scan with patterns of n pixels: the user's own, if given."""
        if self.own_scan and n == 64:
            return self.own_scan
        return self.files / f"scan{n}.npz"

    def model(self, n):
        """PtychoPINN's network at its default width, briefly trained on that scan. The peers run it, too."""
        return self.files / f"pattern{n}" / "model.onnx"

    def default_model(self):
        """The model that ptyx train makes by default of the scan of 64 pixels."""
        return self.files / "default" / "model.onnx"

    def make(self):
        """Makes missing material."""
        self.files.mkdir(parents=True, exist_ok=True)
        for n, count, probe in ((64, PATTERNS, 20), (128, 128, 40)):
            if not self.scan(n).exists():
                self.simulate(self.scan(n), n, count, probe)
        jobs = [(self.model(n).parent, self.scan(n), PATTERN) for n in (64, 128)]
        jobs.append((self.default_model().parent, self.scan(64), []))
        for run, scan, flags in jobs:
            if not (run / "model.onnx").exists():
                timed([self.ptyx, "train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", 1,
                       "--n-images", 16,
                       "--batch-size", 4, "--quiet", *flags])

    def simulate(self, path, n, count, probe=20, step=8):
        timed([self.ptyx, "simulate", "--out", path, "--n", n, "--positions", count, "--probe-size", probe, "--step",
               step, "--seed", 1])

    # The commands of the programs that take turns.

    def ours(self, job, n, batch, threads, model=None):
        return [self.measure, job, "-scan", self.scan(n), "-model", model or self.model(n), "-batch", str(batch),
                "-threads", str(threads)]

    def peer(self, script, n, batch, threads, *flags):
        here = Path(__file__).parent
        return [sys.executable, "-B", str(here / script), *flags, "--scan", str(self.scan(n)), "--model",
                str(self.model(n)),
                "--batch", str(batch), "--threads", str(threads)]
