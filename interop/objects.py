"""Compares files of reconstructions that ptyx has written."""

import io

import numpy as np


def arrays(file):
    """The bytes of each array of a reconstruction, but for sigma, which needs the complete object.

    Parameters
    ----------
    file : path or bytes
        A reconstruction.npz or its content.
    """
    with np.load(io.BytesIO(file) if isinstance(file, bytes) else file) as z:
        return {key: z[key].tobytes() for key in z.files if key != "sigma"}
