"""Measures ptyx on a GPU, compared with the CPU and PyTorch. scripts/gpu.sh runs it.

A part that cannot run says "not run" and why; the others go on. Figures are written after every part."""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent

# Largest deviations of CUDA from the CPU. The order of sums differs, and a training or a solver amplifies that.
TOLERANCES = {"training loss": 0.02, "inference": 1e-6, "solve": 1e-3}  # relative; 1 - correlation of the objects


class NotRun(Exception):
    """A part, or a contestant in it, that could not run."""


class Bench:
    """The programs, the material, and the time that is left."""

    def __init__(self, args):
        self.ptyx, self.peer, self.rehearsal, self.quick = args.ptyx, args.peer, args.rehearsal, args.quick
        self.files = args.files
        self.patience = 4 if args.quick else 1  # tests share the machine with others
        # The network of the trainings that are compared, and the size of their scan.
        self.patterns, self.epochs, self.width = (25, 1, 1) if args.quick else (400, 5, 2)
        self.end = time.monotonic() + args.seconds
        shutil.rmtree(self.files, ignore_errors=True)  # nothing of an earlier run may count as one of this
        self.files.mkdir(parents=True)
        # The flags of each side. In a rehearsal, one thread of the CPU stands in for the GPU.
        self.sides = {"cpu": ["--device", "cpu"], "cuda": ["--device", "cuda"]}
        if self.rehearsal:
            self.sides["cuda"] = ["--device", "cpu", "--threads", "1"]

    def run(self, command, limit, lines=""):
        """The standard output and the seconds of a command with the given input, which may take `limit` seconds."""
        limit = min(limit * self.patience, self.end - time.monotonic())
        name = f"{Path(command[0]).name} {command[1]}"
        if limit <= 0:
            raise NotRun("the time of the script is used up")
        start = time.perf_counter()
        try:
            done = subprocess.run([str(c) for c in command], input=lines, capture_output=True, text=True,
                                  timeout=limit)
        except subprocess.TimeoutExpired:
            raise NotRun(f"{name} took longer than {limit:.0f} s") from None
        except OSError as error:
            raise NotRun(f"{name}: {error.strerror}") from None
        if done.returncode != 0:
            raise NotRun(last_line(done.stderr) or f"{name}: status {done.returncode}")
        return done.stdout, time.perf_counter() - start

    def command(self, *args, limit=60):
        """The result of a command of ptyx, and its seconds."""
        out, seconds = self.run([self.ptyx, *args, "--json", "--quiet"], limit)
        return json.loads(out), seconds

    def scan(self, positions, n=64):
        """A simulated scan."""
        path = self.files / f"scan{n}-{positions}.npz"
        if not path.exists():
            self.command("simulate", "--out", path, "--n", n, "--positions", positions, "--probe-size",
                         20 * n // 64, "--seed", 1)
        return path

    def correlation(self, object_, reference):
        figures, _ = self.command("eval", "--recon", object_, "--reference", reference)
        return figures["complex_correlation"]

    def model(self):
        """The run directory of the CPU, with which both sides infer."""
        run = self.files / "run-cpu"
        if not (run / "model.onnx").exists():
            raise NotRun("the training on the CPU left no model")
        return run


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""


# Parts. Each returns a dictionary of figures; a side that did not run is {"not_run": reason}.


def doctor(bench):
    """ptyx doctor: checkpoints and a training step, CUDA compared with the CPU."""
    out, _ = bench.run([bench.ptyx, "doctor", "--json"], 60)
    found = json.loads(out)
    for trial in found["trials"]:
        say(f"{trial['what']} on {trial['device']}: {1e3 * trial['seconds']:.1f} ms"
            + (f", differs from {trial['against']} by {trial['deviation']:.1e}" if trial["deviation"] else "")
            + (f": {trial['error']}" if trial["error"] else ""))
    figures = {"library": found["library"], "cuda": found["cuda"], "trials": found["trials"]}
    if not found["cuda"]["usable"] and not bench.rehearsal:
        figures["not_run"] = f"CUDA is not usable: {found['cuda']['why']}"
    return figures


def step(bench):
    """Training steps of the default network."""
    jobs = {"N=64, batch 8": (64, 8)}
    if not bench.quick:
        jobs |= {"N=64, batch 64": (64, 64), "N=128, batch 16": (128, 16)}
    figures = {}
    for name, (n, batch) in jobs.items():
        figures[name] = both(bench, lambda side: tried_step(bench, n, batch, side))
        compare(name, figures[name], "step_seconds", "a step")
    return figures


def tried_step(bench, n, batch, side, *flags):
    """A step of ptyx train, as --dry-run measures it."""
    result, _ = bench.command("train", "--train-data-file", bench.scan(bench.patterns, n), "--dry-run",
                              "--probe-passes", 0, "--n-filters-scale", bench.width, "--batch-size", batch, *flags,
                              *bench.sides[side], limit=45)
    return {k: result[k] for k in ("step_seconds", "prepare_seconds", "device", "replicas", "parameters")}


def training(bench):
    """A complete training, and the object that each model finds, compared with the truth."""
    scan = bench.scan(bench.patterns)

    def trained(side):
        run = bench.files / f"run-{side}"
        result, seconds = bench.command("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs",
                                        bench.epochs, "--n-filters-scale", bench.width, *bench.sides[side],
                                        limit=120)
        bench.command("infer", "--model-path", run, "--test-data", scan, "--output-dir", run / "object",
                      *bench.sides["cpu"])
        return {"seconds": seconds, "train_loss": result["train_loss"], "device": result["device"],
                "correlation_with_truth": bench.correlation(run / "object", scan)}

    figures = both(bench, trained)
    compare("training", figures, "seconds", "all")
    for side, f in figures.items():
        if "not_run" not in f:
            say(f"{side}: loss {f['train_loss']:.5g}, correlation with the truth {f['correlation_with_truth']:.4f}")
    if complete(figures):
        deviation = abs(figures["cuda"]["train_loss"] / figures["cpu"]["train_loss"] - 1)
        judge(figures, "training loss", deviation)
    return figures


def inference(bench):
    """A scan through one model on both sides. The session alone is ONNX Runtime's time of a batch, copies included."""
    scan = bench.scan(bench.patterns if bench.quick else 2025)

    def inferred(side):
        result, seconds = bench.command("infer", "--model-path", bench.model(), "--test-data", scan, "--output-dir",
                                        bench.files / f"object-{side}", "--batch-size", 64, *bench.sides[side])
        return {"seconds": seconds, "patterns": result["patterns"], "device": result["device"],
                "session_seconds": session(bench, bench.model(), scan, 64, side)}

    figures = both(bench, inferred)
    compare("inference", figures, "seconds", "all")
    compare("inference", figures, "session_seconds", "the session, 64 patterns")
    if complete(figures):
        judge(figures, "inference", 1 - bench.correlation(bench.files / "object-cuda", bench.files / "object-cpu"))
    return figures


def session(bench, model, scan, batch, side):
    """The median time of a batch in ONNX Runtime, by its profile."""
    profile = bench.files / f"infer-{side}.json"
    bench.command("infer", "--model-path", model, "--test-data", scan, "--output-dir", bench.files / "profiled",
                  "--batch-size", batch, "--profile", profile, *bench.sides[side])
    return statistics.median(e["dur"] / 1e6 for e in events(profile) if e["name"] == "model_run")


def solve(bench):
    """ptyx solve on both sides."""
    scan = bench.scan(bench.patterns)

    def solved(side):
        out = bench.files / f"solved-{side}"
        result, seconds = bench.command("solve", "--data", scan, "--output-dir", out, "--iterations",
                                        5 if bench.quick else 30, *bench.sides[side])
        return {"seconds": seconds, "residual": result["solver"]["residual"], "passes": result["solver"]["passes"],
                "device": result["device"]}

    figures = both(bench, solved)
    compare("solve", figures, "seconds", "all")
    if complete(figures):
        judge(figures, "solve", 1 - bench.correlation(bench.files / "solved-cuda", bench.files / "solved-cpu"))
    return figures


def pytorch(bench):
    """The network "pattern" in ptyx and PyTorch on one device: steps and inference, without TF32."""
    try:
        bench.run([bench.peer, "-c", "import torch, numpy, onnx"], 60)
    except NotRun:
        raise NotRun("PyTorch is not installed") from None
    device = "cpu" if bench.rehearsal else "cuda"
    if device == "cuda":
        seen, _ = bench.run([bench.peer, "-c", "import torch; print(torch.cuda.is_available())"], 60)
        if seen.strip() != "True":
            raise NotRun("PyTorch does not find the GPU")
    scan, run = bench.scan(bench.patterns), bench.files / "run-pattern"
    pattern = ["--gridsize", 1, "--network", "pattern", "--probe", "fixed"]
    bench.command("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", 1, "--n-images", 16,
                  "--n-filters-scale", bench.width, *pattern, *bench.sides["cpu"])
    ours = {"train": lambda batch: tried_step(bench, 64, batch, "cuda", *pattern)["step_seconds"],
            "infer": lambda batch: session(bench, run, scan, batch, "cuda")}
    variants = {"PyTorch": []} if bench.quick else {"PyTorch": [], "PyTorch, compiled": ["--compile"]}
    figures = {}
    for job, own in ours.items():
        for batch in (16,) if bench.quick else (16, 64):
            row = {"ptyx": attempt(lambda: {"seconds": own(batch)})}
            for name, flags in variants.items():
                row[name] = attempt(lambda: peer_seconds(bench, job, batch, device, flags))
            for name, f in row.items():
                say(f"{job}, batch {batch}, {name}: " + (not_run(f) or f"{1e3 * f['seconds']:.2f} ms"))
            figures[f"{job}, batch {batch}"] = row
    return figures


def peer_seconds(bench, job, batch, device, flags):
    """The median time of a step of PyTorch."""
    command = [bench.peer, "-B", HERE / "torch_peer.py", job, "--scan", bench.scan(bench.patterns), "--model",
               bench.files / "run-pattern" / "model.onnx", "--batch", batch, "--threads", 1, "--device", device,
               *flags]
    steps = "3\n3\n" if bench.quick else "10\n50\n"  # the first ones warm up
    out, _ = bench.run(command, 60, steps)
    return {"seconds": statistics.median(json.loads(last_line(out))["seconds"])}


def memory(bench):
    """The GPU's memory in use during a training, as nvidia-smi reports it, and before."""
    if bench.rehearsal:
        raise NotRun("a rehearsal has no GPU")
    before, peak, stop = used_memory(bench), [0], threading.Event()

    def watch():
        while not stop.wait(0.2):
            peak[0] = max(peak[0], attempt(lambda: {"mb": used_memory(bench)}).get("mb", 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        bench.command("train", "--train-data-file", bench.scan(bench.patterns), "--output-dir",
                      bench.files / "memory", "--max-epochs", 2, "--probe-passes", 0, "--n-filters-scale", bench.width,
                      *bench.sides["cuda"])
    finally:
        stop.set()
        watcher.join()
    say(f"{before} MB before, {peak[0]} MB at most")
    return {"before_mb": before, "peak_mb": peak[0]}


def used_memory(bench):
    out, _ = bench.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], 10)
    return max(int(line) for line in out.split())


def copies(bench):
    """Nodes of a training step that copy between host and device, or run on the CPU, by ONNX Runtime's profile.

    Inputs and outputs are copied too: the batch and the parameters in, the loss and the gradients out."""
    profile = bench.files / "train.json"
    bench.command("train", "--train-data-file", bench.scan(bench.patterns), "--output-dir", bench.files / "copies",
                  "--max-epochs", 1, "--n-images", 16, "--probe-passes", 0, "--n-filters-scale", bench.width,
                  "--profile", profile, *bench.sides["cuda"])
    listed = events(profile)
    runs = sum(e["name"] == "model_run" for e in listed)
    nodes = [e["args"] for e in listed if e["cat"] == "Node" and e["name"].endswith("_kernel_time")]
    figures = {
        "steps": runs, "nodes": len(nodes) / runs,
        "memcpy_nodes": sum(a["op_name"].startswith("Memcpy") for a in nodes) / runs,
        "cpu_nodes": sum(a.get("provider") == "CPUExecutionProvider" for a in nodes) / runs,
    }
    say(f"a step: {figures['nodes']:.0f} nodes, {figures['memcpy_nodes']:.0f} copies between host and device, "
        f"{figures['cpu_nodes']:.0f} nodes on the CPU")
    return figures


PARTS = {"doctor": doctor, "training step": step, "training": training, "inference": inference, "solve": solve,
         "copies": copies, "device memory": memory, "PyTorch": pytorch}


def attempt(job):
    """The figures of a job, or why there are none. A surprise in one part must not cost the others."""
    try:
        return job()
    except NotRun as reason:
        return {"not_run": str(reason)}
    except Exception as fault:
        return {"not_run": f"{type(fault).__name__}: {fault}"}


def not_run(figures):
    return f"not run: {figures['not_run']}" if "not_run" in figures else ""


def both(bench, job):
    return {side: attempt(lambda: job(side)) for side in bench.sides}


def complete(figures):
    return all("not_run" not in figures[side] for side in ("cpu", "cuda"))


def compare(name, figures, key, what):
    for side in ("cpu", "cuda"):
        f = figures[side]
        say(f"{name}, {side}: " + (not_run(f) or f"{what} {f[key]:.4f} s on {f['device']}"))
    if complete(figures):
        say(f"{name}: cuda is {figures['cpu'][key] / figures['cuda'][key]:.2f} times as fast")


def judge(figures, what, deviation):
    """Adds the deviation of CUDA from the CPU, and whether it is accepted."""
    most = TOLERANCES[what]
    figures["deviation"], figures["tolerance"], figures["agrees"] = deviation, most, deviation <= most
    say(f"{what}: cuda deviates from cpu by {deviation:.1e}, at most {most:g}: {'ok' if deviation <= most else 'FAIL'}")


def events(profile):
    return json.loads(Path(profile).read_text())


lines = []


def say(line=""):
    print(line, flush=True)
    lines.append(line)


def machine(bench):
    """The GPU, the processor and the program."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    version, _ = bench.run([bench.ptyx, "version"], 10)
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    gpu = attempt(lambda: bench.run(query, 10)[0].strip())
    return {"gpu": "none" if isinstance(gpu, dict) else gpu, "processor": cpu.group(1) if cpu else "",
            "cores": len(os.sched_getaffinity(0)), "ptyx": version.strip()}


def failed(figures):
    """Whether a part did not run, or CUDA disagrees with the CPU, at any depth."""
    return isinstance(figures, dict) and ("not_run" in figures or figures.get("agrees") is False
                                          or any(failed(f) for f in figures.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True)
    parser.add_argument("--directory", required=True, type=Path, help="directory for gpu.txt and gpu.json")
    parser.add_argument("--files", required=True, type=Path, help="directory for scans and what the commands write")
    parser.add_argument("--peer", required=True, help="Python with PyTorch")
    parser.add_argument("--seconds", type=float, required=True, help="time for all parts")
    parser.add_argument("--rehearsal", action="store_true", help="one thread of the CPU stands in for the GPU")
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    args = parser.parse_args()
    args.directory.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)

    record = {"rehearsal": args.rehearsal, "machine": machine(bench), "parts": {}}
    if args.rehearsal:
        say("REHEARSAL: there is no GPU. One thread of the CPU stands in for cuda; the figures mean nothing.")
    say(", ".join(f"{k} {v}" for k, v in record["machine"].items()))
    for name, part in PARTS.items():
        say(f"\n== {name}")
        figures = record["parts"][name] = attempt(lambda: part(bench))
        if "not_run" in figures:
            say(not_run(figures))
        (args.directory / "gpu.json").write_text(json.dumps(record, indent=1) + "\n")
        (args.directory / "gpu.txt").write_text("\n".join(lines) + "\n")
    # PyTorch is a peer, and a rehearsal has no device memory: neither says anything about ptyx.
    own = {name: f for name, f in record["parts"].items()
           if name != "PyTorch" and not (name == "device memory" and args.rehearsal)}
    sys.exit(1 if failed(own) else 0)


if __name__ == "__main__":
    main()
