"""Compares ptyx solve and ptyx refine with pty-chi's LSQML: same scan, probe and threads, in turns.

    make bench-solvers

Writes solvers.md and solvers.json. Sections that do not run keep their figures, if the machine is the same."""

import argparse
from importlib import metadata
from pathlib import Path

import large
import machine
import quality
import race
import record
import solver_tables
from solving import Solving

SECTIONS = {
    "solve": race.solve,
    "refine": race.refine,
    "photons": quality.photons,
    "positions": quality.positions,
    "sizes": quality.sizes,
    "hard": quality.hard,
    "places": quality.places,
    "large": large.large,
    "tiles": large.tiles,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory for scans and what the commands write")
    parser.add_argument("--results", required=True, type=Path, help="directory for solvers.md and solvers.json")
    parser.add_argument("--scan", type=Path,
                        help="a scan for the sections solve and refine, in place of a simulated one; needs --reference")
    parser.add_argument("--reference", type=Path, help="objectGuess to compare with")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="sections to run")
    parser.add_argument("--quick", action="store_true",
                        help="a little of everything, written to --files instead of --results")
    args = parser.parse_args()
    if bool(args.scan) != bool(args.reference):
        parser.error("--scan and --reference go together: the quality is the agreement of the two")
    files = args.files.resolve() / ("quick" if args.quick else "solvers")
    bench = Solving(args.ptyx.resolve(), files, rounds=1 if args.quick else 3, threads=args.threads, quick=args.quick,
                    own=(args.scan.resolve(), args.reference.resolve()) if args.scan else None)
    bench.make()
    description = machine.describe(bench)
    description["versions"]["pty-chi"] = metadata.version("ptychi")
    record.run(bench, files if args.quick else args.results, "solvers", description, SECTIONS,
               args.only or list(SECTIONS), solver_tables.page)


if __name__ == "__main__":
    main()
