"""The simulated scan of which the make_*.py of this folder write a file in the format of each program.

python scene.py writes truth.npz: the object and the probe in PtychoPINN's layout, without the patterns. The object's
frame is that of ptyx: the first patch begins at pixel 0 along each axis."""

import numpy as np

N = 32  # side of a pattern
ROWS, COLUMNS = 6, 8  # of the raster, before each position moves by up to a pixel
STEP = 4  # pixels of the object
PHOTONS = 3e4  # in a pattern, about
ENERGY_EV = 6200.0
DISTANCE_M = 0.5
DETECTOR_PIXEL_M = 172e-6
PLANCK_C_EV_M = 1.2398419843320026e-6
WAVELENGTH_M = PLANCK_C_EV_M / ENERGY_EV
PIXEL_M = WAVELENGTH_M * DISTANCE_M / (N * DETECTOR_PIXEL_M)  # of the object


def smooth(rng, shape, width):
    """Noise without structure finer than width pixels, standard deviation 1."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij"))
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * np.exp(-((f * width) ** 2) * 4)).real
    return image / image.std()


def make(jitter=True):
    """The object (H, W), the probe (N, N) and the positions of patch centres, row and column (M, 2), whole pixels."""
    rng = np.random.default_rng(7)
    shape = ((ROWS - 1) * STEP + N + 4, (COLUMNS - 1) * STEP + N + 4)
    obj = np.exp(0.12 * smooth(rng, shape, 4) + 0.5j * smooth(rng, shape, 4))
    r, c = np.indices((N, N)) - N / 2
    phase = 0.02 * (r**2 + c**2) + 0.12 * r - 0.002 * c**3
    probe = np.exp(-(((r / 5.0) ** 2 + (c / 6.0) ** 2) ** 2) + 1j * phase)
    probe *= np.sqrt(PHOTONS / (np.abs(probe) ** 2).sum())
    grid = np.stack(np.meshgrid(np.arange(ROWS) * STEP, np.arange(COLUMNS) * STEP, indexing="ij"), -1).reshape(-1, 2)
    if jitter:
        grid = grid + rng.integers(-1, 2, grid.shape)
    return obj, probe, grid - grid.min(0) + N // 2


def patches(obj, centres):
    return [obj[r - N // 2 : r + N // 2, c - N // 2 : c + N // 2] for r, c in centres]


def far_field(wave):
    """The far field of an exit wave, with unit power and zero frequency at [N/2, N/2]."""
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave))) / N


def counts(obj, probe, centres, propagate=far_field):
    """Photon counts (M, N, N)."""
    rng = np.random.default_rng(8)
    return np.array([rng.poisson(np.abs(propagate(probe * patch)) ** 2) for patch in patches(obj, centres)])


def metres(centres):
    """Positions of the beam, row and column (M, 2), in metres from an arbitrary zero."""
    return centres * PIXEL_M - [3.1e-6, 1.7e-6]


def write_truth(path, jitter):
    obj, probe, centres = make(jitter)
    np.savez_compressed(path, objectGuess=obj.astype(np.complex64), probeGuess=probe.astype(np.complex64),
                        xcoords=centres[:, 1].astype(float), ycoords=centres[:, 0].astype(float))


if __name__ == "__main__":
    write_truth("truth.npz", True)
    write_truth("truth_raster.npz", False)
