"""The server that a Python user would write: FastAPI, uvicorn, ONNX Runtime, one run per request.

It needs no parsing: requests and answers are raw float32."""

import argparse

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    uvicorn.run(application(session), host="127.0.0.1", port=args.port, log_level="warning")


def application(session):
    app = FastAPI()
    given = session.get_inputs()[0]
    shape = (-1, *given.shape[1:])

    def patches(body):
        amplitude, phase = session.run(None, {given.name: np.frombuffer(body, np.float32).reshape(shape)})
        return amplitude.tobytes() + phase.tobytes()

    @app.post("/infer")
    async def infer(request: Request):
        return Response(await run_in_threadpool(patches, await request.body()), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    main()
