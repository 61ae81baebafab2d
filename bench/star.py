"""Prints the figures of `make star` and records them in bench/star.json, for docs/claims.md.

A correlation that is lower than expected by more than noise is an error, and nothing is recorded."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import machine
from record import taken

EXPECTED = {"network": 0.982, "solver": 0.992}
NOISE = 0.005  # trainings with other threads and processors differ by less


@dataclass(frozen=True)
class Program:
    """What machine.describe needs."""

    ptyx: Path


def figures(files):
    """What scripts/star/star.sh left in the directory: correlations with ePIE, and seconds of processor time."""
    steps = {path.stem: json.loads(path.read_text()) for path in sorted((files / "seconds").glob("*.json"))}
    found = {name: of_metrics(files / name / "metrics.json") for name in EXPECTED}
    seconds = {name: round(step["processor"], 1) for name, step in steps.items()}
    return {**found, "seconds": seconds, "all_seconds": round(sum(s["processor"] for s in steps.values()), 1),
            "elapsed_seconds": round(sum(s["elapsed"] for s in steps.values()), 1)}


def of_metrics(path):
    metrics = json.loads(path.read_text())
    return {"correlation": metrics["complex_correlation"], "half_bit": metrics["frc"]["at_half_bit"]["frequency"]}


def low(found):
    """The names whose correlation is too low."""
    return [name for name, expected in EXPECTED.items() if found[name]["correlation"] < expected - NOISE]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory of make star")
    parser.add_argument("--results", required=True, type=Path, help="directory for star.json")
    args = parser.parse_args()
    found = figures(args.files)
    for name, expected in EXPECTED.items():
        print(f"  {name}: complex correlation {found[name]['correlation']:.4f} with ePIE, expected {expected}")
    print(f"  processor time: {found['seconds']['train']:.0f} s of training, {found['all_seconds']:.0f} s in all")
    if low(found):
        return 1
    record = {"machine": machine.describe(Program(args.ptyx.resolve()), ["numpy"]),
              "taken": {"star": taken(found["elapsed_seconds"])}, "sections": {"star": found}}
    (args.results / "star.json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
