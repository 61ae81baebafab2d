"""Compares the patterns of ptyx simulate with NumPy: I = |FFT2(P O)|^2 / N^2, zero frequency at [N/2, N/2]."""

import numpy as np

from patches import whole


def transfer(d, n):
    """The Fourier factors of a shift by d samples."""
    return np.exp(-2j * np.pi * np.fft.fftfreq(n) * d)


def check(report, files):
    with np.load(files / "exact-object.npz", allow_pickle=False) as z:
        obj, probe, x, y = (z[k] for k in ("objectGuess", "probeGuess", "xcoords", "ycoords"))
    with np.load(files / "exact.npz", allow_pickle=False) as z:
        patterns = z["diff3d"]
    n = probe.shape[0]
    worst = 0.0
    for pattern, column, row in zip(patterns, x, y):
        left, top = whole(column) - n // 2, whole(row) - n // 2
        patch = obj[top : top + n, left : left + n].astype(complex)
        # The subpixel part of a position is a Fourier shift of the probe.
        shift = np.outer(transfer(row - whole(row), n), transfer(column - whole(column), n))
        shifted = np.fft.ifft2(np.fft.fft2(probe.astype(complex)) * shift)
        expected = np.fft.fftshift(abs(np.fft.fft2(shifted * patch))) / n
        worst = max(worst, abs(pattern - expected).max() / expected.max())
    # The bound is the rounding of float32 amplitudes.
    report.within(f"patterns of ptyx simulate against numpy.fft, {len(x)} positions, half of them fractional: largest "
                  f"difference, relative", worst, 1e-7)
