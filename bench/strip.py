"""Writes an object, a probe and the positions of a long scan for ptyx simulate --object-file: four rows, any length.

    strip.py SCAN COUNT OUT

The probe is that of SCAN."""

import sys

import numpy as np

ROWS, STEP, SEED = 4, 10, 3
SMOOTH = 3  # width of the object's structures, pixels


def main():
    scan, count, out = sys.argv[1:]
    probe = np.load(scan)["probeGuess"]
    n, rng = probe.shape[-1], np.random.default_rng(SEED)
    place = np.arange(int(count))
    y, x = (n // 2 + 1 + STEP * at + rng.uniform(-1, 1, at.shape) for at in (place % ROWS, place // ROWS))
    height, width = (int(at.max()) + n // 2 + 2 for at in (y, x))
    thickness = smooth(rng.standard_normal((height, width)))
    np.savez(out, objectGuess=np.exp((-0.2 + 0.5j) * thickness).astype(np.complex64), probeGuess=probe, xcoords=x,
             ycoords=y)


def smooth(noise):
    """Noise of structures of one width, from 0 to 1."""
    row, column = (np.fft.fftfreq(size) for size in noise.shape)
    low = np.exp(-2 * (np.pi * SMOOTH) ** 2 * (row[:, None] ** 2 + column[None, :] ** 2))
    blurred = np.fft.ifft2(np.fft.fft2(noise) * low).real
    return (blurred - blurred.min()) / np.ptp(blurred)


if __name__ == "__main__":
    main()
