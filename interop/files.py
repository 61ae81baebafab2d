"""The files under check: scans, trained models, reconstructions, and pairs of objects whose difference is known.

ptyx writes all but the pairs. Each model has a different network, so every check covers their differences: extent,
channels, size, trained probe."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import fourier_shift

SCAN = "scan.npz"  # 100 patterns of 64 x 64
SCAN_128 = "scan-128.npz"
SCAN_40 = "scan-40.npz"
FOUR = "scan-four.npz"  # four neighbours of SCAN, written by NumPy
SEED = "5"


@dataclass(frozen=True)
class Case:
    """A network, the scan it is trained on and the scan it reconstructs."""

    name: str
    train: str
    flags: tuple
    infer: str = SCAN
    infer_flags: tuple = ()
    n: int = 64
    channels: int = 1
    gridsize: int = 1
    extent: str = "full"
    network: str = "unrolled"

    @property
    def run(self):
        return f"{self.name}/run"

    @property
    def model(self):
        return f"{self.name}/run/model.onnx"

    @property
    def out(self):
        return f"{self.name}/out"

    @property
    def reconstruction(self):
        return f"{self.name}/out/reconstruction.npz"


SMALL = ("--n-filters-scale", "1")
CASES = (
    Case("default", SCAN, ("--gridsize", "1", "--max-epochs", "2", "--n-images", "48")),
    Case("centre", SCAN,
         SMALL + ("--object-extent", "centre", "--gridsize", "1", "--max-epochs", "2", "--n-images", "48"),
         infer_flags=("--n-images", "40", "--seed", "3"), extent="centre", network="pattern"),
    # ptyx draws groups of neighbours as its samples; four patterns make only one group.
    Case("channels", SCAN,
         SMALL + ("--gridsize", "2", "--grouping", "channels", "--max-epochs", "1", "--n-images", "24"),
         infer=FOUR, channels=4, gridsize=2, network="pattern"),
    Case("n128", SCAN_128, SMALL + ("--max-epochs", "1", "--n-images", "12", "--batch-size", "4"), infer=SCAN_128,
         n=128, gridsize=2, network="pattern"),
    # Only the default network takes sizes that are no power of two.
    Case("n40", SCAN_40, SMALL + ("--max-epochs", "1"), infer=SCAN_40, n=40, gridsize=2),
    # One pattern: the object is its patch.
    Case("single", SCAN, SMALL + ("--gridsize", "1", "--probe", "fixed", "--max-epochs", "1", "--n-images", "16"),
         infer_flags=("--n-images", "1")),
)

# Folders with pairs of objects for ptyx eval. Each reconstruction differs from its reference in a known way.
PAIRS = ("pair-plain", "pair-covered", "pair-moved")


class Ptyx:
    """Runs ptyx in the directory of the files, so that no file contains a path of this machine."""

    def __init__(self, program, files):
        self.program, self.files = Path(program).resolve(), Path(files)

    def __call__(self, *args):
        run = subprocess.run([self.program, *args], cwd=self.files, capture_output=True, text=True, timeout=300)
        if run.returncode != 0:
            raise RuntimeError(f"ptyx {' '.join(args)} exited with {run.returncode}: {run.stdout}{run.stderr}")
        return run.stdout


def make(ptyx):
    """Makes all files again."""
    shutil.rmtree(ptyx.files, ignore_errors=True)
    ptyx.files.mkdir(parents=True)
    ptyx("simulate", "--out", SCAN, "--positions", "100", "--seed", SEED)
    ptyx("simulate", "--out", SCAN_128, "--positions", "16", "--n", "128", "--probe-size", "36", "--seed", SEED)
    ptyx("simulate", "--out", SCAN_40, "--positions", "25", "--n", "40", "--probe-size", "12", "--step", "4", "--seed",
         SEED)
    four_neighbours(ptyx.files)
    for case in CASES:
        ptyx("train", "--train-data-file", case.train, "--output-dir", case.run, "--batch-size", "8", "--seed", SEED,
             "--device", "cpu", "--network", case.network, *case.flags)
        ptyx("infer", "--model-path", case.run, "--test-data", case.infer, "--output-dir", case.out, "--device", "cpu",
             *case.infer_flags)
    exact_patterns(ptyx)
    for pair, (reference, recon) in zip(PAIRS, (plain_pair(), covered_pair(), moved_pair())):
        evaluate_pair(ptyx, pair, reference, recon)


def four_neighbours(files):
    """Writes part of a scan with NumPy: compressed, patterns in Fortran order, coordinates as float32."""
    with np.load(files / SCAN, allow_pickle=False) as scan:
        x, y = scan["xcoords"], scan["ycoords"]
        first = np.hypot(x - x.mean(), y - y.mean()).argmin()
        ids = np.sort(np.hypot(x - x[first], y - y[first]).argsort(kind="stable")[:4])
        part = {key: scan[key][ids] for key in ("diff3d", "xcoords", "ycoords", "xcoords_start", "ycoords_start",
                                                "scan_index")}
        part["probeGuess"] = scan["probeGuess"]
    part["diff3d"] = np.asfortranarray(part["diff3d"])
    for key in ("xcoords", "ycoords"):
        part[key] = part[key].astype(np.float32)
    np.savez_compressed(files / FOUR, **part)


def exact_patterns(ptyx):
    """Noiseless patterns of an object from NumPy, at integer and at fractional positions."""
    rng = np.random.default_rng(11)
    n, side = 64, 120
    r, c = np.indices((n, n)) - n / 2
    probe = 300 * np.exp(-(r**2 + (c - 3) ** 2) / 120 + 0.05j * r + 0.004j * c**2)
    obj = scene(*np.indices((side, side)).astype(float)) + 0.02 * rng.standard_normal((side, side))
    x = np.array([32, 60, 85, 44.25, 70.5, 51.9])
    y = np.array([40, 32, 88, 61.75, 38.5, 80.1])
    np.savez(ptyx.files / "exact-object.npz", objectGuess=obj.astype(np.complex64),
             probeGuess=probe.astype(np.complex64), xcoords=x, ycoords=y)
    ptyx("simulate", "--out", "exact.npz", "--object-file", "exact-object.npz", "--noiseless")


def scene(r, c):
    """A transmission with structure at several scales, without phase wraps."""
    amplitude = 0.8 + 0.1 * np.sin(0.21 * r + 0.13 * c) + 0.07 * np.cos(0.004 * (r - 30) * (c - 40))
    amplitude += 0.05 * np.sin(0.9 * c - 0.5 * r)
    phase = 0.4 * np.sin(0.31 * c) * np.cos(0.27 * r) + 0.2 * np.sin(0.002 * r * c)
    return amplitude * np.exp(1j * phase)


def noisy(obj, seed):
    """Adds noise that grows towards fine detail, as in a reconstruction, so that the FRC crosses its thresholds."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.standard_normal(obj.shape) + 1j * rng.standard_normal(obj.shape))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(obj.shape[0]), np.fft.fftfreq(obj.shape[1]), indexing="ij"))
    return obj + 0.06 * np.fft.ifft2(spectrum * np.minimum(1, 2 * f))


