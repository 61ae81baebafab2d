"""Writes ptylab.hdf5 as PtyLab does (PyPI ptylab 0.3.7), with patterns of PtyLab's propagator, and reads it with it.

The patterns are stored turned, with the orientation that undoes it."""

import h5py
import numpy as np
from PtyLab.ExperimentalData.ExperimentalData import ExperimentalData
from PtyLab.utils.utils import fft2c

import scene

ORIENTATION = 6  # PtyLab transposes the patterns, then reverses their rows

obj, probe, centres = scene.make()
frames = scene.counts(obj, probe, centres, fft2c)
stored = np.flip(frames, -2).transpose(0, 2, 1)
with h5py.File("ptylab.hdf5", "w") as f:
    f.create_dataset("ptychogram", data=stored, dtype="f", compression="gzip", shuffle=True, chunks=(8, 32, 32))
    f.create_dataset("encoder", data=scene.metres(centres), dtype="f")
    f.create_dataset("binningFactor", data=1, dtype="i")
    f.create_dataset("dxd", data=(scene.DETECTOR_PIXEL_M,), dtype="f")
    f.create_dataset("zo", data=(scene.DISTANCE_M,), dtype="f")
    f.create_dataset("wavelength", data=(scene.WAVELENGTH_M,), dtype="f")
    f.create_dataset("entrancePupilDiameter", data=(12 * scene.PIXEL_M,), dtype="f")
    f.create_dataset("orientation", data=ORIENTATION)

read = ExperimentalData("ptylab.hdf5")
assert np.array_equal(read.ptychogram, frames)
assert np.allclose(read.encoder, scene.metres(centres))
