"""Checks the ONNX file with the onnx package: checker, shape inference, standard form, data contract."""

import base64
import csv
import hashlib
import math
from collections import Counter

import numpy as np
import onnx

from patches import contract

OPSET, IR = 17, 8
# First dimensions that are symbolic; of the last one, the larger of two that may each be 1.
SYMBOLS = {"batch", "probes", "offsets", "probes_at_offsets"}
KEYS = {
    "ptyx." + key
    for key in (
        "version n gridsize channels n_filters_scale network object_extent input training_input input_scale "
        "amplitude_max photons pixel_frame "
        "probe_complex64_base64 probe_sha256 data_sha256 seed epochs loss train_loss val_loss engine device"
    ).split()
}


def check(report, files, case):
    path = files / case.model
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    report.line(True, f"{case.name}: onnx.checker.check_model, full check",
                f"{len(model.graph.node)} nodes, {path.stat().st_size} bytes")
    standard_form(report, case.name, model)
    shapes(report, case.name, model)
    descriptions(report, case.name, model)
    metadata(report, files, case, model)


def standard_form(report, name, model):
    report.same(f"{name}: IR version", model.ir_version, IR)
    report.same(f"{name}: operator sets", {o.domain or "ai.onnx": o.version for o in model.opset_import},
                {"ai.onnx": OPSET})
    foreign = {f"{n.domain}.{n.op_type}" for n in model.graph.node if n.domain not in ("", "ai.onnx")}
    deprecated = {n.op_type for n in model.graph.node if onnx.defs.get_schema(n.op_type, OPSET).deprecated}
    kinds = Counter(n.op_type for n in model.graph.node)
    report.line(not foreign and not deprecated, f"{name}: operators outside the standard domain or deprecated",
                f"{sorted(foreign | deprecated)}, of {dict(sorted(kinds.items()))}")


def dims(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def agrees(declared, inferred):
    """Equal, except that inference invents symbols after a Resize by scales, a Reshape, or where two symbols meet."""
    return inferred is not None and len(declared) == len(inferred) and all(
        d == i or (d in SYMBOLS and str(i).startswith("unk__")) for d, i in zip(declared, inferred))


def ports(network, channels, n):
    """The inputs and outputs of a network, by docs/contract.md."""
    image, probe = ["batch", channels, n, n], ["probes", 1, n, n]
    if network == "unrolled":
        return {"amplitude_measured": image, "probe_re": probe, "probe_im": probe, "offset": ["offsets", 2],
                "object_re": image, "object_im": image, "log_variance": image}
    return {"amplitude_measured": image, "amplitude": image, "phase": image}


def shapes(report, name, model):
    """The shapes in the file equal those that strict inference finds without them."""
    graph = model.graph
    n, channels = int(contract(model)["ptyx.n"]), int(contract(model)["ptyx.channels"])
    ends = {v.name: dims(v) for v in (*graph.input, *graph.output)}
    report.same(f"{name}: inputs and outputs", ends, ports(contract(model)["ptyx.network"], channels, n))

    described = {v.name: dims(v) for v in graph.value_info}
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        for d in output.type.tensor_type.shape.dim:
            d.Clear()
    inferred = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True).graph
    found = {v.name: dims(v) for v in (*inferred.value_info, *inferred.output)}
    between = {o for node in graph.node for o in node.output} - set(ends)
    report.same(f"{name}: values between the nodes without a shape", sorted(between - set(described)), [])
    known = described | {o.name: dims(o) for o in graph.output}
    wrong = {v: (known[v], found.get(v)) for v in known if not agrees(known[v], found.get(v))}
    report.line(not wrong, f"{name}: shapes that strict inference contradicts", f"{wrong or 'none'}, of {len(known)}")
    images = [s for s in known.values() if len(s) > 2]  # matrices and numbers are the same for all patterns
    report.line(all(s[0] in SYMBOLS for s in images), f"{name}: shapes of images with a symbolic first dimension",
                f"{sum(s[0] in SYMBOLS for s in images)} of {len(images)}")


def descriptions(report, name, model):
    graph = model.graph
    texts = {"model": model.doc_string, "graph": graph.doc_string, "producer": model.producer_name,
             "producer version": model.producer_version}
    texts |= {v.name: v.doc_string for v in (*graph.input, *graph.output)}
    report.line(all(texts.values()), f"{name}: descriptions of the model, its graph, inputs and outputs",
                f"{sum(map(bool, texts.values()))} of {len(texts)}")
    named = [n.name for n in graph.node]
    report.line(all(named) and len(set(named)) == len(named), f"{name}: nodes with a name of their own",
                f"{len(set(named) - {''})} of {len(named)}")


def metadata(report, files, case, model):
    props = [p.key for p in model.metadata_props]
    c = contract(model)
    report.line(set(props) == KEYS and len(props) == len(KEYS) and all(c.values()), f"{case.name}: metadata keys",
                f"{len(props)}, missing {sorted(KEYS - set(props))}, beyond the contract {sorted(set(props) - KEYS)}")
    facts = {k: c["ptyx." + k] for k in ("n", "gridsize", "channels", "object_extent", "training_input", "seed",
                                         "engine", "device")}
    report.same(f"{case.name}: metadata of the training", facts, {
        "n": str(case.n), "gridsize": str(case.gridsize), "channels": str(case.channels), "object_extent": case.extent,
        "training_input": "amplitude", "seed": "5", "engine": "ort", "device": "CPUExecutionProvider"})

    numbers = {k: float(c["ptyx." + k]) for k in ("input_scale", "amplitude_max", "photons", "train_loss", "val_loss")}
    report.line(all(math.isfinite(v) for v in numbers.values()), f"{case.name}: metadata numbers",
                {k: f"{v:.6g}" for k, v in numbers.items()})
    with open(files / case.run / "metrics.csv", newline="") as f:
        last = list(csv.DictReader(f))[-1]
    worst = max(abs(float(last[k]) - numbers[k]) / abs(numbers[k]) for k in ("train_loss", "val_loss"))
    report.within(f"{case.name}: losses of metadata and metrics.csv (epoch {last['epoch']}), relative", worst,
                  1e-7)  # eight digits
    report.same(f"{case.name}: epochs of metadata and metrics.csv", c["ptyx.epochs"], last["epoch"])

    raw = base64.b64decode(c["ptyx.probe_complex64_base64"], validate=True)
    report.same(f"{case.name}: SHA-256 of the probe in the metadata", hashlib.sha256(raw).hexdigest(),
                c["ptyx.probe_sha256"])
    with np.load(files / case.run / "probe.npz", allow_pickle=False) as z:
        report.same(f"{case.name}: the metadata's probe is probe.npz's", z["probeGuess"].astype("<c8").tobytes() == raw,
                    True)
    report.same(f"{case.name}: the metadata's digest of the data has the length of a SHA-256",
                len(bytes.fromhex(c["ptyx.data_sha256"])), 32)
