"""Measures which command to use for a scan, over photons, overlap, kinds of object and sizes of patterns.

    make which

Writes docs/which.md and bench/which.json. The objects come from scenes.py: no training has seen their kinds. Each
figure is kept in the directory of files, so a stopped run resumes."""

import argparse
import hashlib
import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import machine
import which_tables
from command import timed
from record import taken
from solving import Solving, altered

OBJECTS = ["photograph", "trees", "veins"]
PHOTONS, STEPS = ["1e3", "1e4", "1e5", "1e6", "1e7", "1e8"], [0.3, 0.6, 0.8, 1.0, 1.25, 1.5]  # steps in probe widths
PROBE = ("--probe", "scan", "--probe-passes", 16)  # the defaults of the network inside ptyx, for a file, too
USUAL_STEP, USUAL_PHOTONS = 0.5, "1e6"
# N: patterns, width of the probe in pixels. The probe is given out of focus, as delivered ones are.
SIZES = {64: (250, 20), 128: (150, 40)}


@dataclass
class Which(Solving):
    model: Path | None  # a general network; None: the one inside the program
    digest: str  # of the program and the model

    def scan_of(self, cell):
        """A scan with its truth, made once."""
        name = "{object}-{n}-{step}-{photons}-{seed}".format(**cell)
        path = self.files / f"{name}.npz"
        if not path.exists():
            count, width = SIZES[cell["n"]]
            blank = self.simulated(f"blank-{cell['n']}-{cell['step']}", n=cell["n"], positions=count, scan="fermat",
                                   probe_size=width, step=cell["step"] * width)
            scene = self.files / f"{name}-scene.npz"
            subprocess.run([sys.executable, "-B", Path(__file__).parent / "scenes.py", blank, cell["object"],
                            str(cell["seed"]), scene], check=True)
            made = path.with_suffix(".making.npz")
            timed([self.ptyx, "simulate", "--object-file", scene, "--nphotons", cell["photons"], "--seed",
                   cell["seed"], "--out", made])
            scene.unlink()
            altered(made, "defocus")
            made.replace(path)
        return path

    def infer(self, scan, *flags, model=None):
        given = model or self.model
        return timed([self.ptyx, "infer", *(["--model-path", given] if given else []), "--test-data", scan,
                      "--output-dir", self.files / "ours", "--threads", self.threads, "--quiet", *flags])[0]

    def train(self, scan, *flags):
        """Trains and infers; returns the seconds of both."""
        run = self.files / "run"
        seconds = timed([self.ptyx, "train", "--train-data-file", scan, "--output-dir", run, "--threads",
                         self.threads, "--quiet", *flags])[0]
        return seconds + self.infer(scan, model=run)


def general(bench, scan):
    return bench.infer(scan, *PROBE), bench.ours()


def refined(bench, scan):
    return bench.infer(scan, *PROBE, "--refine", 3), bench.ours()


def tuned(bench, scan):
    """A training starts from the network inside ptyx, which has all sizes, or from a file of the scan's size."""
    if bench.model and scan.name.split("-")[1] != "64":
        return None
    return bench.train(scan, "--init", bench.model or "general", "--max-epochs", 3), bench.ours()


def trained(bench, scan):
    return bench.train(scan, "--init", "none"), bench.ours()


def solver(bench, scan):
    return bench.solve(scan)[0], bench.ours()


def peer(bench, scan):
    return bench.peer(scan)["loop"], bench.theirs()


# Ways that take longer than all others together: patterns of 64 pixels and the first seed alone.
SLOW = ("trained", "pty-chi")
WAYS = {"general": general, "general, refine 3": refined, "general, 3 epochs": tuned, "trained": trained,
        "solver": solver, "pty-chi": peer}


def ways(args):
    """The ways that can run here."""
    chosen = [name for name in WAYS if not args.ways or name in args.ways]
    if "pty-chi" in chosen and not importlib.util.find_spec("ptychi"):
        print("pty-chi: left out, it is not installed", flush=True)
        chosen.remove("pty-chi")
    return chosen


def cells(args):
    """The scans: photons at the usual step, and steps at the usual photons."""
    for seed in range(1, args.seeds + 1):
        for n in args.sizes:
            for kind in args.objects:
                for photons in args.photons:
                    yield {"object": kind, "n": n, "photons": photons, "step": USUAL_STEP, "seed": seed}
                for step in args.steps:
                    yield {"object": kind, "n": n, "photons": USUAL_PHOTONS, "step": step, "seed": seed}


def measured(bench, cell, way):
    """The figures of a way for a scan, measured or kept from an earlier run; None if it does not serve the scan."""
    key = json.dumps([cell, way, bench.threads, bench.digest], sort_keys=True)
    kept = bench.files / f"kept-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        scan = bench.scan_of(cell)
        done = WAYS[way](bench, scan)
        kept.write_text(json.dumps(bench.judge(done[1], scan) | {"seconds": done[0]} if done else None))
    return json.loads(kept.read_text())


def digest(*paths):
    whole = hashlib.sha256()
    for path in paths:
        if path and path.is_dir():
            path = path / "model.onnx"
        whole.update(path.read_bytes() if path else b"")
    return whole.hexdigest()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory for scans and what the commands write")
    parser.add_argument("--results", required=True, type=Path, help="directory for which.json")
    parser.add_argument("--page", required=True, type=Path, help="which.md")
    parser.add_argument("--model", type=Path, help="general network; default: that inside ptyx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--objects", nargs="+", choices=OBJECTS, default=OBJECTS)
    parser.add_argument("--photons", nargs="*", default=PHOTONS)
    parser.add_argument("--steps", type=float, nargs="*", default=STEPS, help="in widths of the probe")
    parser.add_argument("--ways", nargs="+", choices=WAYS)
    return parser.parse_args()


def main():
    args = arguments()
    files = args.files.resolve() / "which"
    bench = Which(args.ptyx.resolve(), files, rounds=1, threads=args.threads, quick=False, own=None,
                  model=args.model.resolve() if args.model else None, digest=digest(args.ptyx, args.model))
    bench.make()
    names, rows, start = ways(args), [], time.perf_counter()
    for cell in cells(args):
        slow = cell["seed"] == 1 and cell["n"] == 64
        found = {name: measured(bench, cell, name) for name in names if slow or name not in SLOW}
        rows.append(cell | {"found": found})
        print(cell, "; ".join(f"{name} {f['correlation']:.3f}, {f['half_bit']:.2f}, {f['seconds']:.1f} s"
                              for name, f in found.items() if f), flush=True)
        record = {"machine": machine.describe(bench, ["numpy"]),
                  "taken": {"rows": taken(time.perf_counter() - start)}, "ways": names, "rows": rows}
        (args.results / "which.json").write_text(json.dumps(record, indent=1) + "\n")
        args.page.write_text(which_tables.page(record))


if __name__ == "__main__":
    main()
