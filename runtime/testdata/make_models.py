"""Makes the models that the tests of package runtime run, next to itself.

Needs: pip install onnx. Run it from anywhere; the files come out the same every time.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent


def value(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


def constant(name, data, *dims):
    return helper.make_tensor(name, TensorProto.FLOAT, list(dims), data)


def save(name, nodes, inputs, outputs, initializers=(), check=True):
    graph = helper.make_graph(list(nodes), name, inputs, outputs, list(initializers))
    model = helper.make_model(
        graph, ir_version=8, producer_name="ptyx", opset_imports=[helper.make_opsetid("", 17)]
    )
    if check:
        onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    (HERE / f"{name}.onnx").write_bytes(data)
    print(f"{name}.onnx: {len(data)} bytes")


node = helper.make_node

# y = 2x. The weight is also listed as an input, as in files of IR version 3, but a caller does not feed it.
save(
    "double",
    [node("Mul", ["x", "two"], ["y"])],
    [value("x", "batch", 1, 2, 2), value("two", 1)],
    [value("y", "batch", 1, 2, 2)],
    [constant("two", [2.0], 1)],
)

# Two inputs, one of them a scalar; two outputs, one of them a scalar.
save(
    "scaled_sum",
    [
        node("Mul", ["x", "rate"], ["y"]),
        node("ReduceSum", ["y"], ["total"], keepdims=0),
    ],
    [value("x", "batch", 3), value("rate")],
    [value("y", "batch", 3), value("total")],
)

# y = x W with 4 MiB of ones, which ONNX Runtime makes when it creates the session, so a leaked session shows.
save(
    "large",
    [
        node("ConstantOfShape", ["shape"], ["W"], value=helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])),
        node("MatMul", ["x", "W"], ["y"]),
    ],
    [value("x", "batch", 1024)],
    [value("y", "batch", 1024)],
    [helper.make_tensor("shape", TensorProto.INT64, [2], [1024, 1024])],
)

# Intermediates of 64 MiB from inputs and outputs of 16 KiB show where their memory goes. y is the row maximum of
# tanh(x x^T).
save(
    "wide",
    [
        node("MatMul", ["column", "row"], ["products"]),
        node("Tanh", ["products"], ["bounded"]),
        node("ReduceMax", ["bounded"], ["y"], axes=[1], keepdims=1),
    ],
    [value("column", 4096, 1), value("row", 1, 4096)],
    [value("y", 4096, 1)],
)

# The shape of y is left to inference.
no_shape = helper.make_empty_tensor_value_info("y")
no_shape.type.tensor_type.elem_type = TensorProto.FLOAT
save("inferred", [node("Transpose", ["x"], ["y"], perm=[1, 0])], [value("x", "batch", 3)], [no_shape], check=False)

# Refused: an operator that does not exist; elements that are not float32.
save("unknown_operator", [node("NoSuchOperator", ["x"], ["y"])], [value("x", 1)], [value("y", 1)], check=False)
save(
    "integers",
    [node("Identity", ["x"], ["y"])],
    [value("x", 1, kind=TensorProto.INT64)],
    [value("y", 1, kind=TensorProto.INT64)],
)

# Runs for some shapes only: the batch must be 1 or 3 to broadcast, which ONNX Runtime notices only at run time.
save(
    "broadcast",
    [node("Add", ["x", "b"], ["y"])],
    [value("x", "batch", 2)],
    [value("y", "n", 2)],
    [constant("b", [1.0] * 6, 3, 2)],
)
