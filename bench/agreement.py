"""Compares the numbers of all programs: patches, loss, gradients and updates of the same weights and patterns.

It imports PyTorch, so it runs as a program of its own, and the process that measures stays small."""

import argparse
import json

import numpy as np
import onnxruntime
import torch

import checkpoint
import network
import openvino_peer
import physics
from steps import TORCH_TRAINING

# Gradients are compared with PyTorch in double precision, relative to the largest entry of each array. Winograd's
# transforms and sums in another order change them by some 1e-4. In single precision, rounding decides which of nearly
# equal pixels a pooling takes; one such choice of PyTorch changed a gradient by 5e-3. Adam divides by the size of the
# gradient and amplifies that: two layouts of PyTorch differ by 2e-2 within five steps.
OUTPUTS, LOSS, GRADIENTS, CHOICES, UPDATES = 1e-4, 1e-4, 1e-3, 1e-2, 5e-2


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scan", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--numbers", required=True, help="what bench/measure numbers wrote")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    numbers, scan, loaded = np.load(args.numbers), np.load(args.scan), checkpoint.load(args.model)
    count = len(numbers["amplitude"])
    patterns = scan["diff3d"][:count, None].astype(np.float32)
    offsets = physics.offsets(scan["xcoords"][:count], scan["ycoords"][:count])
    want = (numbers["amplitude"], numbers["phase"])

    rows = [outputs("ONNX Runtime for Python", onnx_outputs(args.model, patterns), want),
            outputs("OpenVINO", openvino_outputs(args.model, patterns), want)]
    rows.append(row("PyTorch eager, double precision", "gradients of all parameters, relative",
                    exact_gradients(loaded, torch.from_numpy(patterns), offsets, numbers), GRADIENTS))
    for name, flags in TORCH_TRAINING.items():
        if not args.quick or "--compile" not in flags:
            rows += torch_rows(name, flags, loaded, torch.from_numpy(patterns), offsets, numbers)
    print(json.dumps({"parameters": loaded.parameter_count(), "n": loaded.n, "batch": count, "rows": rows}))


def row(name, what, difference, bound):
    return {"who": name, "what": what, "difference": float(difference), "bound": bound, "ok": bool(difference <= bound)}


def outputs(name, got, want):
    return row(name, "amplitude and phase, absolute", max(np.abs(g - w).max() for g, w in zip(got, want, strict=True)),
               OUTPUTS)


def onnx_outputs(model, patterns):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: patterns})


def openvino_outputs(model, patterns):
    result = openvino_peer.compiled(model, len(patterns), 2).infer_new_request([patterns])
    return list(result.values())


def torch_rows(name, flags, loaded, patterns, offsets, numbers):
    net = network.from_checkpoint(loaded)
    if "--channels-last" in flags:
        net = net.to(memory_format=torch.channels_last)
        patterns = patterns.contiguous(memory_format=torch.channels_last)
    run = torch.compile(net) if "--compile" in flags else net
    likelihood = physics.Physics(loaded)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    losses, rows = [], []
    for step in range(len(numbers["losses"])):
        optimizer.zero_grad()
        amplitude, phase = run(patterns)
        loss = likelihood(amplitude, phase, patterns, offsets)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            patches = (amplitude.detach().numpy(), phase.detach().numpy())
            rows.append(outputs(name, patches, (numbers["amplitude"], numbers["phase"])))
            rows.append(row(name, "gradients of all parameters, relative", gradients(net, loaded, numbers), CHOICES))
        optimizer.step()
    differences = np.abs(np.array(losses) / numbers["losses"] - 1)
    rows.append(row(name, "loss, relative", differences[0], LOSS))
    rows.append(row(name, f"losses of {len(losses)} steps of Adam, relative", differences.max(), UPDATES))
    return rows


def exact_gradients(loaded, patterns, offsets, numbers):
    net, likelihood = network.from_checkpoint(loaded).double(), physics.Physics(loaded, torch.float64)
    likelihood(*net(patterns.double()), patterns.double(), offsets.double()).backward()
    return gradients(net, loaded, numbers)


def gradients(net, loaded, numbers):
    """The largest difference of a gradient, relative to the largest entry of its array."""
    worst = 0.0
    for name, parameter in zip(loaded.weights, net.parameters(), strict=True):
        want = numbers["grad." + name]
        worst = max(worst, np.abs(parameter.grad.numpy() - want).max() / np.abs(want).max())
    return worst


if __name__ == "__main__":
    main()
