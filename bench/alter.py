"""Changes a scan in place: adds errors that a solver has to correct."""

import sys

import numpy as np

CURVATURE = 0.02  # of the defocus: radians per squared frequency step, at 64 pixels
POSITIONS_SEED = 7


def main():
    path, what, *args = sys.argv[1:]
    scan = dict(np.load(path))
    CHANGES[what](scan, *map(float, args))
    np.savez(path, **scan)


def defocus(scan, curvature=CURVATURE):
    """Adds a parabolic phase to the far field of the probe."""
    probe = scan["probeGuess"]
    n = probe.shape[-1]
    f = np.fft.fftfreq(n) * n
    phase = curvature * (64 / n) ** 2 * (f[:, None] ** 2 + f[None, :] ** 2)
    scan["probeGuess"] = np.fft.ifft2(np.fft.fft2(probe) * np.exp(1j * phase)).astype(np.complex64)


def lobes(scan):
    """A second mode of the probe: four lobes."""
    n = scan["probeGuess"].shape[-1]
    at = np.arange(n) - n // 2
    scan["probeGuess"] = (scan["probeGuess"] * np.outer(at, at)).astype(np.complex64)


def flicker(scan, share):
    """Intensities that vary at random from pattern to pattern, by a share RMS."""
    factors = np.random.default_rng(POSITIONS_SEED).normal(1, share, len(scan["diff3d"])).clip(0.1)
    scan["diff3d"] = (scan["diff3d"] * np.sqrt(factors)[:, None, None]).astype(np.float32)


def fog(scan, share):
    """A background of a share of the mean intensity in all pixels."""
    counts = scan["diff3d"].astype(float) ** 2
    counts += np.random.default_rng(POSITIONS_SEED).poisson(share * counts.mean(), counts.shape)
    scan["diff3d"] = np.sqrt(counts).astype(np.float32)


def move(scan, by):
    """Shifts positions at random by up to a distance along each axis."""
    rng = np.random.default_rng(POSITIONS_SEED)
    for key in ("xcoords", "ycoords"):
        scan["true_" + key] = scan[key]
        scan[key] = scan[key] + rng.uniform(-by, by, len(scan[key]))


def jitter(scan, rms):
    """Shifts positions at random: normal, with the root mean square of the distance."""
    rng = np.random.default_rng(POSITIONS_SEED)
    shift(scan, *rng.normal(0, rms / np.sqrt(2), (2, len(scan["xcoords"]))))


def drift(scan, by):
    """A slow drift by a distance along each axis, curved differently."""
    u = np.linspace(0, 1, len(scan["xcoords"]))
    shift(scan, by * u ** 2, -by * np.sin(2 * u))


def backlash(scan, by, step):
    """Every second row of a raster is shifted along the row; step is the distance of rows."""
    rows = np.rint((scan["ycoords"] - scan["ycoords"].min()) / step)
    shift(scan, by * (rows % 2), np.zeros(len(rows)))


def stretch(scan, scale, degrees):
    """Positions with a wrong scale and rotation."""
    x, y = (scan[key] - scan[key].mean() for key in ("xcoords", "ycoords"))
    angle = np.radians(degrees)
    shift(scan, scale * x - angle * y, angle * x + scale * y)


def shift(scan, dx, dy):
    for key, d in (("xcoords", dx), ("ycoords", dy)):
        scan["true_" + key] = scan[key]
        scan[key] = scan[key] + d


def opposite(scan):
    """A probe with the other sign of its defocus."""
    scan["probeGuess"] = np.conj(scan["probeGuess"])


def widen(scan, factor):
    """A probe that is wider by a factor."""
    probe = scan["probeGuess"]
    n = probe.shape[-1]
    at = (np.arange(n) - n // 2) / factor + n // 2
    low = np.clip(np.floor(at).astype(int), 0, n - 2)
    t = at - low
    inside = (at >= 0) & (at <= n - 1)
    rows = probe[low] * (1 - t)[:, None] + probe[low + 1] * t[:, None]
    wide = rows[:, low] * (1 - t) + rows[:, low + 1] * t
    scan["probeGuess"] = (wide * inside[:, None] * inside).astype(np.complex64)


def darken(scan):
    """Every second pattern without light."""
    scan["diff3d"][::2] = 0


def heat(scan):
    """Twenty hot pixels, three times as high as the brightest."""
    rng = np.random.default_rng(POSITIONS_SEED)
    n, top = scan["diff3d"].shape[-1], 3 * scan["diff3d"].max()
    for row, column in rng.integers(n, size=(20, 2)):
        scan["diff3d"][:, row, column] = top


CHANGES = {f.__name__: f for f in (defocus, lobes, flicker, fog, move, jitter, drift, backlash, stretch, opposite,
                                   widen, darken, heat)}

if __name__ == "__main__":
    main()
