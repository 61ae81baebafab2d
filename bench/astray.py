"""Position error of a reconstruction: root mean square along an axis in pixels, without a common shift."""

import json
import sys

import numpy as np


def main():
    scan, *found = [np.load(path) for path in sys.argv[1:]]
    print(json.dumps([distance(scan, f) for f in (scan, *found)]))


def distance(scan, found):
    squares = []
    for key in ("xcoords", "ycoords"):
        off = found[key] - scan["true_" + key]
        squares.append(np.square(off - off.mean()).mean())
    return float(np.sqrt(np.mean(squares)))


if __name__ == "__main__":
    main()
