"""ONNX Runtime for Python as one of the programs that take turns, on ptyx's own model file."""

import argparse
import time

import numpy as np
import onnxruntime

from serve import serve


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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    built = time.perf_counter() - start
    feed = {session.get_inputs()[0].name: batch}
    serve(lambda: session.run(None, feed), built, args.batch)


if __name__ == "__main__":
    main()
