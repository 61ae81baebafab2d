"""Writes files as the programs of beamlines and microscopes do, with h5py, hdf5storage, NumPy and tifffile.

No package with a writer of these formats exists, or none that installs with pip."""

import gzip

import h5py
import hdf5storage
import numpy as np
import tifffile

import scene

OBJ, PROBE, CENTRES = scene.make()
FRAMES = scene.counts(OBJ, PROBE, CENTRES)
METRES = scene.metres(CENTRES)
OBJ_RASTER, _, CENTRES_RASTER = scene.make(False)
FRAMES_RASTER = scene.counts(OBJ_RASTER, PROBE, CENTRES_RASTER)
RASTER = (scene.ROWS, scene.COLUMNS, scene.N, scene.N)
PACKED = dict(compression="gzip", shuffle=True)


def fold_slice():
    """As Python writes the pair: patterns (M, H, W), positions of the beam with one axis."""
    with h5py.File("fold_slice_dp.hdf5", "w") as f:
        f.create_dataset("dp", data=FRAMES.astype(np.uint16), chunks=(1, 32, 32), **PACKED)
    with h5py.File("fold_slice_para.hdf5", "w") as f:
        f["ppX"], f["ppY"] = METRES[:, 1], METRES[:, 0]
        f["lambda"], f["dx"] = scene.WAVELENGTH_M, scene.PIXEL_M


def fold_slice_matlab():
    """As MATLAB writes the pair: every axis in reverse order, lists with two axes, positions of the sample."""
    with h5py.File("fold_slice_matlab_dp.hdf5", "w") as f:
        f.create_dataset("dp", data=FRAMES.transpose(0, 2, 1).astype("f4"), chunks=(1, 32, 32), **PACKED)
    with h5py.File("fold_slice_matlab_para.hdf5", "w") as f:
        f["ppX"], f["ppY"] = -METRES[None, :, 1], -METRES[None, :, 0]
        f["lambda"], f["dx"] = [[scene.WAVELENGTH_M]], [[scene.PIXEL_M]]


def matlab():
    """Arrays in MATLAB's order: patterns (H, W, M) and (H, W, A, B), and a result of PtychoShelves."""
    options = dict(format="7.3", matlab_compatible=True, compress=True, truncate_existing=True)
    hdf5storage.savemat("matlab.mat", {
        "dp": FRAMES.transpose(1, 2, 0).astype(np.uint16), "ppX": -METRES[:, 1:2], "ppY": -METRES[:, 0:1],
        "probe": PROBE.astype(np.complex64), "object": OBJ[: 20 + 32, : 28 + 32].astype(np.complex64),
        "p": {"lambda": scene.WAVELENGTH_M, "dx_spec": np.array([[scene.PIXEL_M, scene.PIXEL_M]])},
    }, **options)
    cbed = FRAMES_RASTER.reshape(RASTER).transpose(2, 3, 0, 1)  # (H, W, rows, columns)
    hdf5storage.savemat("matlab_raster.mat", {"cbed": cbed.astype(np.uint16)}, **options)


def slac():
    np.savez_compressed(
        "slac.npz", diffraction=np.sqrt(FRAMES).transpose(1, 2, 0).astype(np.float32), probeGuess=PROBE,
        objectGuess=OBJ, xcoords_start=METRES[:, 1], ycoords_start=METRES[:, 0], photon_energy_eV=scene.ENERGY_EV,
        detector_distance_m=scene.DISTANCE_M, detector_pixel_size_m=scene.DETECTOR_PIXEL_M)


def empad():
    """Patterns in the middle of 128 x 128 pixels, compressed with gzip because zeros are most of the file."""
    frames = np.zeros((len(FRAMES_RASTER), 130, 128), "<f4")
    middle = slice(64 - scene.N // 2, 64 + scene.N // 2)
    frames[:, middle, middle] = FRAMES_RASTER
    frames[:, 128:] = 1e9  # metadata
    frames[:, 0, 0] = np.nan
    with gzip.GzipFile("empad.raw.gz", "wb", mtime=0) as f:
        f.write(frames.tobytes())
    width, height = scene.COLUMNS * scene.STEP * scene.PIXEL_M, scene.ROWS * scene.STEP * scene.PIXEL_M
    with open("empad.xml", "w") as f:
        f.write(f"""<?xml version="1.0" encoding="us-ascii"?>
<root>
  <raw_file filename="D:\\data\\empad.raw"/>
  <scan_parameters mode="search">
    <scan_resolution_x>64</scan_resolution_x><scan_resolution_y>64</scan_resolution_y>
  </scan_parameters>
  <scan_parameters mode="acquire">
    <scan_resolution_x>{scene.COLUMNS}</scan_resolution_x><scan_resolution_y>{scene.ROWS}</scan_resolution_y>
  </scan_parameters>
  <iom_measurements><optics>
    <get_full_scan_field_of_view>({width!r}, {height!r})</get_full_scan_field_of_view>
  </optics></iom_measurements>
</root>
""")


def tiff():
    tifffile.imwrite("stack.tif", FRAMES_RASTER.astype(np.uint16), compression="zlib", predictor=True,
                     photometric="minisblack")


if __name__ == "__main__":
    fold_slice()
    fold_slice_matlab()
    matlab()
    slac()
    empad()
    tiff()
