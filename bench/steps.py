"""Training steps and runs of the network: ptyx and its peers in turn."""

from contender import take_turns
from figures import best, ratio, spread, verdict

OURS = "ptyx"
TORCH_TRAINING = {
    "PyTorch eager": [],
    "PyTorch eager, channels_last": ["--channels-last"],
    "PyTorch compile": ["--compile"],
    "PyTorch compile, channels_last": ["--compile", "--channels-last"],
}
TORCH_INFERENCE = TORCH_TRAINING | {"PyTorch compile, frozen": ["--compile", "--freeze"]}

# (N, batch, threads): bar, aim against the best PyTorch
TRAINING = {
    (64, 16, 2): (1.0, 1.25), (64, 16, 1): (None, None), (64, 4, 2): (None, None), (64, 4, 1): (1.0, 1.25),
    (128, 16, 2): (None, None), (128, 16, 1): (None, None), (128, 4, 2): (None, None), (128, 4, 1): (None, None),
}
INFERENCE = [(64, batch, threads) for threads in (2, 1) for batch in (1, 16, 32)] + [(128, 16, 2)]


def training(bench, size):
    """The rows of one pattern size."""
    rows = []
    for (n, batch, threads), (bar, aim) in TRAINING.items():
        if n != size or bench.quick and (batch, threads) != (4, 1):
            continue
        commands = {OURS: bench.ours("train", n, batch, threads)}
        commands |= {name: bench.peer("torch_peer.py", n, batch, threads, "train", *flags) for name,
                     flags in TORCH_TRAINING.items()}
        turns = take_turns(commands, bench.rounds, bench.seconds)
        row = compared(turns, n, batch, threads, list(TORCH_TRAINING), "the best PyTorch", bar, aim)
        rows.append(row)
        say("training", row)
    return rows


def inference(bench):
    rows = []
    for n, batch, threads in INFERENCE:
        if bench.quick and (n, batch, threads) != (64, 16, 2):
            continue
        commands = {
            OURS: bench.ours("infer", n, batch, threads),
            "ONNX Runtime for Python": bench.peer("onnxruntime_peer.py", n, batch, threads),
            "OpenVINO": bench.peer("openvino_peer.py", n, batch, threads),
        }
        commands |= {name: bench.peer("torch_peer.py", n, batch, threads, "infer", *flags) for name,
                     flags in TORCH_INFERENCE.items()}
        turns = take_turns(commands, bench.rounds, bench.seconds)
        row = compared(turns, n, batch, threads, ["ONNX Runtime for Python"], "ONNX Runtime for Python", 0.97, 1.0)
        torch = best(turns, TORCH_INFERENCE)
        row["ratios"] += [
            against(turns, torch, "the best PyTorch", None, 1.2), against(turns, "OpenVINO", "OpenVINO", None, None)]
        rows.append(row)
        say("inference", row)
    return rows


def compared(turns, n, batch, threads, peers, against_whom, bar, aim):
    return {
        "n": n, "batch": batch, "threads": threads,
        "contenders": {name: spread(t["rounds"]) | {"build": t["build"]} for name, t in turns.items()},
        "ratios": [against(turns, best(turns, peers), against_whom, bar, aim)],
    }


def against(turns, peer, whom, bar, aim):
    figure = ratio(turns[OURS]["rounds"], turns[peer]["rounds"])
    return {"against": whom, "peer": peer, "bar": bar, "aim": aim,
            "verdict": verdict(figure["median"], bar, aim)} | figure


def say(section, row):
    print(f"{section} N={row['n']} batch {row['batch']} threads {row['threads']}:", flush=True)
    for name, c in row["contenders"].items():
        print(f"    {name:32} {1e3 * c['median']:9.1f} ms  ({1e3 * c['min']:.1f} .. {1e3 * c['max']:.1f})", flush=True)
    for r in row["ratios"]:
        print(f"    {r['median']:.2f}x {r['against']} ({r['peer']})  {r['verdict']}", flush=True)
