"""PyTorch as one of the programs that take turns: training steps, or inference, in one of its variants."""

import argparse
import time

import numpy as np
import torch
from torch._inductor import config as inductor

import checkpoint
import network
import physics
from serve import serve

TRAINING_BATCHES = 8  # in an epoch, as in bench/measure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=["train", "infer"])
    parser.add_argument("--scan", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--freeze", action="store_true", help="with --compile: weights are constants (inference)")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # ptyx computes in float32, too
    torch.backends.cuda.matmul.allow_tf32 = False
    if args.freeze:
        inductor.freezing = True
    {"train": train, "infer": infer}[args.job](args)


def memory_format(args):
    return torch.channels_last if args.channels_last else torch.contiguous_format


def load_patterns(scan, args):
    """(M, 1, N, N) float32."""
    return torch.from_numpy(scan["diff3d"][:, None].astype(np.float32)).contiguous(memory_format=memory_format(args))


def build(args, loaded):
    net = network.from_checkpoint(loaded).to(args.device, memory_format=memory_format(args))
    return torch.compile(net) if args.compile else net


def train(args):
    loaded, scan = checkpoint.load(args.model), np.load(args.scan)
    patterns = load_patterns(scan, args).to(args.device)  # they stay there
    offsets = physics.offsets(scan["xcoords"], scan["ycoords"]).to(args.device)
    count = min(len(patterns), TRAINING_BATCHES * args.batch)

    start = time.perf_counter()
    net, likelihood = build(args, loaded), physics.Physics(loaded).to(args.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def batches():
        while True:
            yield from torch.randperm(count, device=args.device).split(args.batch)

    order = batches()

    def step():
        index = next(order)
        batch = patterns[index]
        optimizer.zero_grad()
        loss = likelihood(*net(batch), batch, offsets[index])
        loss.backward()
        optimizer.step()
        return loss.item()  # a training reads its loss

    step()  # compiles
    serve(step, time.perf_counter() - start, args.batch)


def infer(args):
    loaded, scan = checkpoint.load(args.model), np.load(args.scan)
    patterns = load_patterns(scan, args)
    batch = patterns[torch.arange(args.batch) % len(patterns)]
    start = time.perf_counter()
    net = build(args, loaded).eval()

    def step():
        with torch.inference_mode():
            return [patch.cpu() for patch in net(batch.to(args.device))]  # as ptyx: from and to the host's memory

    step()
    serve(step, time.perf_counter() - start, args.batch)


if __name__ == "__main__":
    main()
