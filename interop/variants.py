"""Compares the variants of ptyx export with their model in other programs.

These are the checker of onnx, ONNX Runtime for Python, and, with npm, ONNX Runtime for Node.js."""

import json
import shutil
import subprocess

import numpy as np
import onnx
import onnxruntime

from files import CASES, SCAN
from patches import combine, output_names, patches_of, session_of

# For complex patches of magnitude about 1, where the probe has a hundredth of its peak or more.
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


def check(report, files, node):
    with np.load(files / SCAN, allow_pickle=False) as scan:
        patterns = np.ascontiguousarray(scan["diff3d"][:COUNT, None])
        lit = abs(scan["probeGuess"]) ** 2
    lit = lit > lit.max() / 100
    expected = patches_of(session_of(files / CASES[0].model), patterns)
    for name, (flags, bound) in VARIANTS.items():
        path = files / f"{name}.onnx"
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path))
        report.line(True, f"{name}: onnx.checker.check_model, full check",
                    f"{len(model.graph.node)} nodes, opset {model.opset_import[0].version}, {path.stat().st_size} "
                    f"bytes")
        worst = abs(patches_of(session_of(path), patterns) - expected)[..., lit].max()
        report.within(f"{name}: patches in ONNX Runtime for Python {onnxruntime.__version__} against the model's: "
                      f"largest difference", worst, bound)
    in_node(report, files, node, patterns, expected, lit)


def in_node(report, files, place, patterns, expected, lit):
    """ONNX Runtime for Node.js, which interop.mk installs with npm, runs the model and its variants."""
    program = shutil.which("node")
    if program is None or not (place / "node_modules/onnxruntime-node").exists():
        print("----  ONNX Runtime for Node.js: not run, there was no npm to install it by")
        return
    data, result = (files / "patterns.bin").resolve(), (files / "patches.bin").resolve()
    patterns.tofile(data)
    for name, bound in {"model": EXACT, **{k: b for k, (_, b) in VARIANTS.items()}}.items():
        model = files / (CASES[0].model if name == "model" else f"{name}.onnx")
        out = subprocess.run([program, "run.mjs", model.resolve(), data, json.dumps(patterns.shape), result], cwd=place,
                             capture_output=True, text=True, timeout=120)
        if out.returncode != 0:
            raise RuntimeError(f"ONNX Runtime for Node.js, {name}: {out.stderr.strip()[-300:]}")
        found = combine(output_names(session_of(model)), *np.fromfile(result, np.float32).reshape(-1, *patterns.shape))
        worst = abs(found - expected)[..., lit].max()
        report.within(f"{name}: patches in ONNX Runtime for Node.js {json.loads(out.stdout)['version']}: largest "
                      f"difference", worst, bound)
