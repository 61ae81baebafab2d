"""Draws the pictures of docs/troubleshooting.md: what each fault that `ptyx validate` finds does to a reconstruction.

Every fault is put into one simulated scan. Validation must find it, or this script fails. Then the solver
reconstructs the faulty scan. A picture shows a pattern as it is read, and the phase of the object. The line below it
says how good that is."""

import argparse
import warnings
from pathlib import Path

import numpy as np
import ptyx

import panels

PASSES = 30


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--page", type=Path, required=True, help="page whose captions and pictures are renewed")
    parser.add_argument("--only", nargs="*", help="faults to draw; all if none is named")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ptyx.Caution)
    sound = ptyx.simulate(object="blobs", positions=144, step=7, nphotons=1e6, seed=5)
    for name, damage in {"sound": lambda arrays: arrays, **FAULTS}.items():
        if args.only and name not in args.only:
            continue
        scan, finding = damaged(sound, name, damage)
        try:
            result = ptyx.solve(scan, iterations=PASSES, start="none")
            how = f"Residual {result.residuals.min():.4f}, correlation with the truth {agreement(result, sound):.2f}."
            if name == "overlap":
                network = ptyx.solve(scan, iterations=PASSES)
                how += f" With the default start: {agreement(network, sound):.2f}."
        except ptyx.InputError:
            result, how = None, "`ptyx solve` and `ptyx train` refuse it."
        draw(scan, result, args.page.with_suffix("") / f"{name}.png")
        panels.caption(args.page, name, how)
        print(f"{name}: {finding or 'no finding'}\n    {how}", flush=True)


def damaged(sound, name, damage):
    """The scan with the fault, and the finding. Validation must find the fault."""
    arrays = {"patterns": sound.patterns.copy(), "x": sound.x.copy(), "y": sound.y.copy(), "probe": sound.probe.copy(),
              "object": None, "input": "amplitude"}
    arrays = damage(arrays)
    scan = ptyx.Scan(arrays.pop("patterns"), arrays.pop("x"), arrays.pop("y"), **arrays)
    findings = scan.validate().findings
    found = next((f for f in findings if f.check == name), None)
    if name != "sound" and found is None or name == "sound" and findings:
        raise SystemExit(f"{name}: validation finds {[str(f) for f in findings]}")
    return scan, found


def agreement(result, sound):
    """The correlation with the truth; 0 where they cannot be compared."""
    try:
        return ptyx.compare(result, sound).correlation
    except ptyx.Error:
        return 0.0


def draw(scan, result, path):
    """Writes a pattern and a phase, or the pattern alone."""
    pattern = np.nan_to_num(np.asarray(scan.patterns[len(scan) // 2], float), posinf=0)
    shown = [] if result is None else [panels.middle(result.phase)]
    panels.save(path, [np.sqrt(np.abs(pattern)), *shown])


def damage(arrays, **changed):
    return {**arrays, **changed}


def without_light(a):
    patterns = a["patterns"].copy()
    patterns[36:108] = 0
    return damage(a, patterns=patterns)


def of_pixels(change):
    """A fault that changes intensities."""
    def fault(a):
        return damage(a, patterns=np.sqrt(np.maximum(change(a["patterns"].astype(float) ** 2), 0)))
    return fault


def dead(intensity):
    intensity[:, 30:33, 28:34] = 0
    return intensity


def hot(intensity):
    for row, col in [(5, 7), (12, 50), (55, 9), (44, 58), (20, 3)]:
        intensity[:, row, col] = 20000
    return intensity


def not_numbers(a):
    patterns = a["patterns"].copy()
    patterns[:, 20, 20] = np.nan
    return damage(a, patterns=patterns)


def transposed(a):
    """As many patterns as pixels, so that no shape tells the axes."""
    m = a["patterns"].shape[1]
    return damage(a, patterns=np.transpose(a["patterns"][:m], (2, 0, 1)), x=a["x"][:m], y=a["y"][:m],
                  layout="auto")


def standing(a):
    """The stage moved, but its positions were not recorded for a while."""
    x, y = a["x"].copy(), a["y"].copy()
    x[40:80], y[40:80] = x[40], y[40]
    return damage(a, x=x, y=y)


def far_away(a):
    x = a["x"].copy()
    x[60:66] += 60 * np.arange(4, 10)
    return damage(a, x=x)


def sparse(a):
    """Every third pattern of every third row of the raster."""
    side = int(len(a["x"]) ** 0.5)
    kept = np.arange(side * side).reshape(side, side)[::3, ::3].ravel()
    return damage(a, **{name: a[name][kept] for name in ("patterns", "x", "y")})


def dim(intensity):
    return np.random.default_rng(1).poisson(intensity / 20000).astype(float)


def rough(a):
    """A probe of the right modulus, with a phase that varies by 0.7 rad over some pixels."""
    n = a["probe"].shape[0]
    f = np.fft.fftfreq(n)
    blur = np.exp(-45 * (f[:, None] ** 2 + f ** 2))
    phase = np.fft.ifft2(np.fft.fft2(np.random.default_rng(0).normal(size=(n, n))) * blur).real
    return damage(a, probe=a["probe"] * np.exp(0.7j * phase / phase.std()))


FAULTS = {
    "axes": transposed,
    "values": not_numbers,
    "dark": without_light,
    "counts": lambda a: damage(a, patterns=np.round(a["patterns"].astype(float) ** 2)),
    "dead": of_pixels(dead),
    "hot": of_pixels(hot),
    "saturated": of_pixels(lambda intensity: np.minimum(intensity, np.percentile(intensity, 97))),
    "background": of_pixels(lambda intensity: np.random.default_rng(2).poisson(intensity + 500).astype(float)),
    "photons": of_pixels(dim),
    "units": lambda a: damage(a, x=a["x"] * 0.01, y=a["y"] * 0.01),
    "outside": lambda a: damage(a, x=a["x"] - 40, object=np.ones((150, 150), np.complex64)),
    "repeated": standing,
    "overlap": sparse,
    "alone": far_away,
    "centre": lambda a: damage(a, patterns=np.fft.ifftshift(a["patterns"], axes=(1, 2))),
    "probe": lambda a: damage(a, probe=np.fft.ifftshift(a["probe"])),
    "orientation": lambda a: damage(a, x=-a["x"]),
    "calibration": rough,
}


if __name__ == "__main__":
    main()
