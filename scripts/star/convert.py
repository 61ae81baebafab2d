"""Converts the measured Siemens star of tike's tests into a scan in PtychoPINN's layout.

The command line names the archive and the file to write. The file in the archive holds counts `data` (1, M, 2N, 2N)
with zero frequency at [0, 0], positions `scan` (1, M, 2) as row and column in pixels of the object, and `probe` (1,
1, 1, 1, 2N, 2N). The scan keeps the central half of the detector, with 96% of the light. So a pixel of the object is
twice as large.
"""

import bz2
import io
import sys
import tarfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEASURED = "/tests/data/siemens-star-small.npz.bz2"


def load(path: str) -> Mapping[str, NDArray[Any]]:
    """Return the arrays of the measured star, a mapping, from the archive."""
    arrays: Mapping[str, NDArray[Any]] = np.load(io.BytesIO(unpacked(path, MEASURED)), allow_pickle=False)
    return arrays


def unpacked(path: str, end: str) -> bytes:
    """Return the content of the bz2 file of an archive whose name has an end."""
    with tarfile.open(path) as archive:
        name = next(name for name in archive.getnames() if name.endswith(end))
        file = archive.extractfile(name)
        return bz2.decompress(file.read() if file else b"")


def convert(measured: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the scan.

    Parameters
    ----------
    measured : mapping of arrays
        `data`, `scan` and `probe`.

    Returns
    -------
    dict of arrays
        diff3d (M, N, N), xcoords and ycoords (M,), probeGuess (N, N).
    """
    patterns = half(np.fft.fftshift(measured["data"][0], axes=(1, 2)))
    rows, cols = measured["scan"][0].T.astype(float) / 2
    far_field = half(np.fft.fftshift(np.fft.fft2(measured["probe"][0, 0, 0, 0])))
    probe = np.fft.ifft2(np.fft.ifftshift(far_field)) / 2  # a quarter of the pixels keeps the power
    edge = patterns.shape[-1] // 2  # the first patch begins at pixel 0
    return {
        "diff3d": np.sqrt(patterns),
        "xcoords": cols - cols.min() + edge,
        "ycoords": rows - rows.min() + edge,
        "probeGuess": probe.astype(np.complex64),
    }


def half(images: NDArray[Any]) -> NDArray[Any]:
    """Return the central half of images (..., H, W) along both axes."""
    h, w = images.shape[-2:]
    return images[..., h // 4 : h - h // 4, w // 4 : w - w // 4]


if __name__ == "__main__":
    np.savez(sys.argv[2], **convert(load(sys.argv[1])))
