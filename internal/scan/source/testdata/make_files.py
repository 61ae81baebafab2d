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


def unit(dataset, units):
    dataset.attrs["units"] = units


def nxcxi():
    """As Diamond writes NXcxi_ptycho: positions of the beam in micrometres, energy in keV, both by attributes."""
    with h5py.File("nxcxi_ptycho.nxs", "w") as f:
        f["entry_1/definition"] = "NXptycho"
        f.create_dataset("entry_1/data/data", data=FRAMES.astype(np.uint16), chunks=(1, 32, 32), **PACKED)
        f["entry_1/data/x"], f["entry_1/data/y"] = METRES[:, 1] * 1e6, METRES[:, 0] * 1e6
        unit(f["entry_1/data/x"], "um")
        unit(f["entry_1/data/y"], "um")
        instrument = f.create_group("entry_1/instrument_1")
        instrument["beam_1/energy"] = scene.ENERGY_EV / 1e3
        unit(instrument["beam_1/energy"], "keV")
        instrument["source_1/energy"] = 3.0  # of the ring, in GeV
        instrument["detector_1/distance"] = scene.DISTANCE_M
        instrument["detector_1/x_pixel_size"] = instrument["detector_1/y_pixel_size"] = scene.DETECTOR_PIXEL_M


def nanomax():
    """Positions of the sample in micrometres without a unit, saturated gaps, energy in eV as a list."""
    frames = FRAMES.astype(np.uint32)
    frames[:, 2, 3] = 2**32 - 1
    with h5py.File("nanomax.h5", "w") as f:
        f.create_dataset("entry/measurement/pilatus/frames", data=frames, chunks=(1, 32, 32), **PACKED)
        f["entry/measurement/pseudo/x"], f["entry/measurement/pseudo/y"] = -METRES[:, 1] * 1e6, -METRES[:, 0] * 1e6
        f["entry/snapshot/energy"] = [scene.ENERGY_EV]


def csaxs():
    """Patterns and optics in units that nothing states, positions of the beam in a text file."""
    with h5py.File("csaxs.h5", "w") as f:
        f.create_dataset("entry/data/data", data=FRAMES.astype(np.uint16), chunks=(1, 32, 32), **PACKED)
        f["entry/instrument/monochromator/energy"] = scene.ENERGY_EV / 1e3
        f["entry/instrument/monochromator/distance"] = -scene.DISTANCE_M * 1e3
        for axis in "xy":
            f[f"entry/instrument/eiger_4/{axis}_pixel_size"] = scene.DETECTOR_PIXEL_M * 1e6
    with open("csaxs_positions.dat", "w") as f:
        f.write("#S 1 fermat scan\nDataPoint Target_x Average_x_st_fzp Target_y Average_y_st_fzp\n")
        for i, (y, x) in enumerate(METRES * 1e6):
            f.write(f"{i} 0 {x:.6f} 0 {y:.6f}\n")


def bliss():
    """Two scans, of which the second has patterns, linked from a file of LIMA, and motors in micrometres."""
    with h5py.File("bliss_lima.h5", "w") as f:
        f.create_dataset("entry_0000/measurement/data", data=FRAMES.astype(np.uint16), chunks=(1, 32, 32), **PACKED)
    with h5py.File("bliss.h5", "w") as f:
        f["1.1/measurement/nnp2"] = np.arange(5.0)
        f["2.1/title"] = "dmesh nnp2 0 1.5 7 nnp3 0 1 5 0.01"
        f["2.1/measurement/eiger"] = h5py.ExternalLink("bliss_lima.h5", "/entry_0000/measurement/data")
        for motor, axis in (("nnp2", 1), ("nnp3", 0)):
            f[f"2.1/measurement/{motor}"] = np.zeros(len(METRES))
            f[f"2.1/measurement/{motor}_position"] = -METRES[:, axis] * 1e6
            unit(f[f"2.1/measurement/{motor}_position"], "um")
        f["2.1/instrument/positioners/nrj"] = scene.ENERGY_EV / 1e3
        detector = f.create_group("2.1/instrument/eiger")
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = 500.0, 172.0, 172.0
        unit(detector["distance"], "mm")
        unit(detector["x_pixel_size"], "um")
        unit(detector["y_pixel_size"], "um")


def velociprobe():
    """Several lines of positions in nanometres for each frame, whose number is in column 7."""
    rng = np.random.default_rng(9)
    with open("velociprobe.txt", "w") as f:
        f.write("# counter\n")
        for frame, (y, x) in enumerate(np.round(METRES * 1e9).astype(int)):
            for dx, dy in ((-3, 2), (3, -2), (1, 1), (-1, -1)):
                other = rng.integers(0, 999, 4)
                f.write(f"{other[0]},{x + dx},{y + dy},{other[1]},{other[2]},{-y},{other[3]},{frame}\n")


def arina():
    """A master of DECTRIS without positions, and the file with the step of the raster in nanometres."""
    frames = FRAMES_RASTER.astype(np.uint16)
    with h5py.File("arina_data_000001.h5", "w") as f:
        f.create_dataset("entry/data/data", data=frames, chunks=(1, 32, 32), **PACKED)
    with h5py.File("arina_master.h5", "w") as f:
        f["entry/data/data_000001"] = h5py.ExternalLink("arina_data_000001.h5", "/entry/data/data")
        f["entry/instrument/detector/detectorSpecific/nimages"] = 1
        f["entry/instrument/detector/detectorSpecific/ntrigger"] = len(frames)
        f["entry/instrument/detector/detectorSpecific/photon_energy"] = 8000.0
    with h5py.File("arina.h5", "w") as f:
        step = scene.STEP * scene.PIXEL_M * 1e9
        f.create_group("STEM Metadata").attrs["Pixel Size"] = [step, step]


if __name__ == "__main__":
    arina()
    nxcxi()
    nanomax()
    csaxs()
    bliss()
    velociprobe()
    fold_slice()
    fold_slice_matlab()
    matlab()
    slac()
    empad()
    tiff()
