"""Files of other programs: ptyx reads those of h5py; h5py, ptychodus' readers and tifffile read those of ptyx."""

import h5py
import numpy as np
from ptychodus.plugins.cxi_file import CXIDiffractionFileReader
from ptychodus.plugins.h5_diffraction_file import H5DiffractionFileReader
from ptychodus.plugins.h5_product_file import H5ProductFileIO
from ptychodus.plugins.npz_product_file import NPZProductFileIO
from tifffile import TiffFile

from files import SCAN

PIXEL = 12.5e-9
ENERGY_EV = 8000.0
DETECTOR_PIXEL = 75e-6
N = 64
WAVELENGTH = 6.62607015e-34 * 299792458 / (ENERGY_EV * 1.602176634e-19)
DISTANCE = PIXEL * N * DETECTOR_PIXEL / WAVELENGTH
METRES = ("--energy-ev", str(ENERGY_EV), "--distance-m", repr(DISTANCE), "--detector-pixel-um", "75")


def make(ptyx):
    """Writes a CXI file with h5py, and everything else with ptyx."""
    with np.load(ptyx.files / SCAN) as scan:
        counts = np.rint(scan["diff3d"].astype(float) ** 2).astype(np.uint32)
        translation = np.zeros((len(counts), 3))
        translation[:, 0] = -scan["xcoords"] * PIXEL  # positions of the sample
        translation[:, 1] = -scan["ycoords"] * PIXEL
        probe = scan["probeGuess"]
    with h5py.File(ptyx.files / "h5py.cxi", "w") as f:
        f["cxi_version"] = 160
        detector = f.create_group("entry_1/instrument_1/detector_1")
        detector.create_dataset("data", data=counts, chunks=(1, N, N), compression="lzf", shuffle=True)
        detector["distance"] = DISTANCE
        detector["x_pixel_size"] = detector["y_pixel_size"] = DETECTOR_PIXEL
        f["entry_1/instrument_1/source_1/energy"] = ENERGY_EV * 1.602176634e-19
        f["entry_1/instrument_1/source_1/illumination"] = probe
        f["entry_1/sample_1/geometry_1/translation"] = translation
        f["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        f["entry_1/data_1/translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")
    ptyx("convert", "h5py.cxi", "of-h5py.npz")
    for out, to in (("product.h5", "product"), ("product.npz", "product"), ("patterns.h5", "patterns"),
                    ("ptyx.cxi", "cxi"), ("object.tif", "tiff")):
        ptyx("convert", SCAN, out, "--to", to, *METRES)


def check(report, files):
    with np.load(files / SCAN) as z:
        scan = dict(z)
    counts = np.rint(scan["diff3d"].astype(float) ** 2)
    of_h5py(report, files, scan)
    for name, reader in (("product.h5", H5ProductFileIO()), ("product.npz", NPZProductFileIO())):
        product(report, name, reader.read(files / name), scan)
    for name, reader in (("patterns.h5", H5DiffractionFileReader("/dp")), ("ptyx.cxi", CXIDiffractionFileReader())):
        patterns = np.concatenate([array.get_patterns() for array in reader.read(files / name)])
        report.within(f"{name}: counts in ptychodus", float(abs(patterns - counts).max()), 0)
    with h5py.File(files / "ptyx.cxi") as f:
        translation = f["entry_1/data_1/translation"][()]
        report.within("ptyx.cxi: translations are the sample's",
                      float(abs(np.diff(translation[:, 0]) + np.diff(scan["xcoords"]) * PIXEL).max() / PIXEL), 1e-9,
                      " pixels")
        report.within("ptyx.cxi: joules",
                      abs(f["entry_1/instrument_1/source_1/energy"][()] / (ENERGY_EV * 1.602176634e-19) - 1), 1e-12)
    with TiffFile(files / "object.tif") as t:
        report.same("object.tif: pages", [page.description for page in t.pages],
                    ["object amplitude", "object phase (rad)"])
        found = t.pages[0].asarray() * np.exp(1j * t.pages[1].asarray())
        # Amplitude and phase are each rounded to float32.
        report.within("object.tif: the object", float(abs(found - scan["objectGuess"]).max()), 1e-6)


def of_h5py(report, files, scan):
    with np.load(files / "of-h5py.npz") as back:
        report.within("h5py.cxi: amplitudes", float(abs(back["diff3d"] - scan["diff3d"]).max()), 1e-3)
        for key in ("xcoords", "ycoords"):
            # Only differences are known, because the file does not contain the place of the object.
            report.within(f"h5py.cxi: {key}", float(abs(np.diff(back[key]) - np.diff(scan[key])).max()), 1e-9,
                          " pixels")
        report.within("h5py.cxi: object's pixel", float(abs(back["object_pixel_width_m"] / PIXEL - 1)), 1e-12)


def product(report, name, found, scan):
    """The pixel of each position, by ptychodus' geometry of the object."""
    geometry = found.object_.get_geometry()
    positions = getattr(found, "probe_positions", None) or found.positions
    height, width = scan["objectGuess"].shape
    for axis, size, centre, pixel, want in (
        ("x", width, geometry.center_x_m, geometry.pixel_width_m, scan["xcoords"]),
        ("y", height, geometry.center_y_m, geometry.pixel_height_m, scan["ycoords"]),
    ):
        metres = np.array([getattr(p, f"{axis}_m", None) if hasattr(p, f"{axis}_m")
                           else getattr(p, f"position_{axis}_m") for p in positions])
        report.within(f"{name}: {axis} in ptychodus' object",
                      float(abs((metres - centre) / pixel + size / 2 - want).max()), 1e-9, " pixels")
    report.line([p.index for p in positions] == list(range(len(scan["xcoords"]))), f"{name}: indexes",
                f"{len(positions)}, from {positions[0].index} on")
    report.within(f"{name}: object", float(abs(found.object_.get_array()[0] - scan["objectGuess"]).max()), 0)
    report.within(f"{name}: probe", float(abs(found.probes.get_array()[0, 0] - scan["probeGuess"]).max()), 0)
    report.within(f"{name}: energy", abs(found.metadata.photon_energy_eV - ENERGY_EV), 0, " eV")
