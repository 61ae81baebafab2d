"""Makes a scan of simulated ones that differ in their probe alone.

    mixed.py turns|sum OUT SCAN...

turns: each scan gives its share of the patterns, one after the other. sum: their intensities add up. Everything else is
that of the scan in the middle."""

import sys

import numpy as np


def main():
    how, out, *paths = sys.argv[1:]
    scans = [np.load(path) for path in paths]
    patterns = np.stack([scan["diff3d"] for scan in scans])
    if how == "sum":
        mixed = np.sqrt((patterns.astype(float) ** 2).sum(0))
    else:
        count = patterns.shape[1]
        mixed = patterns[np.arange(count) * len(scans) // count, np.arange(count)]
    middle = dict(scans[len(scans) // 2])
    np.savez(out, **middle | {"diff3d": mixed.astype(np.float32)})


if __name__ == "__main__":
    main()
