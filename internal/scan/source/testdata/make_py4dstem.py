"""Writes py4dstem.h5 with py4DSTEM (PyPI py4dstem 0.14.18): a raster of patterns with calibrations."""

import numpy as np
import py4DSTEM

import scene

obj, probe, centres = scene.make(False)
frames = scene.counts(obj, probe, centres).astype(np.uint16)
cube = py4DSTEM.DataCube(frames.reshape(scene.ROWS, scene.COLUMNS, scene.N, scene.N))
ANGSTROM = 1e-10
cube.calibration.set_R_pixel_size(scene.STEP * scene.PIXEL_M / ANGSTROM)
cube.calibration.set_R_pixel_units("A")
cube.calibration.set_Q_pixel_size(ANGSTROM / (scene.N * scene.PIXEL_M))
cube.calibration.set_Q_pixel_units("A^-1")
py4DSTEM.save("py4dstem.h5", cube, mode="o")
