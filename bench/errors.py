"""How well the sigma of a reconstruction describes its errors, where the truth is known."""

import numpy as np


def share_within(recon, truth):
    """The share of errors within one sigma, the error (RMS of a part) and what sigma says of it.

    Real and imaginary parts count apart, over the central half of the scanned area as in ptyx eval. Phase, ramp and
    scale of the object are removed first, because no pattern knows them."""
    found = np.load(recon)
    sigma, (top, left) = found["sigma"], found["origin"]
    rows, columns = central(found["ycoords"]), central(found["xcoords"])
    here = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    true = np.load(truth)["objectGuess"][rows, columns]
    aligned, scale = align(found["object"][here], true)
    errors = parts(aligned - true)
    expected = np.tile(scale * sigma[here], (2, 1, 1))
    return {"within": float(np.mean(abs(errors) < expected)), "error": float(np.sqrt(np.mean(errors**2))),
            "sigma": float(np.sqrt(np.mean(expected**2)))}


def parts(values):
    return np.stack([values.real, values.imag])


def central(positions):
    """The central half of the range of positions, in whole pixels."""
    low, high = positions.min(), positions.max()
    return slice(int(low + (high - low) / 4), int(high - (high - low) / 4))


def align(found, true):
    """The object with the phase, the ramp and the scale that bring it closest to the truth; and that scale."""
    y, x = (axis - axis.mean() for axis in np.mgrid[: found.shape[0], : found.shape[1]])
    product = found * true.conj()
    steps = [np.angle(np.sum(product[1:] * product[:-1].conj())),
             np.angle(np.sum(product[:, 1:] * product[:, :-1].conj()))]
    found = found * np.exp(-1j * (steps[0] * y + steps[1] * x))
    for _ in range(5):
        found = found * np.exp(-1j * np.angle(np.vdot(true, found)))
        weight = abs(true) ** 2
        terms = np.stack([weight, weight * y, weight * x], -1).reshape(-1, 3)
        phase, *ramp = np.linalg.lstsq(terms, (found * true.conj()).imag.ravel(), rcond=None)[0]
        found = found * np.exp(-1j * (phase + ramp[0] * y + ramp[1] * x))
    scale = np.vdot(found, true).real / np.vdot(found, found).real
    return scale * found, scale
