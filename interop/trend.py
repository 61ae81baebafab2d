"""The trend of a stitched object, by the rule of packages trend and reconstruct (docs/network.md)."""

import numpy as np

APART, USUAL, LARGEST = 1.5, 0.3, 0.7  # radii between patterns; expected and largest size of a term
REACH, BINS = 14, 16  # radii; bins a side of a patch
STEADY, HOLD = 3, (1e-6, 1e2)  # weight of logarithms against their slopes, and its limits
DIM, LIT, MOST = 1e-3, 1e-4, 0.5  # of the brightest bin; largest logarithm
COVERED, BIN_RADII = 0.9, 0.7  # share of the light on patches; largest bin, in radii
COMPARED = 32  # patterns that decide whether the trend helps


class Beam:
    """The light of a probe (N, N): its radius, and the distance of each pixel from its centre, in radii."""

    def __init__(self, probe):
        n = len(probe)
        self.probe, self.n = probe.astype(complex), n
        light = abs(self.probe) ** 2
        self.light = light / light.sum()
        y, x = np.mgrid[:n, :n]
        row, col = (self.light * y).sum(), (self.light * x).sum()
        self.radius = np.sqrt((self.light * ((y - row) ** 2 + (x - col) ** 2)).sum() / 2)
        self.u, self.v = (y - row) / self.radius, (x - col) / self.radius

    def moved(self, dy, dx):
        """The probe, moved by a part of a pixel; the Nyquist frequency turns like the others."""
        k = np.fft.fftfreq(self.n)
        return np.fft.ifft2(np.fft.fft2(self.probe) * np.exp(-2j * np.pi * (k[:, None] * dy + k * dx)))


def whole(v):
    """The nearest integer pixel; halves round up."""
    return np.floor(np.asarray(v) + 0.5).astype(int)


def far(wave):
    """The far field, zero frequency at [N/2, N/2]."""
    return np.fft.fftshift(np.fft.fft2(wave)) / len(wave)


def chosen(x, y, ids, side):
    """The places in the scan of the patterns that show the trend, by their ids: the lowest of each square."""
    lowest = {}
    for place in np.argsort(ids):
        lowest.setdefault((np.floor(y[place] / side), np.floor(x[place] / side)), place)
    return sorted(lowest.values(), key=lambda place: ids[place])


def fit(beam, exit_wave, pattern):
    """Terms of phase (u, v, u^2, u v, v^2) and logarithm (1, u, v) that explain a pattern; None: it tells nothing."""
    u, v = beam.u, beam.v
    model = far(exit_wave)
    size = abs(model)
    turn = np.divide(model.conj(), size, out=np.zeros_like(model), where=size > 0)
    slopes = np.array([(turn * far(1j * t * exit_wave)).real.ravel() for t in (u, v, u * u, u * v, v * v)]
                      + [(turn * far(t * exit_wave)).real.ravel() for t in (np.ones_like(u), u, v)])
    rest = (pattern - size).ravel()
    terms = np.linalg.solve(slopes @ slopes.T + np.mean(rest**2) / USUAL**2 * np.eye(8), slopes @ rest)
    return terms if np.all(abs(terms) <= LARGEST) else None


def integrate(weights, level, rows, columns, hold):
    """The field whose differences between neighbours are the slopes, and which is held at a level."""
    height, width = weights.shape
    at = np.arange(height * width).reshape(height, width)
    matrix = np.diag(hold * weights.ravel())
    right = hold * weights.ravel() * level.ravel()
    for slopes, one, other in ((rows, at[:-1], at[1:]), (columns, at[:, :-1], at[:, 1:])):
        i, j = one.ravel(), other.ravel()
        w = (weights.ravel()[i] + weights.ravel()[j]) / 2
        flow = w * (slopes.ravel()[i] + slopes.ravel()[j]) / 2
        for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            np.add.at(matrix, (a, b), sign * w)
        np.add.at(right, i, -flow)
        np.add.at(right, j, flow)
    return np.linalg.solve(matrix, right).reshape(height, width)


def factor(beam, shape, corners, terms):
    """The factor of an object, from the terms at some places."""
    size = max(1, min(beam.n // BINS, int(BIN_RADII * beam.radius)))
    bins = -(-shape[0] // size), -(-shape[1] // size)
    u, v, light = beam.u, beam.v, beam.light
    means, squares = np.zeros((6, *bins)), np.zeros(2)  # light; slopes of the phase; logarithm and its slopes
    for (top, left), (a, b, aa, ab, bb, c, d, e) in zip(corners, terms):
        at = (top + np.arange(beam.n))[:, None] // size, (left + np.arange(beam.n)) // size
        log, one = c + d * u + e * v, np.ones_like(u)
        fields = np.array([one, a + 2 * aa * u + ab * v, b + ab * u + 2 * bb * v, log, d * one, e * one])
        fields[[1, 2, 4, 5]] *= size / beam.radius
        for total, field in zip(means, fields):
            np.add.at(total, at, light * field)
        squares += (light * (fields[4] ** 2 + fields[5] ** 2)).sum(), (light * log**2).sum()
    found = means[0].copy()
    means[1:] /= found + DIM * found.max()
    slopes = (squares[0] - (found * (means[4] ** 2 + means[5] ** 2)).sum()) / 2 / found.sum()
    levels = (squares[1] - (found * means[3] ** 2).sum()) / found.sum()
    weights = found / found.max() + LIT
    phase = integrate(weights, np.zeros(bins), means[1], means[2], (size / beam.radius / REACH) ** 2)
    log = means[3]
    if slopes > 0 and levels > 0:
        log = integrate(weights, means[3], means[4], means[5], np.clip(STEADY * slopes / levels, *HOLD))
    log, phase = (between(field, shape, size) for field in (log, phase))
    return np.exp(np.clip(log, -MOST, MOST) + 1j * phase)


def between(field, shape, size):
    """The values of pixels, between those of the middles of bins."""
    for axis, pixels in enumerate(shape):
        place = np.clip((np.arange(pixels) + 0.5) / size - 0.5, 0, field.shape[axis] - 1)
        first = place.astype(int)
        part = (place - first).reshape(-1, *[1] * (1 - axis))
        field = (1 - part) * field.take(first, axis) + part * field.take(
            np.minimum(first + 1, field.shape[axis] - 1), axis)
    return field


def with_trend(found, coverage, probe, patterns, x, y, ids, corner):
    """The object times its trend. Its first pixel is corner = (row, column) of the scan's frame."""
    beam = Beam(probe)
    n, corners, terms, fitted = beam.n, [], [], []
    for place in chosen(x, y, ids, max(1, whole(8 * APART * beam.radius) / 8)):
        top, left = whole(y[place]) - n // 2 - corner[0], whole(x[place]) - n // 2 - corner[1]
        here = slice(top, top + n), slice(left, left + n)
        if beam.light[coverage[here] > 0].sum() < COVERED:
            continue
        probe_here = beam.moved(y[place] - whole(y[place]), x[place] - whole(x[place]))
        of_pattern = fit(beam, probe_here * found[here], patterns[place])
        if of_pattern is not None:
            fitted.append((place, here, probe_here))
            corners.append((top, left))
            terms.append(of_pattern)
    if len(terms) < 2:
        return found
    better = found * factor(beam, found.shape, corners, terms)
    count, helped = min(len(fitted), COMPARED), 0
    for i in range(count):
        place, here, probe_here = fitted[i * len(fitted) // count]
        before, after = (((abs(far(probe_here * one[here])) - patterns[place]) ** 2).sum() for one in (found, better))
        helped += after < before
    return better if 2 * helped > count else found
