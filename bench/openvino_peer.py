"""OpenVINO as one of the programs that take turns, on ptyx's own model file."""

import argparse
import time

import numpy as np
import openvino

from serve import serve


def compiled(model, batch, threads):
    """The model for a batch, in float32. By default OpenVINO uses bfloat16 if the processor has it: another answer."""
    core = openvino.Core()
    read = core.read_model(model)
    read.reshape([batch, *(d.get_length() for d in list(read.input().partial_shape)[1:])])
    return core.compile_model(read, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scan", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()

    patterns = np.load(args.scan)["diff3d"][:, None].astype(np.float32)
    batch = np.ascontiguousarray(patterns[np.arange(args.batch) % len(patterns)])
    start = time.perf_counter()
    model = compiled(args.model, args.batch, args.threads)
    built = time.perf_counter() - start
    request = model.create_infer_request()
    request.set_input_tensor(openvino.Tensor(batch, shared_memory=True))
    serve(request.infer, built, args.batch)


if __name__ == "__main__":
    main()
