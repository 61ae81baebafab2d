"""Compares workers on NATS JetStream with one process: throughput, and CPU time of each program per frame."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

from figures import spread, verdict
from servers import HOST, free_port, until_listening

WORKERS = (1, 2, 4)
BAR = 0.9  # share of one process on as many cores
FRAMES = 1024
ROUNDS = 3  # a round takes minutes


def workers(bench):
    cores = sorted(os.sched_getaffinity(0))
    frames = FRAMES // 16 if bench.quick else FRAMES
    scan = bench.files / f"scan64-{frames}.npz"
    if not scan.exists():
        bench.simulate(scan, frames)
    rows = []
    for count in WORKERS[:2] if bench.quick else WORKERS:
        used = min(count, len(cores))
        alone, together, spent = [], [], []
        for _ in range(min(ROUNDS, bench.rounds)):
            alone.append(one_process(bench, scan, cores[:used]))
            seconds, cpu = through_broker(bench, scan, [cores[i % len(cores)] for i in range(count)])
            together.append(seconds)
            spent.append(cpu)
        share = spread([a / t for a, t in zip(alone, together, strict=True)])
        rows.append({"workers": count, "cores": used, "alone": spread([frames / s for s in alone]),
                     "together": spread([frames / s for s in together]), "share": share,
                     "bar": BAR, "verdict": verdict(share["median"], BAR, None),
                     "cpu": {name: spread([s[name] / frames for s in spent]) for name in spent[0]}})
        r = rows[-1]
        cpu = ", ".join(f"{name} {1e3 * c['median']:.2f}" for name, c in r["cpu"].items())
        print(f"{count} workers on {used} cores: {r['together']['median']:.0f} frames/s, "
              f"{share['median']:.2f} of one process; ms of a core for a frame: {cpu}  {r['verdict']}", flush=True)
    return rows


def one_process(bench, scan, cores):
    return infer(bench, scan, "--threads", len(cores), cores=cores)[0]


def infer(bench, scan, *flags, cores=None):
    """Runs the command; returns its seconds and its CPU seconds."""
    start = time.perf_counter()
    process = begin([bench.ptyx, "infer", "--model-path", bench.model(2), "--test-data", scan, "--output-dir",
                     bench.files / "out", "--quiet", *flags], cores)
    spent = ended(process, "ptyx infer")
    return time.perf_counter() - start, spent


def through_broker(bench, scan, cores):
    """The same scan through a broker, with a one-thread worker on each core; broker and client run on any."""
    store = bench.files / "store"
    shutil.rmtree(store, ignore_errors=True)
    port = free_port()
    spent = {}
    with running(spent, "broker", [[bench.ptyx, "broker", "--store", store, "--listen", f"{HOST}:{port}"]],
                 [None]) as (broker,):
        until_listening(broker, port, "the broker")
        url = ["--nats", f"nats://{HOST}:{port}"]
        with running(spent, "workers", [[bench.ptyx, "worker", *url, "--threads", 1, "--model", bench.model(2)]
                                        for _ in cores], [[c] for c in cores]):
            time.sleep(2)  # until the workers wait for tasks
            seconds, spent["infer"] = infer(bench, scan, *url)
    return seconds, spent


@contextmanager
def running(spent, name, commands, cores):
    """Runs programs until the block ends, and then stores their total CPU seconds in spent[name]."""
    processes = [begin(command, on) for command, on in zip(commands, cores, strict=True)]
    try:
        yield processes
    finally:
        for p in processes:
            p.send_signal(signal.SIGTERM)
        spent[name] = sum(ended(p, name) for p in processes)


def begin(command, cores):
    pinned = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    return subprocess.Popen([str(c) for c in command], preexec_fn=pinned, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def ended(process, name):
    """Waits for a process; returns its CPU seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{name} ended with status {process.returncode}: {process.stderr.read()[-400:].strip()}")
    return usage.ru_utime + usage.ru_stime
