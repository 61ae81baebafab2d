"""What options of ptyx solve gain on scans that need them, and what they cost."""

import subprocess
import sys
from pathlib import Path

from quality import changed

# Scans of 120 patterns of blobs.
USUAL = {"object": "blobs", "n": 64, "probe_size": 20, "step": 5, "positions": 120, "scan": "fermat", "seed": 3}
DEFOCUS = 0.002  # between neighbouring parts of a scan whose probe goes through focus, see alter.py
PARTS = range(-3, 4)


def usual(bench, photons="1e6", **other):
    name = "-".join(["options", photons, *(f"{key}{value}" for key, value in other.items())])
    return bench.simulated(name, **USUAL | {"nphotons": photons} | other)


def plain(photons="1e6", **other):
    return lambda bench: usual(bench, photons, **other)


def altered(*change):
    return lambda bench: changed(bench, usual(bench), change)


def with_probes(how, parts):
    """A scan of several with other probes, see mixed.py. A part is the change of the probe, and the photons."""
    def make(bench):
        scan = bench.files / f"options-{how}.npz"
        if not scan.exists():
            seen = []
            for change, photons in parts:
                start = changed(bench, usual(bench), change)
                seen.append(bench.simulated(f"{start.stem}-{photons}", object_file=start, nphotons=photons, seed=3))
            script = Path(__file__).parent / "mixed.py"
            subprocess.run([sys.executable, "-B", script, how, scan, *seen], check=True)
        return scan
    return make


# What a scan has: how it is made, the flags that serve it, and those of the comparison.
OPTIONS = {
    "light that flickers by 20%": (altered("flicker", 0.2), ["--flicker"], []),
    "a probe that goes through focus": (with_probes("turns", [(("defocus", DEFOCUS * i), "1e6") for i in PARTS]),
                                        ["--opr", 2], []),
    "a second mode with a fifth of the light": (with_probes("sum", [(("lobes",), "2e5"), (("defocus", 0), "8e5")]),
                                                ["--modes", 2], []),
    "a background of 5% of the mean intensity": (altered("fog", 0.05), ["--background"], []),
    "10^3 photons a pattern": (plain("1e3"), ["--smooth", 10], []),
    "10^2 photons a pattern, and the true probe": (plain("1e2"), ["--freeze", "probe"], []),
    "30 patterns of 10^4 photons": (plain("1e4", positions=30), ["--probe-support", 0.8], []),
    "steps of the probe's width": (plain(step=20), ["--start", "network"], ["--start", "none"]),
    "positions wrong by up to a pixel": (altered("move", 1), ["--positions"], []),
}


def options(bench):
    rows = []
    for what, (make, flags, others) in (list(OPTIONS.items())[:2] if bench.quick else OPTIONS.items()):
        scan, row = make(bench), {"what": what, "flags": " ".join(map(str, flags))}
        for name, chosen in ("without", others), ("with", flags):
            row[name] = bench.solved(scan, "--input", "amplitude", *chosen, out="option")
            row[name]["correlation"] = bench.judge(bench.ours("option"), scan)["correlation"]
        rows.append(row)
        print(f"{what}: " + ", ".join(f"{name} {row['flags']} {row[name]['correlation']:.4f}"
                                      for name in ("without", "with")), flush=True)
    return rows
