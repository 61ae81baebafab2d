"""Makes the object from the model file in Python alone, and compares it with that of ptyx infer.

ONNX Runtime for Python takes raw amplitudes; NumPy stitches the patches by the rule of package stitch."""

import base64
import hashlib

import numpy as np
import onnx
import onnxruntime

# Absolute, for amplitudes up to about 1. Runtimes may sum a convolution in another order.
TOLERANCE = 1e-5


def contract(model):
    """The metadata as a dict."""
    return {p.key: p.value for p in model.metadata_props}


def whole(v):
    """The nearest integer pixel; halves round up."""
    return np.floor(np.asarray(v) + 0.5).astype(int)


def weights_of(c):
    """|P|^2 (N, N), 0 outside the extent, rounded to 1/2^18 of the largest; a positive weight never becomes 0."""
    n = int(c["ptyx.n"])
    probe = np.frombuffer(base64.b64decode(c["ptyx.probe_complex64_base64"]), "<c8").reshape(n, n)
    weights = probe.real**2 + probe.imag**2  # float32
    if c["ptyx.object_extent"] == "centre":
        inside = np.zeros((n, n), bool)
        inside[n // 4 : n - n // 4, n // 4 : n - n // 4] = True
        weights = np.where(inside, weights, 0)
    scaled = np.rint(weights.astype(float) / float(weights.max()) * 2**18)
    return np.where(weights > 0, np.maximum(scaled, 1), 0) / 2**18


def stitch(patches, x, y, box, weights):
    """The weighted mean of patches (M, N, N) at centres (x, y), and the sum of weights.

    box is (row, column, height, width)."""
    n = weights.shape[0]
    row, col, height, width = box
    total, coverage = np.zeros((height, width), complex), np.zeros((height, width))
    for patch, left, top in zip(patches, whole(x) - n // 2 - col, whole(y) - n // 2 - row):
        total[top : top + n, left : left + n] += weights * patch
        coverage[top : top + n, left : left + n] += weights
    return np.divide(total, coverage, out=np.zeros_like(total), where=coverage > 0), coverage


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(session, patterns, channels, batch=7):
    """Complex patches (M, N, N) of patterns (M, N, N), in batches of another size than those of ptyx."""
    m, n, _ = patterns.shape
    samples = patterns.reshape(m // channels, channels, n, n)
    out = []
    for start in range(0, len(samples), batch):
        amplitude, phase = session.run(["amplitude", "phase"], {"amplitude_measured": samples[start : start + batch]})
        out.append(amplitude.astype(complex) * np.exp(1j * phase.astype(float)))
    return np.concatenate(out).reshape(m, n, n)


def check(report, files, case):
    model_bytes = (files / case.model).read_bytes()
    c = contract(onnx.load_from_string(model_bytes))
    n, channels = int(c["ptyx.n"]), int(c["ptyx.channels"])
    with np.load(files / case.infer, allow_pickle=False) as z:
        patterns, x, y = np.ascontiguousarray(z["diff3d"]), z["xcoords"].astype(float), z["ycoords"].astype(float)
    with np.load(files / case.reconstruction, allow_pickle=False) as z:
        recon = {key: z[key] for key in z.files}
    ids = recon["scan_index"]
    if channels > 1:
        # One group: all patterns, row by row.
        side = int(c["ptyx.gridsize"])
        ids = np.concatenate([row[np.argsort(x[row], kind="stable")]
                              for row in np.argsort(y, kind="stable").reshape(side, side)])

    top, left = whole(y.min()) - n // 2, whole(x.min()) - n // 2
    box = (top, left, whole(y.max()) + n // 2 - top, whole(x.max()) + n // 2 - left)
    patches = run(session_of(files / case.model), patterns[ids], channels)
    expected, coverage = stitch(patches, x[ids], y[ids], box, weights_of(c))
    groups = len(x) if channels > 1 else 1  # a group around each pattern, here all the same

    report.same(f"{case.name}: digest of the model in reconstruction.npz", str(recon["model_digest"]),
                hashlib.sha256(model_bytes).hexdigest())
    report.same(f"{case.name}: origin and shape of the object", (*recon["origin"].tolist(), *recon["object"].shape),
                tuple(map(int, box)))
    report.same(f"{case.name}: positions in reconstruction.npz are the scan's",
                np.array_equal(recon["xcoords"], x[recon["scan_index"]])
                and np.array_equal(recon["ycoords"], y[recon["scan_index"]]), True)
    covered = coverage > 0
    worst = abs(recon["object"] - expected)[covered].max()
    structure = expected[covered].std()
    report.within(f"{case.name}: object of ONNX Runtime for Python {onnxruntime.__version__} and "
                  f"NumPy against ptyx, {len(ids)} patterns, {covered.sum()} pixels, structure "
                  f"{structure:.2g}: largest difference", worst, TOLERANCE)
    report.line(structure > 100 * TOLERANCE, f"{case.name}: standard deviation of that object, far above the tolerance",
                f"{structure:.3g}")
    report.within(f"{case.name}: coverage: largest difference", abs(recon["coverage"] - groups * coverage).max(),
                  1e-6 * groups * coverage.max())
    report.same(f"{case.name}: largest object value where nothing is covered",
                float(abs(recon["object"][~covered]).max(initial=0)), 0.0)
