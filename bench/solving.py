"""The two solvers as processes: their scans, their runs, and the figures of their results."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from command import measured, timed

PASSES, BATCH = 60, 32
# How pty-chi may use the processor. The fastest counts; which it is depends on the load of the machine.
WAYS = {"threads": [], "threads, asleep when they wait": ["--passive"], "one thread": ["--threads", 1]}


@dataclass
class Solving:
    ptyx: Path
    files: Path
    rounds: int
    threads: int
    quick: bool
    own: tuple | None  # a scan and its reference

    def make(self):
        self.files.mkdir(parents=True, exist_ok=True)

    @property
    def scan(self):
        """The scan of the races, with a slightly wrong probe, as delivered ones are."""
        return self.own[0] if self.own else self.simulated("race", defocused=True, positions=100 if self.quick else 516,
                                                           nphotons="4e5", seed=1)

    @property
    def reference(self):
        return self.own[1] if self.own else self.scan

    def simulated(self, name, defocused=False, **options):
        """A simulated scan, made once; defocused, its probeGuess is out of focus."""
        path = self.files / f"{name}.npz"
        if not path.exists():
            flags = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
            timed([self.ptyx, "simulate", "--out", path, *flags])
            if defocused:
                altered(path, "defocus")
        return path

    def solve(self, scan, *flags, out="ours", command="solve"):
        """Runs ptyx; returns seconds and peak memory of the process."""
        return timed([self.ptyx, command, "--data", scan, "--output-dir", self.files / out, "--threads", self.threads,
                      "--quiet", *flags])

    def solved(self, scan, *flags, out="ours"):
        """Runs ptyx solve: its residual, passes and object's size, the processor time in seconds, the peak memory."""
        run = measured([self.ptyx, "solve", "--data", scan, "--output-dir", self.files / out, "--threads", self.threads,
                        "--quiet", "--json", *flags])
        result = json.loads(run.output)
        return {key: result["solver"][key] for key in ("residual", "passes")} | {
            "object": result["object"], "processor": run.processor, "memory": run.memory}

    def peer(self, scan, *flags, passes=PASSES, out="theirs"):
        """Runs pty-chi in the fastest way; returns seconds of the process, and its own report."""
        return self._peer(scan, [*WAYS[self.way], *flags], passes, out)

    def _peer(self, scan, flags, passes, out):
        script = Path(__file__).parent / "ptychi_peer.py"
        seconds, memory = timed([sys.executable, "-B", script, "--scan", scan, "--out", self.files / out, "--passes",
                                 passes, "--batch", BATCH,
                                 "--threads", self.threads, *flags])
        summary = json.loads((self.files / f"{out}.json").read_text())
        return {"seconds": seconds, "memory": memory, "loop": summary["building"] + sum(summary["passes"]), **summary}

    @cached_property
    def way(self):
        """The fastest of WAYS in a short trial. On a busy machine, spinning threads can take 100 times as long."""
        trial = {}
        for name, flags in WAYS.items():
            summary = self._peer(self.scan, flags, 2, "trial")
            trial[name] = summary["passes"][-1]
            print(f"pty-chi, {name}: {trial[name]:.2f} s a pass", flush=True)
        return min(trial, key=trial.get)

    def judge(self, found, reference):
        """The figures of `ptyx eval` for an object."""
        done = subprocess.run([self.ptyx, "eval", "--recon", found, "--reference", reference, "--json"], check=True,
                              capture_output=True, text=True)
        summary = json.loads(done.stdout)
        return {"correlation": summary["complex_correlation"], "half_bit": summary["frc"]["at_half_bit"]["frequency"],
                "ring": 1 / summary["frc"]["side"]}

    def ours(self, out="ours"):
        return self.files / out / "reconstruction.npz"

    def theirs(self, out="theirs"):
        return self.files / f"{out}.npz"

    def residual(self, scan, *flags, out="residual"):
        """The Fourier residual and the passes that ptyx solve reports."""
        done = subprocess.run([str(c) for c in (self.ptyx, "solve", "--data", scan, "--output-dir",
                                                self.files / out,
                                                "--quiet", "--json", *flags)],
                              check=True, capture_output=True, text=True)
        summary = json.loads(done.stdout)["solver"]
        return summary["residual"], summary["passes"]


def altered(path, *what):
    """Changes a scan in a program of its own, so that this one stays small: see command.timed."""
    subprocess.run([sys.executable, "-B", Path(__file__).parent / "alter.py", path, *map(str, what)], check=True)
