"""The physical limit: how fast this machine multiplies matrices, and how many operations a pattern needs.

A program of its own, because it imports PyTorch."""

import argparse
import json
import time

import numpy as np
import onnx
import onnxruntime
import torch

import checkpoint

SIZE = 1536


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--threads", type=int, nargs="+", required=True)
    parser.add_argument("--models", nargs="+", required=True)
    args = parser.parse_args()
    flops = {checkpoint.load(m).n: checkpoint.flops(m) for m in args.models}
    print(json.dumps({"gflops": products(args), "flops_per_pattern": flops}))


def products(args):
    """GFLOP/s of each round, by threads and library."""
    result = {}
    for threads in args.threads:
        ways = {"ONNX Runtime MatMul": onnx_product(threads), "torch.mm": torch_product(threads)}
        rates = {name: [] for name in ways}
        for _ in range(1 + args.rounds):
            for name, run in ways.items():
                start = time.perf_counter()
                for _ in range(5):
                    run()
                rates[name].append(5 * 2 * SIZE**3 / (time.perf_counter() - start) / 1e9)
        result[threads] = {name: r[1:] for name, r in rates.items()}  # the first round warms up
    return result


def onnx_product(threads):
    value = onnx.helper.make_tensor_value_info
    shape = [SIZE, SIZE]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "product",
        [value("a", onnx.TensorProto.FLOAT, shape), value("b", onnx.TensorProto.FLOAT, shape)],
        [value("c", onnx.TensorProto.FLOAT, shape)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    a = np.random.default_rng(0).standard_normal((SIZE, SIZE), dtype=np.float32)
    return lambda: session.run(None, {"a": a, "b": a})


def torch_product(threads):
    a = torch.randn(SIZE, SIZE)

    def run():
        torch.set_num_threads(threads)
        torch.mm(a, a)

    return run


if __name__ == "__main__":
    main()
