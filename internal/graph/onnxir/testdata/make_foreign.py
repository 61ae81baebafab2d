# Makes foreign.onnx and the folder fuzz with onnx's own Python package, for the tests of the reader: a model with every
# form that the format allows and that ptyx does not write itself. Run in this folder with any onnx of version
# 1.12 or later.
import os
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

def typed(name, kind, dims, values):
    return helper.make_tensor(name, kind, dims, values)  # in float_data, int32_data, ...; not raw

tensors = [
    typed("floats", TensorProto.FLOAT, [2, 2], [1, -2, 0.5, 3]),
    typed("doubles", TensorProto.DOUBLE, [3], [1, -2, 0.5]),
    typed("int64s", TensorProto.INT64, [2], [-1, 1 << 40]),
    typed("bools", TensorProto.BOOL, [3], [True, False, True]),
    typed("halves", TensorProto.FLOAT16, [2], [1, -2]),
    typed("int8s", TensorProto.INT8, [2], [-1, 2]),
    typed("texts", TensorProto.STRING, [2], [b"a", b"b"]),
    numpy_helper.from_array(np.float32([[7, 8]]), "raw"),
    numpy_helper.from_array(np.float32(9), "scalar"),
    numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"),
]
inputs = [
    helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, None]),
    helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
    helper.make_tensor_value_info("z", TensorProto.FLOAT, []),
    helper.make_tensor_sequence_value_info("sequence", TensorProto.FLOAT, None),
]
node = helper.make_node("Every", ["x", ""], ["out"], name="every", domain="example",
                        doc_string="all kinds of attributes",
    float=0.5, int=0, string="mean", tensor=tensors[0], floats=[1.5, 2.5], ints=[-1, 2], strings=["a", "b"],
    graph=helper.make_graph([helper.make_node("Identity", ["x"], ["inner"])], "inner", [], []))
graph = helper.make_graph([node], "foreign", inputs,
                          [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch"])],
    tensors, doc_string="a graph")
graph.input[3].doc_string = "a sequence"
model = helper.make_model(graph, producer_name="make_foreign", producer_version="1", doc_string="a model", ir_version=8,
    opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("example", 2)])
helper.set_model_props(model, {"author": "nobody", "empty": ""})
pathlib.Path("foreign.onnx").write_bytes(model.SerializeToString(deterministic=True))

# Seeds of the fuzz target, in the form in which `go test` keeps its corpus.
def seed(name, content):
    folder = pathlib.Path("fuzz", "FuzzUnmarshal")
    os.makedirs(folder, exist_ok=True)
    text = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\x{c:02x}" for c in content)
    (folder / name).write_text(f'go test fuzz v1\n[]byte("{text}")\n')

def small(tensors=(), nodes=(), inputs=()):
    return helper.make_model(helper.make_graph(list(nodes), "g", list(inputs), [], list(tensors)), ir_version=8)

for tensor in tensors:
    seed("tensor_" + tensor.name, small([tensor]).SerializeToString())
seed("attributes", small(nodes=[node]).SerializeToString())
seed("inputs", small(inputs=inputs).SerializeToString())
outside = small([numpy_helper.from_array(np.float32([7, 8]), "outside")])
onnx.external_data_helper.set_external_data(outside.graph.initializer[0], "weights.bin")
outside.graph.initializer[0].ClearField("raw_data")
seed("external", outside.SerializeToString())
negative = small([tensors[7]])
negative.graph.initializer[0].dims[0] = -1
seed("negative", negative.SerializeToString())
