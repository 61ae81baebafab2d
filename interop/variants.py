"""What ptyx export writes, in other programs: the checker of onnx, ONNX Runtime for Python, and ONNX Runtime for Node.js where npm is at
hand, each against the model that the variant was made of."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from files import CASES, SCAN
from patches import session_of

# Of complex patches of magnitude about 1, where the probe lights them with a hundredth of its peak or more.
EXACT, HALF = 1e-4, 5e-3
COUNT = 4
VARIANTS = {
    "simplified": (("--simplify",), EXACT),
    "batch-4": (("--fixed-batch", str(COUNT)), EXACT),
    "opset-13": (("--opset", "13"), EXACT),
    "opset-21": (("--opset", "21"), EXACT),
    "float16": (("--fp16",), HALF),
    "all": (("--simplify", "--fixed-batch", str(COUNT), "--opset", "18", "--fp16"), HALF),
}


def make(ptyx):
    for name, (flags, _) in VARIANTS.items():
        ptyx("export", CASES[0].model, f"{name}.onnx", *flags)


def patches(session, patterns):
    amplitude, phase = session.run(["amplitude", "phase"], {"amplitude_measured": patterns})
    return amplitude * np.exp(1j * phase)


def check(report, files):
    with np.load(files / SCAN, allow_pickle=False) as scan:
        patterns = np.ascontiguousarray(scan["diff3d"][:COUNT, None])
        lit = abs(scan["probeGuess"]) ** 2
    lit = lit > lit.max() / 100
    expected = patches(session_of(files / CASES[0].model), patterns)
    for name, (flags, bound) in VARIANTS.items():
        path = files / f"{name}.onnx"
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path))
        report.line(True, f"{name}: onnx.checker.check_model, full check", f"{len(model.graph.node)} nodes, opset {model.opset_import[0].version}, {path.stat().st_size} bytes")
        worst = abs(patches(session_of(path), patterns) - expected)[..., lit].max()
        report.within(f"{name}: patches in ONNX Runtime for Python {onnxruntime.__version__} against the model's: largest difference", worst, bound)
    node(report, files, patterns, expected, lit)


def node(report, files, patterns, expected, lit):
    """ONNX Runtime for Node.js, installed by npm beside the files, runs the model and its variants."""
    npm, program = shutil.which("npm"), shutil.which("node")
    if npm is None or program is None:
        print("----  ONNX Runtime for Node.js: not run, no npm or no node on the path")
        return
    here, place = Path(__file__).parent / "node", files / "node"
    place.mkdir(exist_ok=True)
    for name in ("package.json", "run.mjs"):
        shutil.copy(here / name, place / name)
    # The package's own script would fetch CUDA; the library for the processor is inside the package.
    subprocess.run([npm, "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place, check=True, timeout=300)
    patterns.tofile(place / "patterns.bin")
    for name, bound in {"model": EXACT, **{k: b for k, (_, b) in VARIANTS.items()}}.items():
        model = files / (CASES[0].model if name == "model" else f"{name}.onnx")
        out = subprocess.run([program, "run.mjs", model.resolve(), "patterns.bin", json.dumps(patterns.shape), "out.bin"], cwd=place, capture_output=True, text=True, timeout=120)
        if out.returncode != 0:
            raise RuntimeError(f"ONNX Runtime for Node.js, {name}: {out.stderr.strip()[-300:]}")
        amplitude, phase = np.fromfile(place / "out.bin", np.float32).reshape(2, *patterns.shape)
        worst = abs(amplitude * np.exp(1j * phase) - expected)[..., lit].max()
        report.within(f"{name}: patches in ONNX Runtime for Node.js {json.loads(out.stdout)['version']}: largest difference", worst, bound)
