"""Prints the figures of `make nanoprobe` and records them in bench/nanoprobe.json, for docs/claims.md.

A figure that is worse than expected by more than noise is an error, and nothing is recorded."""

import argparse
import json
from pathlib import Path

import machine
import numpy as np
from record import taken
from star import Program, of_metrics

EXPECTED_CORRELATION = 0.917  # of the general network with the solver's object
NOISE = 0.005
MOST_ERROR = 1.0  # pixels RMS that may remain after an affine map


def figures(files):
    """What scripts/star/nanoprobe.sh left in the directory."""
    steps = {path.stem: json.loads(path.read_text()) for path in sorted((files / "seconds").glob("*.json"))}
    right = np.loadtxt(files / "corrected.csv", delimiter=",", skiprows=1)
    with np.load(files / "scan.npz") as scan:
        given = np.stack([scan["xcoords"], scan["ycoords"]], axis=1)
    with np.load(files / "found" / "reconstruction.npz") as result:
        found = np.stack([result["xcoords"], result["ycoords"]], axis=1)
    return {
        "general": of_metrics(files / "compared" / "metrics.json"),
        "positions": {
            "given": error(given, right, np.ones((len(right), 1))),
            "found": error(found, right, np.ones((len(right), 1))),
            "found_after_affine": error(found, right, np.c_[right, np.ones(len(right))]),
        },
        "seconds": {name: round(step["elapsed"], 1) for name, step in steps.items()},
        "elapsed_seconds": round(sum(step["elapsed"] for step in steps.values()), 1),
    }


def error(positions, right, terms):
    """The RMS distance (pixels) of positions from the right ones, but for a linear combination of the terms (M, K)."""
    off = positions - right
    off = off - terms @ np.linalg.lstsq(terms, off, rcond=None)[0]
    return round(float(np.sqrt(np.mean(np.sum(off**2, axis=1)))), 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory of make nanoprobe")
    parser.add_argument("--results", required=True, type=Path, help="directory for nanoprobe.json")
    args = parser.parse_args()
    found = figures(args.files)
    correlation, positions = found["general"]["correlation"], found["positions"]
    print(f"  general network: complex correlation {correlation:.4f} with the solver, expected {EXPECTED_CORRELATION}")
    print(f"  positions: wrong by {positions['given']} pixels RMS, found to {positions['found']}, after an affine map "
          f"{positions['found_after_affine']}, expected {MOST_ERROR} at most")
    if not (correlation > EXPECTED_CORRELATION - NOISE and positions["found_after_affine"] < MOST_ERROR):
        return 1
    record = {"machine": machine.describe(Program(args.ptyx.resolve()), ["numpy"]),
              "taken": {"nanoprobe": taken(found["elapsed_seconds"])}, "sections": {"nanoprobe": found}}
    (args.results / "nanoprobe.json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
