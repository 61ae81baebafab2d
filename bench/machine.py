"""Describes the machine and the versions of a measurement."""

import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

FLAGS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16"]
PACKAGES = ["torch", "onnxruntime", "openvino", "numpy"]


def describe(bench, packages=PACKAGES):
    doctor = json.loads(subprocess.run([bench.ptyx, "doctor", "--json"], check=True, capture_output=True,
                                       text=True).stdout)
    cpu = cpu_info()
    return {
        "processor": cpu["model"],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": cpu["flags"], "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(), "release": platform.release(), "architecture": platform.machine(),
        "versions": {
            "ptyx": output([bench.ptyx, "version"]), "ptyx's ONNX Runtime": library_version(doctor),
            "Go": output(["go", "env", "GOVERSION"]),
            "Python": platform.python_version(), **{p: metadata.version(p) for p in packages}},
    }


def output(command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout.strip()


def library_version(doctor):
    return str(doctor["library"]["version"]) if "library" in doctor else "?"


def cpu_info():
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return {"model": platform.processor() or output(["sysctl", "-n", "machdep.cpu.brand_string"]), "flags": []}
    text = info.read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.*)$", text, re.MULTILINE)
    present = set(flags.group(1).split()) if flags else set()
    return {"model": model.group(1) if model else platform.machine(), "flags": [f for f in FLAGS if f in present]}
