"""ptyx watch follows files that h5py and NumPy write; the arrays end as the bytes of ptyx infer.

An HDF5 file stays open (single writer, multiple readers), another is opened and closed for each frame, and an NPZ file
is replaced by longer ones."""

import json
import os
import subprocess
import time
from contextlib import contextmanager

import h5py
import numpy as np

from files import CASES, SCAN
from objects import arrays
from pages import beside

KEYS = {"diff3d": "f4", "xcoords": "f8", "ycoords": "f8", "ids": "i8"}
STEP = 10  # frames written at a time
PAUSE = 0.2  # seconds between two writings


def empty(path, **options):
    """Creates a file with extendable datasets, gzip on the patterns."""
    f = h5py.File(path, "w", **options)
    for key, dtype in KEYS.items():
        shape = (64, 64) if key == "diff3d" else ()
        f.create_dataset(key, (0, *shape), dtype, maxshape=(None, *shape), chunks=(1, *shape) if shape else (32,),
                         compression="gzip" if shape else None)
    return f


def extend(f, scan, some):
    for key in KEYS:
        d = f[key]
        d.resize(len(d) + len(some), axis=0)
        d[-len(some):] = scan[key][some]
        d.flush()


def kept_open(path, scan, parts):
    with empty(path, libver="latest") as f:
        f.swmr_mode = True
        for some in parts:
            extend(f, scan, some)
            yield


def reopened(path, scan, parts):
    empty(path).close()
    for some in parts:
        with h5py.File(path, "r+") as f:  # fails if a reader locks the file
            extend(f, scan, some)
        yield


def replaced(path, scan, parts):
    for i in range(len(parts)):
        some = np.concatenate(parts[:i + 1])
        np.savez_compressed(path.with_name("next.npz"), **{key: scan[key][some] for key in KEYS})
        os.replace(path.with_name("next.npz"), path)
        yield


@contextmanager
def following(ptyx, files, path, out):
    with subprocess.Popen([ptyx.program, "watch", path, "--model-path", CASES[0].run, "--output-dir", out, "--frames",
                           "100", "--interval", "50ms", "--every", "50ms",
                           "--idle", "60s", "--device", "cpu", "--json", "--quiet"], cwd=files, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def check(report, files, ptyx):
    with np.load(files / SCAN, allow_pickle=False) as z:
        scan = {key: z[key] for key in KEYS if key != "ids"}
    scan["ids"] = np.arange(len(scan["xcoords"]))
    order = np.random.default_rng(5).permutation(len(scan["ids"]))
    parts = [order[i:i + STEP] for i in range(0, len(order), STEP)]
    place = beside(files).resolve()
    for name, writer, ending in (("HDF5 kept open by h5py", kept_open, "h5"),
                                 ("HDF5 opened by h5py for each part", reopened, "h5"),
                                 ("NPZ replaced", replaced, "npz")):
        path, out = place / f"growing.{ending}", place / "growing"
        path.unlink(missing_ok=True)
        with following(ptyx, files, path, out) as process:
            for _ in writer(path, scan, parts):
                time.sleep(PAUSE)
            output, complaints = process.communicate(timeout=120)
        report.same(f"watch: {name}: exit status, complaints", (process.returncode, complaints), (0, ""))
        summary = json.loads(output)
        report.same(f"watch: {name}: frames, missing, refused, and why it ended",
                    (summary["frames"], summary["missing"], summary["refused"], summary["ended"]),
                    (100, 0, 0, "complete"))
        report.same(f"watch: {name}: the arrays but sigma have the bytes of ptyx infer",
                    arrays(out / "reconstruction.npz") == arrays(files / CASES[0].reconstruction), True)
