"""Changes a scan in place: adds errors that a solver has to correct."""

import sys

import numpy as np

CURVATURE = 0.02  # of the defocus: radians per squared frequency step, at 64 pixels
POSITIONS_SEED = 7


def main():
    path, what, *args = sys.argv[1:]
    scan = dict(np.load(path))
    {"defocus": defocus, "move": move}[what](scan, *map(float, args))
    np.savez(path, **scan)


def defocus(scan):
    """Adds a parabolic phase to the far field of the probe."""
    probe = scan["probeGuess"]
    n = probe.shape[-1]
    f = np.fft.fftfreq(n) * n
    phase = CURVATURE * (64 / n) ** 2 * (f[:, None] ** 2 + f[None, :] ** 2)
    scan["probeGuess"] = np.fft.ifft2(np.fft.fft2(probe) * np.exp(1j * phase)).astype(np.complex64)


def move(scan, by):
    """Shifts positions at random by up to a distance along each axis."""
    rng = np.random.default_rng(POSITIONS_SEED)
    for key in ("xcoords", "ycoords"):
        scan["true_" + key] = scan[key]
        scan[key] = scan[key] + rng.uniform(-by, by, len(scan[key]))


if __name__ == "__main__":
    main()
