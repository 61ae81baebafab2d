"""Writes the scan of docs/first-scan.md as a beamline would: python make.py PTYX

ptyx simulates the patterns. h5py and hdf5plugin write the master of an Eiger detector with two data files, packed by
bitshuffle and LZ4. The stage, which moves the sample against the beam, is in a CSV in micrometres. Run it where
`make lib` has put the libraries, or set PTYX_HDF5 and PTYX_ONNXRUNTIME. The truth is not kept: the test simulates it
again."""

import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np

SIMULATION = "--positions 100 --nphotons 50000 --probe zoneplate --scan fermat --object blobs --seed 5".split()
N, HEIGHT, WIDTH, ROW, COLUMN = 64, 80, 100, 9, 21  # of a pattern, of the detector, and where the patterns begin
ENERGY_EV, DISTANCE_M, PIXEL_M = 8000.0, 2.0, 75e-6
WAVELENGTH_M = 1.2398419843320026e-6 / ENERGY_EV
OBJECT_PIXEL_M = WAVELENGTH_M * DISTANCE_M / (N * PIXEL_M)
MASKED = 2**16 - 1

subprocess.run([sys.argv[1], "simulate", "--out", "truth.npz", *SIMULATION], check=True)
with np.load("truth.npz") as truth:
    counts = np.rint(truth["diff3d"].astype(float) ** 2).astype("u2")
    stage = -1e6 * OBJECT_PIXEL_M * np.stack([truth["xcoords"], truth["ycoords"]], 1)
subprocess.run(["rm", "truth.npz"], check=True)

images = np.zeros((len(counts), HEIGHT, WIDTH), "u2")
images[:, ROW : ROW + N, COLUMN : COLUMN + N] = counts
mask = np.zeros((HEIGHT, WIDTH), "u4")
mask[:, 10:14] = 1  # the gap between two modules
mask[30, 40] = 2  # a dead pixel
images[:, mask > 0] = MASKED

for number, part in enumerate(np.array_split(images, 2)):
    with h5py.File(f"scan_data_{number + 1:06d}.h5", "w") as f:
        f.create_dataset("entry/data/data", data=part, chunks=(1, HEIGHT, WIDTH), **hdf5plugin.Bitshuffle())
with h5py.File("scan_master.h5", "w") as f:
    for number in range(2):
        f[f"entry/data/data_{number + 1:06d}"] = h5py.ExternalLink(f"scan_data_{number + 1:06d}.h5", "/entry/data/data")
    detector = f.create_group("entry/instrument/detector")
    for name, value, unit in (("detector_distance", DISTANCE_M, "m"), ("x_pixel_size", PIXEL_M, "m"),
                              ("y_pixel_size", PIXEL_M, "m"), ("beam_center_x", COLUMN + N / 2, "pixel"),
                              ("beam_center_y", ROW + N / 2, "pixel"), ("bit_depth_image", 16, None),
                              ("detectorSpecific/photon_energy", ENERGY_EV, "eV"),
                              ("detectorSpecific/nimages", len(images), None), ("detectorSpecific/ntrigger", 1, None)):
        detector[name] = value
        if unit:
            detector[name].attrs["units"] = unit
    detector.create_dataset("detectorSpecific/pixel_mask", data=mask, compression="gzip")
np.savetxt("stage.csv", stage, "%.4f", ",", header="samx_um,samy_um", comments="")
