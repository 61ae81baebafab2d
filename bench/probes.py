"""Solves scans with probes that ptyx guesses from the patterns, and with the true ones: four optics, two sizes.

    make bench-probes

Writes probes.md and probes.json. Sections that do not run keep their figures, if the machine is the same."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import machine
import record
from tables import machine as machine_line, section, table

PIXEL_NM, ENERGY_EV = 20, 8000
PHOTONS = ("1e4", "1e5", "1e6", "1e7", "1e8")
SIZES = (64, 128)
POSITIONS = 200
STEP = 0.09  # of the side of a pattern, between neighbours; the beams are a third of it wide

# Each optic makes a beam of about a third of the field of view of n pixels. Its flags are a function of n / 64.
OPTICS = {
    "zone plate": lambda k: ["--optic", "zoneplate", "--aperture-um", 180, "--zone-nm", 50, "--stop-um", 60,
                             "--defocus-um", 140 * k],
    "KB mirrors": lambda k: ["--optic", "kb", "--aperture-um", "400,300", "--focal-mm", "200,100", "--defocus-um",
                             140 * k],
    "pinhole": lambda k: ["--optic", "pinhole", "--aperture-um", 0.45 * k, "--defocus-um", 300 * k],
    "gaussian": lambda k: ["--optic", "gaussian", "--aperture-um", 0.4 * k, "--defocus-um", 0],
}


@dataclass
class Bench:
    ptyx: Path
    files: Path
    threads: int
    quick: bool
    own: tuple | None  # a measured scan and its reference

    def run(self, *words):
        done = subprocess.run([str(w) for w in (self.ptyx, *words, "--quiet")], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"ptyx {' '.join(map(str, words))}: {done.stderr[-400:].strip()}")
        return done.stdout

    def solved(self, scan, reference):
        """The correlation of the solved object with a reference."""
        out = self.files / "solved"
        self.run("solve", "--data", scan, "--output-dir", out, "--threads", self.threads)
        found = json.loads(self.run("eval", "--recon", out, "--reference", reference, "--json"))
        return found["complex_correlation"]

    def without_probe(self, scan):
        """The scan without its probe and object."""
        bare = self.files / "bare.npz"
        with np.load(scan, allow_pickle=False) as all_arrays:
            np.savez(bare, **{k: all_arrays[k] for k in all_arrays.files if k not in ("probeGuess", "objectGuess")})
        return bare

    def compare(self, scan, reference):
        return {"guessed": self.solved(self.without_probe(scan), reference), "true": self.solved(scan, reference)}


def size(n):
    def rows(bench):
        found = []
        for name, flags in OPTICS.items():
            scene = bench.files / "scene.npz"
            probe = bench.files / "probe.npz"
            bench.run("simulate", "--out", scene, "--n", n, "--positions", POSITIONS, "--scan", "fermat", "--object",
                      "blobs", "--step", STEP * n, "--seed", 3)
            bench.run("probe", "--n", n, "--energy-ev", ENERGY_EV, "--pixel-size-nm", PIXEL_NM, "--out", probe,
                      *flags(n / 64))
            with np.load(scene) as old, np.load(probe) as new:
                arrays = {k: old[k] for k in ("objectGuess", "xcoords", "ycoords")}
                np.savez(scene, probeGuess=new["probeGuess"].reshape(-1, n, n)[0], **arrays)
            for photons in PHOTONS[2:3] if bench.quick else PHOTONS:
                scan = bench.files / "scan.npz"
                bench.run("simulate", "--out", scan, "--object-file", scene, "--nphotons", photons, "--seed", 4)
                found.append({"optic": name, "n": n, "photons": photons, **bench.compare(scan, scan)})
                print(found[-1], flush=True)
        return found
    return rows


def measured(bench):
    return bench.compare(*bench.own)


SECTIONS = {f"size{n}": size(n) for n in SIZES} | {"measured": measured}

HEAD = """# Probes that ptyx guesses

`make bench-probes` writes this page; [docs/solve.md](../docs/solve.md#without-a-probe) explains the guess. Simulated
scans of 200 patterns and an object of blobs. The probe is a model of `ptyx probe` whose beam is a third of the frame
wide. **Guessed**: `ptyx solve` of the scan without its probe. **True**: with the probe of the simulation. Both are
complex correlations with the truth, by `ptyx eval`.
"""


def page(stored):
    sections = stored["sections"]
    parts = [HEAD, machine_line(stored["machine"])]
    for n in SIZES:
        rows = sections.get(f"size{n}", [])
        if rows:
            parts.append(section(f"Patterns of {n} x {n} pixels") + table(
                ["optic", "photons a pattern", "guessed", "true"],
                [(r["optic"], r["photons"], f"{r['guessed']:.4f}", f"{r['true']:.4f}") for r in rows]))
    if "measured" in sections:
        r = sections["measured"]
        parts.append(section(
            "A measured scan", "The measured Siemens star, compared with 100 passes of ePIE that started from the "
            f"delivered probe: {r['guessed']:.4f} without the probe, {r['true']:.4f} with it."))
    return "\n".join(parts)


def main():
    parser = record.arguments(__doc__, "probes")
    args, own = record.sections_of(parser, SECTIONS, "a measured scan for the section measured",
                                   "its object, to compare with")
    chosen = args.only or [s for s in SECTIONS if s != "measured" or args.scan]
    if "measured" in chosen and not args.scan:
        parser.error("the section measured needs --scan and --reference")
    files = args.files.resolve() / ("probes-quick" if args.quick else "probes")
    files.mkdir(parents=True, exist_ok=True)
    bench = Bench(args.ptyx.resolve(), files, args.threads, args.quick, own)
    record.run(bench, files if args.quick else args.results, "probes", machine.describe(bench, ["numpy"]), SECTIONS,
               chosen, page)


if __name__ == "__main__":
    main()
