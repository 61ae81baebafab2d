"""Quality of both solvers on simulated scans with known truth: photons, wrong positions, larger patterns."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from figures import verdict

PHOTONS, OBJECTS = ["1e3", "1e4", "1e5", "1e6", "1e9"], ["star", "lines", "blobs"]
# A correlation that is lower by at most this is no worse; for a resolution, one ring.
ALIKE = 1e-3
# N: patterns, width of the probe, step, which grow with the patterns.
SIZES = {64: (256, 20, 8), 128: (256, 40, 14), 256: (196, 80, 28)}


def photons(bench):
    """Both likelihoods of both solvers, and once a probe out of focus."""
    rows = []
    kinds = [(o, p, False) for o in OBJECTS for p in PHOTONS] + [("star", "1e6", True)]
    for kind, count, defocused in kinds[:1] if bench.quick else kinds:
        name = f"{kind}-{count}" + ("-defocused" if defocused else "")
        scan = bench.simulated(name, defocused=defocused, object=kind, nphotons=count,
                               positions=100 if bench.quick else 256, scan="fermat", seed=3)
        found = {
            "ptyx": mine(bench, scan), "ptyx, poisson": mine(bench, scan, "--likelihood", "poisson"),
            "pty-chi": peer(bench, scan), "pty-chi, poisson": peer(bench, scan, "--noise", "poisson"),
        }
        rows.append({"object": kind, "photons": count, "defocused": defocused, "found": found,
                     "verdict": no_worse(found["ptyx"], found["pty-chi"])})
        say(f"{name}", rows[-1])
    return rows


def sizes(bench):
    rows = []
    for n, (count, probe, step) in SIZES.items():
        if bench.quick and n != 128:
            continue
        scan = bench.simulated(f"size{n}", n=n, probe_size=probe, step=step, positions=36 if bench.quick else count,
                               scan="fermat", seed=5)
        found = {"ptyx": mine(bench, scan), "pty-chi": peer(bench, scan)}
        rows.append({"n": n, "patterns": count, "found": found, "verdict": no_worse(found["ptyx"], found["pty-chi"])})
        say(f"N = {n}", rows[-1])
    return rows


def positions(bench):
    """Positions that are wrong by up to a pixel along each axis."""
    rows = []
    for kind in OBJECTS[:1] if bench.quick else OBJECTS:
        scan = wrong(bench, kind)
        found = {"ptyx": mine(bench, scan, "--positions"), "pty-chi": peer(bench, scan, "--positions")}
        done = subprocess.run([sys.executable, "-B", Path(__file__).parent / "astray.py", scan, bench.ours(),
                               bench.theirs()], check=True, capture_output=True)
        before, ours, theirs = json.loads(done.stdout)
        found["ptyx"]["astray"], found["pty-chi"]["astray"] = ours, theirs
        rows.append({"object": kind, "astray": before, "found": found, "bar": 0.1,
                     "verdict": verdict(ours, 0.1, None, larger_is_better=False)})
        say(f"positions of {kind}: off by {before:.3f}, ptyx to {ours:.3f}, pty-chi to {theirs:.3f} pixels", rows[-1])
    return rows


# What is wrong: photons, the change of alter.py, flags of ptyx solve.
HARD = {
    "positions wrong by 7 pixels RMS": ("1e6", ["jitter", 7], ["--modes", 3, "--positions"]),
    "defocus of the wrong sign": ("1e6", ["opposite"], []),
    "probe of a third of the width": ("1e6", ["widen", 1 / 3], []),
    "probe of three times the width": ("1e6", ["widen", 3], []),
    "10^2 photons": ("1e2", None, []),
    "10^9 photons": ("1e9", None, []),
    "half of the patterns dark": ("1e6", ["darken"], []),
    "20 hot pixels without a mask": ("1e6", ["heat"], []),
}


def hard(bench):
    """Starts that are far from the truth. None may end in a number that is not finite, or in an error."""
    rows = []
    for what, (photons_, change, flags) in HARD.items():
        right = bench.simulated(f"hard-{photons_}", object="blobs", nphotons=photons_, n=64, probe_size=20, step=5,
                                positions=144, scan="fermat", seed=3)
        scan = changed(bench, right, change) if change else right
        out = f"hard-{len(rows) + 1}"
        residual, passes = bench.residual(scan, *flags, "--input", "amplitude", out=out)
        rows.append({"what": what, "residual": residual, "passes": passes, "out": out,
                     "correlation": bench.judge(bench.ours(out), right)["correlation"]})
        print(f"{what}: residual {residual:.5f}, correlation {rows[-1]['correlation']:.4f}", flush=True)
    return rows


# Errors of positions: the change of alter.py, the bar in pixels, the pattern of the scan.
STEP = 8
ERRORS = {
    "random, 7 pixels RMS": (["jitter", 7], 0.2, "fermat"),
    "drift of 15 pixels": (["drift", 15], 0.2, "fermat"),
    "scale 3%, rotation 2 degrees": (["stretch", 0.03, 2], 0.1, "fermat"),
    "none": (["jitter", 0], 0.05, "fermat"),
    "backlash of 5 pixels in every second row": (["backlash", 5, STEP], 0.2, "raster"),
}


def places(bench):
    """Positions that are badly wrong. The objects run at the same time: no figure depends on the load."""
    kinds = OBJECTS[:1] if bench.quick else OBJECTS
    with ThreadPoolExecutor(len(kinds)) as pool:
        return [row for rows in pool.map(lambda kind: misplaced(bench, kind), kinds) for row in rows]


def misplaced(bench, kind):
    rows, out = [], f"places-{kind}"
    for what, (change, bar, pattern) in ERRORS.items():
        right = bench.simulated(f"{out}-{pattern}", object=kind, nphotons="1e6", n=128, probe_size=40, step=STEP,
                                positions=144, scan=pattern, seed=3)
        scan = changed(bench, right, change)
        bench.solve(scan, "--positions", "--input", "amplitude", out=out)
        done = subprocess.run([sys.executable, "-B", Path(__file__).parent / "astray.py", scan, bench.ours(out)],
                              check=True, capture_output=True)
        before, after = json.loads(done.stdout)
        rows.append({"object": kind, "what": what, "given": before, "found": after, "bar": bar,
                     "verdict": verdict(after, bar, None, larger_is_better=False)})
        print(f"{kind}, {what}: {before:.3f} to {after:.3f} pixels  {rows[-1]['verdict']}", flush=True)
    return rows


def changed(bench, right, change):
    """A copy of a scan with a change of alter.py, made once."""
    scan = bench.files / f"{right.stem}-{'-'.join(map(str, change))}.npz"
    if not scan.exists():
        unfinished = scan.with_suffix(".part.npz")  # an interruption leaves no scan without its change
        shutil.copy(right, unfinished)
        subprocess.run([sys.executable, "-B", Path(__file__).parent / "alter.py", unfinished, *map(str, change)],
                       check=True)
        unfinished.rename(scan)
    return scan


def wrong(bench, kind):
    right = bench.simulated(f"{kind}-right", object=kind, nphotons="1e6", positions=100 if bench.quick else 256,
                            scan="fermat", seed=3)
    scan = bench.files / f"{kind}-wrong.npz"
    if not scan.exists():
        shutil.copy(right, scan)
        subprocess.run([sys.executable, "-B", Path(__file__).parent / "alter.py", scan, "move", "1"], check=True)
    return scan


def mine(bench, scan, *flags):
    seconds, memory = bench.solve(scan, *flags)
    return bench.judge(bench.ours(), scan) | {"seconds": seconds, "memory": memory}


def peer(bench, scan, *flags):
    summary = bench.peer(scan, *flags)
    return bench.judge(bench.theirs(), scan) | {"seconds": summary["loop"], "memory": summary["memory"]}


def no_worse(ours, theirs):
    sharp = ours["half_bit"] >= theirs["half_bit"] - ours["ring"]
    return "bar" if ours["correlation"] >= theirs["correlation"] - ALIKE and sharp else "missed"


def say(what, row):
    figures = "; ".join(f"{name} {f['correlation']:.4f}, {f['half_bit']:.3f}, {f['seconds']:.1f} s" for name,
                        f in row["found"].items())
    print(f"{what}: {figures}  {row['verdict']}", flush=True)
