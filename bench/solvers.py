"""Compares ptyx solve and ptyx refine with pty-chi's LSQML: same scan, probe and threads, in turns.

    make bench-solvers

Writes solvers.md and solvers.json. Sections that do not run keep their figures, if the machine is the same. The
sections hard, places, options, large and tiles run without pty-chi, and hard and places on any machine."""

from importlib import metadata

import large
import machine
import options
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
    "options": options.options,
    "large": large.large,
    "tiles": large.tiles,
}
# Sections that do not run pty-chi. The record of the same processor takes them, whatever its versions are.
ALONE = {"hard", "places", "options", "large", "tiles"}
# Those of them that state no seconds: the record of another processor takes them, too.
TIMELESS = {"hard", "places"}


def main():
    args, own = record.sections_of(record.arguments(__doc__, "solvers"), SECTIONS,
                                   "a scan for the sections solve and refine, in place of a simulated one")
    files = args.files.resolve() / ("quick" if args.quick else "solvers")
    bench = Solving(args.ptyx.resolve(), files, rounds=1 if args.quick else 3, threads=args.threads, quick=args.quick,
                    own=own)
    bench.make()
    results, chosen = files if args.quick else args.results, args.only or list(SECTIONS)
    alone = ALONE.issuperset(chosen)
    fits = TIMELESS.issuperset(chosen) or alone and record.of_here(results, "solvers")
    if fits and record.add(bench, results, "solvers", SECTIONS, chosen, solver_tables.page):
        return
    description = machine.describe(bench, packages=[] if alone else machine.PACKAGES)
    if not alone:
        description["versions"]["pty-chi"] = metadata.version("ptychi")
    record.run(bench, results, "solvers", description, SECTIONS, chosen, solver_tables.page)


if __name__ == "__main__":
    main()
