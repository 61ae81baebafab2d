"""Measures whether sigma of the general network describes its errors: the share of errors within one sigma.

    make bench-sigma

Writes sigma.md and sigma.json. The objects come from scenes.py: no training has seen their kinds. ptyx infer calibrates
the probe, which is given out of focus."""

import statistics
from pathlib import Path

import errors
import machine
import record
from tables import machine as machine_line, section, table
from which import OBJECTS, PHOTONS, USUAL_STEP, Which, digest, general

LOW, HIGH = 0.65, 0.71  # normally distributed errors give 0.68


class Bench(Which):
    seeds, sizes = (1, 2, 3), (64,)

    def cells(self):
        for n in self.sizes:
            for photons in PHOTONS:
                yield n, photons, [{"object": kind, "n": n, "photons": photons, "step": USUAL_STEP, "seed": seed}
                                   for kind in OBJECTS for seed in self.seeds]


def shares(bench):
    rows = []
    for n, photons, scans in bench.cells():
        found = []
        for cell in scans:
            scan = bench.scan_of(cell)
            general(bench, scan)
            found.append(errors.share_within(bench.files / "ours" / "reconstruction.npz", scan))
        row = {"n": n, "photons": photons, "scans": len(found),
               **{key: statistics.median(f[key] for f in found) for key in ("within", "error", "sigma")}}
        row["verdict"] = "bar" if LOW <= row["within"] <= HIGH else "missed"
        rows.append(row)
        print(f"N = {n}, {photons} photons: {100 * row['within']:.0f}% of {len(found)} scans within one sigma  "
              f"{row['verdict']}", flush=True)
    return rows


def page(found):
    head = ["N", "photons a pattern", "scans", "errors within one sigma", "RMS of the errors", "RMS of sigma", ""]
    rows = [(r["n"], r["photons"], r["scans"], f"{100 * r['within']:.0f}%", f"{r['error']:.4f}", f"{r['sigma']:.4f}",
             r["verdict"]) for r in found["sections"]["shares"]]
    return "\n".join([
        "# Sigma of the general network\n",
        "`make bench-sigma` writes this page. Each row has the medians of scans of objects of kinds that no training "
        "has\nseen, reconstructed by `ptyx infer` with a calibrated probe. "
        f"Bar: {100 * LOW:.0f} to {100 * HIGH:.0f}% within one sigma.\n",
        machine_line(found["machine"]) + "\n", section("Errors within one sigma") + table(head, rows)])


def main():
    parser = record.arguments(__doc__, "sigma", quick="one seed")
    parser.add_argument("--model", type=Path, help="general network; default: that inside ptyx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64], help="sizes of patterns: 64, 128")
    args = parser.parse_args()
    bench = Bench(args.ptyx.resolve(), args.files.resolve() / "which", rounds=1, threads=args.threads,
                  quick=args.quick, own=None, model=args.model.resolve() if args.model else None,
                  digest=digest(args.ptyx, args.model))
    bench.sizes, bench.seeds = args.sizes, bench.seeds[:1] if args.quick else bench.seeds
    bench.make()
    record.run(bench, bench.files if args.quick else args.results, "sigma", machine.describe(bench, ["numpy"]),
               {"shares": shares}, ["shares"], page)


if __name__ == "__main__":
    main()
