"""Reads every NPZ file with NumPy, without pickles: members, dtypes and shapes, by the tables of the data contract."""

import zipfile

import numpy as np

import masters
from files import CASES, FOUR, PAIRS, SCAN, SCAN_40, SCAN_128

SHA = ("U64", ())


def scan_members(m, n, height, width):
    return {
        "diff3d": ("float32", (m, n, n)), "xcoords": ("float64", (m,)), "ycoords": ("float64", (m,)),
        "xcoords_start": ("float64", (m,)),
        "ycoords_start": ("float64", (m,)), "scan_index": ("int64", (m,)), "probeGuess": ("complex64", (n, n)),
        "objectGuess": ("complex64", (height, width)),
    }


def reconstruction_members(m, height, width, n, network):
    sigma = {"sigma": ("float32", (height, width))} if network == "unrolled" else {}
    return {
        "object": ("complex64", (height, width)), "origin": ("int64", (2,)), "coverage": ("float32", (height, width)),
        "spread": ("float32", (height, width)), **sigma,
        "xcoords": ("float64", (m,)), "ycoords": ("float64", (m,)), "scan_index": ("int64", (m,)),
        "probeGuess": ("complex64", (n, n)),
        "model_digest": SHA, "ptyx_version": ("U5", ()), "provider": ("U20", ()),
    }


def members(path):
    """All members as arrays. Reading also checks the archive's checksums."""
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        if broken:
            raise ValueError(f"{path.name}: {broken} does not have its checksum")
    with np.load(path, allow_pickle=False) as z:
        return {key: z[key] for key in z.files}


def described(found):
    return {key: (v.dtype.str.lstrip("<=|") if v.dtype.kind == "U" else v.dtype.name, v.shape) for key,
            v in found.items()}


def compare(report, name, found, expected):
    got = described(found)
    wrong = {key: (got.get(key), expected.get(key)) for key in sorted(got.keys() | expected.keys())
             if got.get(key) != expected.get(key)}
    report.line(not wrong, f"{name}: members, dtypes, shapes",
                f"{len(got)} as specified" if not wrong else f"(found, expected) {wrong}")
    numeric = [v for v in found.values() if v.dtype.kind in "fc"]
    report.same(f"{name}: values that are not finite", int(sum((~np.isfinite(v)).sum() for v in numeric)), 0)


def check(report, files):
    checked = set()

    def read(name):
        checked.add(name)
        return members(files / name)

    for name, n in ((SCAN, 64), (SCAN_40, 40), (SCAN_128, 128), ("exact.npz", 64)):
        scan = read(name)
        compare(report, name, scan, scan_members(len(scan["xcoords"]), n, *scan["objectGuess"].shape))
        report.line(scan["diff3d"].min() >= 0 and scan["diff3d"].flags.c_contiguous,
                    f"{name}: smallest amplitude, in C order", float(scan["diff3d"].min()))
    for case in CASES:
        recon = read(case.reconstruction)
        compare(report, case.reconstruction, recon,
                reconstruction_members(len(recon["scan_index"]), *recon["coverage"].shape, case.n, case.network))
        report.same(f"{case.reconstruction}: provider", str(recon["provider"]), "CPUExecutionProvider")
        compare(report, f"{case.run}/probe.npz", read(f"{case.run}/probe.npz"),
                {"probeGuess": ("complex64", (case.n, case.n))})
        state = read(f"{case.run}/state.npz")
        kinds = sorted({v.dtype.kind for v in state.values()})
        report.line("O" not in kinds and len(state) > 0, f"{case.run}/state.npz: members, kinds of dtype",
                    f"{len(state)}, {kinds}")
    written_here = {FOUR, "exact-object.npz", "of-h5py.npz", "product.npz"}
    written_here |= {f"{pair}/{name}.npz" for pair in PAIRS for name in ("reference", "recon")}
    written_here |= {f"of-{name}.npz" for name in masters.NAMES}
    rest = {str(p.relative_to(files)) for p in files.rglob("*.npz")} - checked - written_here
    report.same("NPZ files that ptyx wrote and nothing here read", sorted(rest), [])
