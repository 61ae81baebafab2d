"""Makes the object from the model file in Python alone, and compares it with that of ptyx infer.

ONNX Runtime for Python takes raw amplitudes; NumPy stitches the patches by the rule of package stitch."""

import base64
import hashlib

import numpy as np
import onnx
import onnxruntime

from trend import whole, with_trend

# Absolute, for amplitudes up to about 1. Runtimes may sum a convolution in another order.
TOLERANCE = 1e-5
# Magnitude above which a pixel of a patch is not compared with others: the canvas shortens it.
MOST = 4


def contract(model):
    """The metadata as a dict."""
    return {p.key: p.value for p in model.metadata_props}


def probe_of(c):
    """The probe (N, N)."""
    n = int(c["ptyx.n"])
    return np.frombuffer(base64.b64decode(c["ptyx.probe_complex64_base64"]), "<c8").reshape(n, n)


def weights_of(c):
    """|P|^2 (N, N), 0 outside the extent, rounded to 1/2^18 of the largest; a positive weight never becomes 0."""
    n, probe = int(c["ptyx.n"]), probe_of(c)
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


def soft_weights_of(c):
    """I / (I + 0.3 mean of |P|^2) (N, N), with I of weights_of before rounding: by them patches are compared."""
    probe = probe_of(c)
    light = np.where(weights_of(c) > 0, abs(probe.astype(complex)) ** 2, 0)
    return light / (light + 0.3 * np.mean(abs(probe.astype(complex)) ** 2))


def agreed(patches, x, y, weights):
    """Patches (M, N, N), each turned to the phase of its neighbours, by the rule of package reconstruct.

    Six times, each one in its turn goes 1.4 times the angle to the weighted sum of the others, plus 0.2 of itself as it
    came. Sums over squares of N / 16 pixels stand for the patches."""
    n = weights.shape[0]
    size = max(1, n // 16)
    side = (n + size - 2) // size + 1
    top, left = whole(y) - n // 2, whole(x) - n // 2
    coarse = np.zeros((len(patches), side, side), complex)
    for one, patch, row, col in zip(coarse, patches, top % size, left % size):
        square = np.zeros((side * size, side * size), complex)
        square[row : row + n, col : col + n] = weights * np.where(abs(patch) <= MOST, patch, 0)
        one[:] = square.reshape(side, size, side, size).sum(axis=(1, 3))
    rows, cols = top // size - (top // size).min(), left // size - (left // size).min()
    total = np.zeros((rows.max() + side, cols.max() + side), complex)
    places = [(slice(row, row + side), slice(col, col + side)) for row, col in zip(rows, cols)]
    for place, one in zip(places, coarse):
        total[place] += one
    turns = np.ones(len(patches), complex)
    for _ in range(6):
        for i, (place, one) in enumerate(zip(places, coarse)):
            own = np.sum(abs(one) ** 2)
            towards = np.vdot(one, total[place]) - own * turns[i] + 0.2 * own
            turn = turns[i] * np.exp(1.4j * np.angle(towards / turns[i]))
            total[place] += (turn - turns[i]) * one
            turns[i] = turn
    return patches * turns[:, None, None]


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; a warning says of each input with a default that it is no constant
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def fraction(x, y):
    """The subpixel parts of positions (M, 2), as the input `offset` takes them."""
    return np.stack([x - whole(x), y - whole(y)], axis=1).astype(np.float32)


def takes_probe(session):
    """Whether the model has inputs with a default: the probe and the offset."""
    return bool(session.get_overridable_initializers())


def output_names(session):
    return [o.name for o in session.get_outputs()]


def combine(names, first, second, log_variance=None):
    """The complex patches that the first two outputs are."""
    if names[:2] == ["object_re", "object_im"]:
        return first.astype(complex) + 1j * second.astype(float)
    if names == ["amplitude", "phase"]:
        return first.astype(complex) * np.exp(1j * second.astype(float))
    raise ValueError(f"outputs {names}")


def patches_of(session, samples, **optional):
    """Complex patches of samples (B, C, N, N), in one batch."""
    names = output_names(session)
    return combine(names, *session.run(names, {"amplitude_measured": samples, **optional}))


def run(session, patterns, channels, offsets=None, batch=7):
    """Complex patches (M, N, N) of patterns (M, N, N), in batches of another size than those of ptyx."""
    m, n, _ = patterns.shape
    samples = patterns.reshape(m // channels, channels, n, n)
    out = []
    for start in range(0, len(samples), batch):
        some = slice(start, start + batch)
        out.append(patches_of(session, samples[some], **({} if offsets is None else {"offset": offsets[some]})))
    return np.concatenate(out).reshape(m, n, n)


def parts(probe):
    """Probes (..., N, N) as the inputs of the model."""
    return {"probe_re": np.ascontiguousarray(probe.real), "probe_im": np.ascontiguousarray(probe.imag)}


def check_optional(report, name, session, c, patterns, offsets):
    """What the inputs with a default do: none, those that equal the default, one for each pattern, others."""
    n = int(c["ptyx.n"])
    report.same(f"{name}: inputs with a default, and their shapes",
                {i.name: [d if isinstance(d, int) else None for d in i.shape]
                 for i in session.get_overridable_initializers()},
                {"probe_re": [None, 1, n, n], "probe_im": [None, 1, n, n], "offset": [None, 2]})
    few, shift = patterns[:5, None], offsets[:5]
    probe = np.frombuffer(base64.b64decode(c["ptyx.probe_complex64_base64"]), "<c8").reshape(1, 1, n, n)
    bare, moved = patches_of(session, few), patches_of(session, few, offset=shift)
    for what, found, expected in (
        ("an offset of 0 against none", patches_of(session, few, offset=np.zeros((1, 2), np.float32)), bare),
        ("the probe of the metadata against none", patches_of(session, few, **parts(probe)), bare),
        ("that probe for each pattern, with offsets", patches_of(session, few, offset=shift,
                                                                 **parts(np.repeat(probe, 5, axis=0))), moved),
        ("each pattern alone against all", np.concatenate([patches_of(session, few[i:i + 1], offset=shift[i:i + 1])
                                                           for i in range(5)]), moved),
    ):
        report.within(f"{name}: {what}: largest difference of the patches", abs(found - expected).max(), TOLERANCE)
    other = patches_of(session, few, **parts(np.roll(probe, 4, axis=3)))
    for what, found in (("offsets", moved), ("another probe", other)):
        report.line(abs(found - bare).max() > 100 * TOLERANCE, f"{name}: change of the patches by {what}",
                    f"{abs(found - bare).max():.3g}")


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
    session = session_of(files / case.model)
    report.same(f"{case.name}: the model takes the probe", takes_probe(session), case.network == "unrolled")
    offsets = fraction(x[ids], y[ids]) if takes_probe(session) else None
    patches = run(session, patterns[ids], channels, offsets)
    if channels == 1:
        order = np.argsort(ids)
        patches[order] = agreed(patches[order], x[ids[order]], y[ids[order]], soft_weights_of(c))
    expected, coverage = stitch(patches, x[ids], y[ids], box, weights_of(c))
    if channels == 1:
        expected = with_trend(expected, coverage, probe_of(c), patterns[ids], x[ids], y[ids], ids, box[:2])
    if takes_probe(session) and len(ids) > 1:
        check_optional(report, case.name, session, c, patterns[ids], offsets)
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
