"""A checkpoint of ptyx, read with the onnx package: its weights by name, and its contract."""

import base64
import math
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper


@dataclass
class Checkpoint:
    n: int
    filters_scale: int
    extent: str
    input_scale: float
    amplitude_max: float
    photons: float
    probe: np.ndarray  # (N, N) complex64, in photons
    weights: dict  # name -> array, "encoder.0.conv.0.weight" and so on, in the order of the network

    def parameter_count(self):
        return sum(w.size for w in self.weights.values())


def load(path):
    model = onnx.load(str(path))
    facts = {p.key.removeprefix("ptyx."): p.value for p in model.metadata_props}
    n = int(facts["n"])
    probe = np.frombuffer(base64.b64decode(facts["probe_complex64_base64"]), "<c8").reshape(n, n)
    weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer
               if i.name.endswith((".weight", ".bias"))}
    return Checkpoint(
        n=n, filters_scale=int(facts["n_filters_scale"]), extent=facts["object_extent"],
        input_scale=float(facts["input_scale"]),
        amplitude_max=float(facts["amplitude_max"]), photons=float(facts["photons"]), probe=probe, weights=weights)


def flops(path):
    """Additions and multiplications per pattern of inference and of a training step, by the textbook's convolution.

    A training step needs three times those of inference, without the first convolution's gradient by the patterns."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(str(path))).graph
    kernels = {i.name: list(i.dims) for i in graph.initializer}
    sizes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.value_info, *graph.output)}
    costs = []
    for node in graph.node:
        if node.op_type == "Conv":
            height, width = sizes[node.output[0]][2:]
            costs.append(2 * math.prod(kernels[node.input[1]]) * height * width)
    return {"inference": sum(costs), "training": 3 * sum(costs) - costs[0]}
