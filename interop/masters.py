"""Masters of DECTRIS detectors: ptyx reads what h5py and hdf5plugin write, with each filter."""

import h5py
import hdf5plugin
import numpy as np

from exchange import DETECTOR_PIXEL, DISTANCE, ENERGY_EV, N, PIXEL
from files import SCAN

FILTERS = {"bitshuffle": hdf5plugin.Bitshuffle(), "bitshuffle-zstd": hdf5plugin.Bitshuffle(cname="zstd"),
           "lz4": hdf5plugin.LZ4(), "zstd": hdf5plugin.Zstd(), "bzip2": hdf5plugin.BZip2()}
IMAGES_PER_FILE = 40
NAMES = [*FILTERS, "virtual", "lost"]  # of masters
LOST = 1  # the data file that "lost" lacks


def counts_of(files):
    with np.load(files / SCAN) as scan:
        return np.rint(scan["diff3d"].astype(float) ** 2).astype(np.uint32)


def parts_of(counts):
    return np.split(np.arange(len(counts)), range(IMAGES_PER_FILE, len(counts), IMAGES_PER_FILE))


def write(files, name, counts, options, virtual=False, lost=None):
    """A master that links to its data files, or has a virtual dataset of them."""
    layout = h5py.VirtualLayout(counts.shape, "u4")
    with h5py.File(files / f"{name}_master.h5", "w") as f:
        for number, part in enumerate(parts_of(counts)):
            data = f"{name}_data_{number + 1:06d}.h5"
            if number != lost:
                with h5py.File(files / data, "w") as d:
                    d.create_dataset("entry/data/data", data=counts[part], chunks=(1, N, N), **options)
            if virtual:
                layout[part[0] : part[-1] + 1] = h5py.VirtualSource(data, "entry/data/data", (len(part), N, N))
            else:
                f[f"entry/data/data_{number + 1:06d}"] = h5py.ExternalLink(data, "/entry/data/data")
        if virtual:
            f.create_virtual_dataset("entry/data/data", layout)
        detector = f.create_group("entry/instrument/detector")
        detector["distance"] = DISTANCE
        detector["x_pixel_size"] = detector["y_pixel_size"] = DETECTOR_PIXEL
        detector["detectorSpecific/photon_energy"] = ENERGY_EV
        detector["detectorSpecific/pixel_mask"] = np.zeros((N, N), "u4")


def make(ptyx):
    counts = counts_of(ptyx.files)
    with np.load(ptyx.files / SCAN) as scan:
        stage = 1e6 * PIXEL * np.stack([scan["xcoords"], scan["ycoords"]], 1)
    np.savetxt(ptyx.files / "stage.csv", stage, "%.9f", ",", header="x_um,y_um", comments="")
    for name, options in FILTERS.items():
        write(ptyx.files, name, counts, options)
    write(ptyx.files, "virtual", counts, FILTERS["bitshuffle"], virtual=True)
    write(ptyx.files, "lost", counts, FILTERS["bitshuffle"], lost=LOST)
    for name in NAMES:
        ptyx("convert", f"{name}_master.h5", f"of-{name}.npz", "--to", "pinn", "--positions-file", "stage.csv",
             "--probe-file", SCAN)


def check(report, files):
    counts = counts_of(files)
    with np.load(files / SCAN) as scan:
        scan = dict(scan)
    left = np.concatenate([part for number, part in enumerate(parts_of(counts)) if number != LOST])
    for name in NAMES:
        kept = left if name == "lost" else slice(None)
        with h5py.File(files / f"{name}_master.h5") as f, np.load(files / f"of-{name}.npz") as found:
            if name == "virtual":
                report.same("virtual: h5py reads the counts", bool((f["entry/data/data"][()] == counts).all()), True)
            report.within(f"{name}: amplitudes", float(abs(found["diff3d"] - np.sqrt(counts[kept])).max()), 1e-5)
            for key in ("xcoords", "ycoords"):
                report.within(f"{name}: {key}", float(abs(np.diff(found[key]) - np.diff(scan[key][kept])).max()), 1e-6,
                              " pixels")
