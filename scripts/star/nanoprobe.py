"""Makes a scan of the measured nanoprobe data in the source archive of the solver tike (scripts/star/nanoprobe.sh).

The archive has counts with the zero frequency at the corner, two sets of centres as row and column, and modes of the
probe that differ by 0.1%. The first set has the errors that the second one corrects.

    PYTHONPATH=scripts python -m star.nanoprobe tike-0.26.0.tar.gz nanoprobe.npz corrected.csv
"""

import io
import pickle
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from star.convert import unpacked

MEASURED = "/tests/data/position-error-247.pickle.bz2"


class ArraysOnly(pickle.Unpickler):
    """Reads arrays of numpy. Anything else in a file is an error, not run."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class or function of numpy by its name."""
        if (module, name) not in {
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        }:
            raise pickle.UnpicklingError(f"{module}.{name} in a file of arrays")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load(path: str) -> Sequence[NDArray[Any]]:
    """Return patterns (M, N, N), both sets of positions (M, 2) and the probe from the archive."""
    arrays: Sequence[NDArray[Any]] = ArraysOnly(io.BytesIO(unpacked(path, MEASURED))).load()
    return arrays


def convert(measured: Sequence[NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Return the arrays of the scan, and the corrected positions.

    Parameters
    ----------
    measured : sequence of arrays
        Of `load`.

    Returns
    -------
    scan : dict of arrays
        diff3d (M, N, N), xcoords and ycoords (M,), probeGuess (N, N).
    corrected : array
        x and y, (M, 2).
    """
    counts, given, corrected, probe = measured
    corner = given.min(axis=0)  # of the first patch
    edge = counts.shape[-1] // 2
    x, y = (given - corner + edge).T[::-1]
    scan = {
        "diff3d": np.sqrt(np.fft.fftshift(counts, axes=(1, 2)).astype(np.float32)),
        "xcoords": x,
        "ycoords": y,
        "probeGuess": probe[0, 0, 0].astype(np.complex64),
    }
    return scan, (corrected - corner + edge)[:, ::-1]


if __name__ == "__main__":
    converted, right = convert(load(sys.argv[1]))
    np.savez(sys.argv[2], **converted)
    np.savetxt(sys.argv[3], right, fmt="%.3f", delimiter=",", header="x,y", comments="")
