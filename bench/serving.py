"""Compares ptyx serve with the bare session and a Python server: 1, 8 and 64 clients, frames of scans, workers.

    make bench-serve

Writes serving.md and serving.json. Sections that do not run keep their figures, if the machine is the same."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import answering
import growing
import machine
import record
import serving_tables
import working
from command import timed

SECTIONS = {
    "requests": answering.requests,
    "frames": growing.frames,
    "workers": working.workers,
}
PACKAGES = ["fastapi", "uvicorn", "onnxruntime", "numpy"]


@dataclass
class Serving:
    ptyx: Path
    measure: Path
    load: Path
    files: Path
    rounds: int
    seconds: float  # of a turn
    threads: int
    quick: bool

    def scan(self, n=64):
        return self.files / f"scan{n}.npz"

    def model(self, width, n=64):
        """A network of a given width, briefly trained."""
        return self.files / f"width{width}-{n}" / "model.onnx"

    def make(self):
        self.files.mkdir(parents=True, exist_ok=True)
        for n, probe in ((64, 20), (128, 40)):
            if not self.scan(n).exists():
                self.simulate(self.scan(n), 256, n, probe)
        for width, n in ((2, 64), (1, 64), (1, 128)):
            if not self.model(width, n).exists():
                timed([self.ptyx, "train", "--train-data-file", self.scan(n), "--output-dir",
                       self.model(width, n).parent, "--max-epochs", 1, "--n-images", 16,
                       "--batch-size", 4, "--n-filters-scale", width])

    def simulate(self, path, count, n=64, probe=20):
        timed([self.ptyx, "simulate", "--out", path, "--n", n, "--positions", count, "--probe-size", probe, "--seed",
               1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--measure", required=True, type=Path)
    parser.add_argument("--load", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory for scans and models")
    parser.add_argument("--results", required=True, type=Path, help="directory for serving.md and serving.json")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="sections to run")
    parser.add_argument("--quick", action="store_true",
                        help="a little of everything, written to --files instead of --results")
    args = parser.parse_args()
    bench = Serving(args.ptyx.resolve(), args.measure.resolve(), args.load.resolve(), args.files.resolve(),
                    rounds=1 if args.quick else 5,
                    seconds=1 if args.quick else 5, threads=args.threads, quick=args.quick)
    bench.make()
    record.run(bench, bench.files if args.quick else args.results, "serving", machine.describe(bench, PACKAGES),
               SECTIONS, args.only or list(SECTIONS), serving_tables.page)


if __name__ == "__main__":
    main()
