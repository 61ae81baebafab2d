"""Writes master files as the FileWriter 1 and 2 of DECTRIS detectors do, and positions in CSV files.

dectris_1_master.h5 links to three data files of 16 patterns, and to a fourth that was not needed. dectris_2_master.h5
has a virtual dataset of two channels over two data files of 24. The patterns of scene.py are rows 3 to 34 and columns 7
to 38 of the detector. Names follow the manuals (SIMPLON API 1.8, FileWriter). h5py and hdf5plugin write the files."""

import h5py
import hdf5plugin
import numpy as np

import scene

HEIGHT, WIDTH, ROW, COLUMN = 38, 44, 3, 7  # of the detector, and where the patterns begin
BAD, DEAD = (3, 5), (20, 25)  # masked pixels of the patterns: one is marked in the images, one counts nothing
SATURATED = [(7, 16, 13), (40, 18, 20)]  # pattern, row, column: only there
OBJ, PROBE, CENTRES = scene.make()
FRAMES = scene.counts(OBJ, PROBE, CENTRES)


def images(sentinel):
    """The detector's images: a gap beside the patterns, and pixels without a count."""
    all = np.zeros((len(FRAMES), HEIGHT, WIDTH), "u4")
    all[:, ROW : ROW + scene.N, COLUMN : COLUMN + scene.N] = FRAMES
    all[:, :, 2:4] = sentinel
    all[:, ROW + BAD[0], COLUMN + BAD[1]] = sentinel
    all[:, ROW + DEAD[0], COLUMN + DEAD[1]] = 0
    for pattern, row, column in SATURATED:
        all[pattern, ROW + row, COLUMN + column] = sentinel
    return all


def mask():
    bits = np.zeros((HEIGHT, WIDTH), "u4")
    bits[:, 2:4] = 1  # a gap
    bits[ROW + BAD[0], COLUMN + BAD[1]] = 16  # noisy
    bits[ROW + DEAD[0], COLUMN + DEAD[1]] = 2
    return bits


def put(group, name, value, units=None):
    dataset = group.create_dataset(name, data=value)
    if units:
        dataset.attrs["units"] = units


def detector(file):
    group = file.create_group("entry/instrument/detector")
    put(group, "x_pixel_size", scene.DETECTOR_PIXEL_M, "m")
    put(group, "y_pixel_size", scene.DETECTOR_PIXEL_M, "m")
    put(group, "beam_center_x", COLUMN + scene.N / 2, "pixel")
    put(group, "beam_center_y", ROW + scene.N / 2, "pixel")
    return group


def packed(group, name, data):
    return group.create_dataset(name, data=data, chunks=(1,) + data.shape[1:], **hdf5plugin.Bitshuffle())


def file_writer_1():
    """Images of 16 bits, as the detector often has them, in data of 32."""
    all = images(2**16 - 1)
    for number in range(3):
        with h5py.File(f"dectris_1_data_{number + 1:06d}.h5", "w") as f:
            data = packed(f, "entry/data/data", all[16 * number : 16 * number + 16])
            data.attrs["image_nr_low"], data.attrs["image_nr_high"] = 16 * number + 1, 16 * number + 16
    with h5py.File("dectris_1_master.h5", "w") as f:
        for number in range(4):
            f[f"entry/data/data_{number + 1:06d}"] = h5py.ExternalLink(f"dectris_1_data_{number + 1:06d}.h5",
                                                                       "/entry/data/data")
        group = detector(f)
        put(group, "detector_distance", scene.DISTANCE_M, "m")
        put(group, "bit_depth_image", np.uint32(16))
        specific = group.create_group("detectorSpecific")
        put(specific, "photon_energy", scene.ENERGY_EV, "eV")
        put(specific, "nimages", np.uint32(1))
        put(specific, "ntrigger", np.uint32(48))
        put(specific, "countrate_correction_count_cutoff", np.uint32(60000))
        specific.create_dataset("pixel_mask", data=mask(), compression="gzip")


def file_writer_2():
    all = images(2**32 - 1)
    both = np.stack([all, all // 3], 1)
    layout = h5py.VirtualLayout((48, 2, HEIGHT, WIDTH), "u4")
    for number in range(2):
        name = f"dectris_2_data_{number + 1:06d}.h5"
        with h5py.File(name, "w") as f:
            f.create_dataset("data", data=both[24 * number : 24 * number + 24], chunks=(1, 1, HEIGHT, WIDTH),
                             **hdf5plugin.Bitshuffle())
        layout[24 * number : 24 * number + 24] = h5py.VirtualSource(name, "data", (24, 2, HEIGHT, WIDTH))
    with h5py.File("dectris_2_master.h5", "w") as f:
        f.create_virtual_dataset("entry/data/data", layout)
        f["entry/data/channel"] = np.array(["threshold_1", "threshold_2"], h5py.string_dtype())
        group = detector(f)
        put(group, "distance", 1e3 * scene.DISTANCE_M, "mm")
        put(group, "saturation_value", np.uint32(10**6))
        beam = f.create_group("entry/instrument/beam")
        put(beam, "incident_wavelength", 1e10 * scene.WAVELENGTH_M, "angstrom")
        for channel in ("threshold_1", "threshold_2"):
            put(group, channel + "_channel/threshold_energy", 3000.0, "eV")
            group.create_dataset(channel + "_channel/pixel_mask", data=mask(), compression="gzip")


def positions():
    """Positions of the stage, which moves the sample against the beam, in micrometres."""
    micrometres = -1e6 * scene.metres(CENTRES)
    with open("dectris_positions.csv", "w") as f:
        f.write("point,sx_um,sy_um\n")
        for number, (y, x) in enumerate(micrometres):
            f.write(f"{number + 1},{x:.6f},{y:.6f}\n")
    np.savetxt("dectris_unnumbered.csv", micrometres[:, ::-1], "%.6f", ",", header="sx_um,sy_um", comments="")


if __name__ == "__main__":
    file_writer_1()
    file_writer_2()
    positions()
