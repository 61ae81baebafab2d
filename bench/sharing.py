"""Measures how a pretraining speeds up with workers on NATS JetStream, each with one thread on a core of its own.

    make bench-sharing

Writes sharing.md and sharing.json."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import machine
import record
from figures import spread, verdict
from servers import HOST, free_port, until_listening
from tables import machine as machine_line, section, table, time_of
from working import begin, ended, running

WORKERS = (1, 2, 4)
BATCHES = (24, 96)  # patterns of a step
SHARDS = 4
BAR = 0.85  # of the speed of one worker, times the cores


@dataclass
class Bench:
    ptyx: Path
    files: Path
    rounds: int
    patterns: int  # of a round

    def pretrain(self, batch, *flags, cores=None):
        """Runs a pretraining of two rounds. Returns the patterns per second of the second, when all is compiled, and
        the CPU seconds for a step."""
        out = self.files / "run"
        shutil.rmtree(out, ignore_errors=True)
        process = begin([self.ptyx, "pretrain", "--output-dir", out, "--patterns", 2 * self.patterns, "--round",
                         self.patterns, "--batch-size", batch, "--shards", SHARDS, "--device", "cpu", "--threads", 1,
                         "--quiet", *flags], cores)
        spent = ended(process, "ptyx pretrain")
        rounds = [json.loads(line) for line in (out / "rounds.jsonl").read_text().splitlines()]
        return rounds[-1]["patterns_per_s"], spent

    def shared(self, batch, cores):
        """The same with a worker on each of the cores. Broker and pretraining run on any."""
        store = self.files / "store"
        shutil.rmtree(store, ignore_errors=True)
        port, spent = free_port(), {}
        with running(spent, "broker", [[self.ptyx, "broker", "--store", store, "--listen", f"{HOST}:{port}"]],
                     [None]) as (broker,):
            until_listening(broker, port, "the broker")
            url = ["--nats", f"nats://{HOST}:{port}"]
            worker = [self.ptyx, "worker", *url, "--threads", 1, "--device", "cpu"]
            with running(spent, "workers", [worker for _ in cores], [[c] for c in cores]):
                time.sleep(2)  # until the workers wait for tasks
                speed, spent["pretrain"] = self.pretrain(batch, *url)
        steps = 2 * self.patterns / batch
        return speed, {name: s / steps for name, s in spent.items()}


def sharing(bench):
    cores, rows = sorted(os.sched_getaffinity(0)), []
    for batch in BATCHES:
        turns = {count: [] for count in WORKERS}
        alone, spent = [], {count: [] for count in WORKERS}
        for _ in range(bench.rounds):
            alone.append(bench.pretrain(batch, cores=cores[:1])[0])
            for count in WORKERS:
                speed, cpu = bench.shared(batch, [cores[i % len(cores)] for i in range(count)])
                turns[count].append(speed)
                spent[count].append(cpu)
        for count in WORKERS:
            used = min(count, len(cores))
            share = spread([s / one / used for s, one in zip(turns[count], turns[1], strict=True)])
            rows.append({"batch": batch, "workers": count, "cores": used, "alone": spread(alone),
                         "speed": spread(turns[count]), "share": share, "verdict": verdict(share["median"], BAR, None),
                         "cpu": {name: spread([s[name] for s in spent[count]]) for name in spent[count][0]}})
            print(f"{batch} patterns a step, {count} workers on {used} cores: {rows[-1]['speed']['median']:.0f} "
                  f"patterns/s, efficiency {share['median']:.2f}  {rows[-1]['verdict']}", flush=True)
    return rows


def page(found):
    head = ["patterns a step", "workers", "cores", "one process, one thread (patterns/s)", "workers (patterns/s)",
            f"efficiency (bar: {BAR})", "", "ms of a core for a step: workers", "broker", "pretrain"]
    rows = [(r["batch"], r["workers"], r["cores"], time_of(r["alone"], 1, 0), time_of(r["speed"], 1, 0),
             time_of(r["share"], 1, 2), r["verdict"],
             *(f"{1e3 * r['cpu'][name]['median']:.1f}" for name in ("workers", "broker", "pretrain")))
            for r in found["sections"]["sharing"]]
    return "\n".join([
        "# A pretraining on several workers\n",
        "`make bench-sharing` writes this page. Each worker has one thread on a core of its own; broker and "
        "pretraining share\nthe cores. Efficiency is the speed, divided by that of one worker and by the cores.\n",
        machine_line(found["machine"]) + "\n", section("Speed") + table(head, rows)])


def main():
    args = record.arguments(__doc__, "sharing", files="what the programs write", quick="a short run").parse_args()
    args.files.mkdir(parents=True, exist_ok=True)
    bench = Bench(args.ptyx.resolve(), args.files.resolve(), rounds=1 if args.quick else 3,
                  patterns=192 if args.quick else 1536)
    record.run(bench, bench.files if args.quick else args.results, "sharing", machine.describe(bench, []),
               {"sharing": sharing}, ["sharing"], page)


if __name__ == "__main__":
    main()
