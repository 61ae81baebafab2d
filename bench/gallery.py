"""Makes docs/gallery.md: simulated scans, and what the general network and the solver make of them."""

import argparse
import warnings
from pathlib import Path

import numpy as np
import ptyx

import panels

SCANS = {
    "star": {"object": "star", "probe": "zoneplate", "scan": "raster", "step": 6, "nphotons": 1e6},
    "lines": {"object": "lines", "probe": "zoneplate", "scan": "fermat", "step": 6, "nphotons": 1e5},
    "blobs": {"object": "blobs", "probe": "gaussian", "scan": "fermat", "step": 6, "nphotons": 1e6},
    "few-photons": {"object": "star", "probe": "zoneplate", "scan": "fermat", "step": 6, "nphotons": 1e3},
    "disk": {"object": "blobs", "probe": "disk", "scan": "random", "step": 6, "nphotons": 1e5},
    "large-steps": {"object": "blobs", "probe": "zoneplate", "scan": "fermat", "step": 20, "nphotons": 1e6},
}
POSITIONS = 196
NOTES = {
    "large-steps": "Neighbours overlap by less than half of the probe's diameter, so the solver starts with the "
                   "object\nof the network. From an empty object (`--start none`) it reaches {empty:.3f}.\n",
}
HEAD = """# Gallery

Simulated scans of {m} patterns of 64 × 64 pixels. From left to right: a pattern, the phase of the true object, that of
the general network inside ptyx without any training on the scan, and that of the solver. Both start from the true
probe. `make gallery` writes this page.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, required=True, help="page to write; its pictures go beside it")
    page = parser.parse_args().page
    warnings.simplefilter("ignore", ptyx.Caution)
    parts = [HEAD.format(m=POSITIONS)]
    for name, settings in SCANS.items():
        scan = ptyx.simulate(positions=POSITIONS, seed=3, **settings)
        found = {"network": ptyx.infer(scan), "solver": ptyx.solve(scan)}
        truth = panels.middle(np.angle(crop(scan.object, found["solver"])))
        phases = [without_rim(panels.middle(result.phase)) for result in found.values()]
        panels.save(page.with_suffix("") / f"{name}.png", [scan.patterns[POSITIONS // 2], truth, *phases])
        parts.append(section(name, settings, {who: ptyx.compare(r, scan).correlation for who, r in found.items()}))
        if name in NOTES:
            empty = ptyx.compare(ptyx.solve(scan, start="none"), scan).correlation
            parts[-1] += "\n" + NOTES[name].format(empty=empty)
        print(parts[-1], flush=True)
    page.write_text("\n".join(parts))


def crop(truth, result):
    """The part of the truth that a result covers."""
    row, col = (max(0, int(first)) for first in result.origin)
    height, width = result.object.shape
    return truth[row:row + height, col:col + width]


def without_rim(phase):
    """The phase with the contrast of its middle: at the rim, where there is little light, it is noise."""
    quarter = len(phase) // 4
    return np.clip(phase, *np.percentile(phase[quarter:-quarter, quarter:-quarter], [0.5, 99.5]))


def section(name, settings, found):
    """The part of the page about a scan. The first line is the command that makes the scan."""
    flags = " ".join(f"--{key} {value:g}" if isinstance(value, (int, float)) else f"--{key} {value}"
                     for key, value in settings.items())
    figures = ", ".join(f"{who} {value:.3f}" for who, value in found.items())
    return (f"## {name.replace('-', ' ').capitalize()}\n\n"
            f"    ptyx simulate --out scan.npz --positions {POSITIONS} --seed 3 \\\n        {flags}\n\n"
            f"![A pattern, the truth, network, solver](gallery/{name}.png)\n\nCorrelation with the truth: {figures}.\n")


if __name__ == "__main__":
    main()