def plain_pair():
    """A scale, a phase, a ramp and noise, with full coverage."""
    r, c = np.indices((141, 150)).astype(float)
    reference = scene(r, c)
    recon = 1.3 * noisy(reference, 1) * np.exp(1j * (0.4 + 0.011 * c - 0.004 * r))
    return {"object": reference}, {"object": recon}


def covered_pair():
    """Objects at different places of the frame, with a hole and thin margins in the coverage."""
    r, c = np.indices((150, 150)).astype(float)
    reference = scene(r, c)
    part = noisy(reference, 2)[7:147, 12:140] * np.exp(-0.7j)
    coverage = np.full(part.shape, 3.0)
    coverage[60:75, 50:58] = 0
    coverage[80:84, 60:90] = 0.1  # less than a tenth of the usual coverage
    part[coverage == 0] = 0
    return {"object": reference}, {"object": part, "origin": np.array([7, 12]), "coverage": coverage.astype(np.float32)}


def moved_pair():
    """A reconstruction displaced by part of a pixel, for PtychoPINN's conventions, which register it.

    It is rough, as phase correlation needs it. Its sides are odd, because libraries treat the Nyquist frequency
    differently."""
    r, c = np.indices((91, 105)).astype(float)
    reference = scene(r, c) * (1 + 0.25 * np.random.default_rng(4).random(r.shape))
    recon = 0.7 * noisy(np.fft.ifft2(fourier_shift(np.fft.fft2(reference), (0.62, -1.38))), 3)
    return {"object": reference}, {"object": recon}


def evaluate_pair(ptyx, pair, reference, recon):
    """Writes a pair with NumPy and evaluates it: <pair>/metrics.json, comparison.png."""
    (ptyx.files / pair).mkdir()
    for name, members in (("reference", reference), ("recon", recon)):
        members["object"] = members["object"].astype(np.complex64)
        np.savez(ptyx.files / pair / f"{name}.npz", **members)
    convention = "pinn-compat" if pair == "pair-moved" else "ptyx"
    ptyx("eval", "--recon", f"{pair}/recon.npz", "--reference", f"{pair}/reference.npz", "--output", pair,
         "--convention", convention)


def beside(files):
    """A directory for screenshots and runs, which the checks of files ignore."""
    place = files.with_name(files.name + "-pages")
    place.mkdir(exist_ok=True)
    return place


def load_json(path):
    return json.loads(Path(path).read_text())
