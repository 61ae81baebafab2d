"""Complete processes of ptyx: the seed workload, a scan, one pattern; and the bare session, if the bar needs it."""

import time

from command import timed
from contender import PAUSE, Contender
from figures import ratio, spread, verdict
from material import SEED_INFER, SEED_TRAIN

MB = 1e6


def processes(bench):
    """The rows of complete commands: seconds and memory."""
    out = bench.files / "out"
    model, scan = bench.default_model(), bench.scan(64)
    run = bench.files / "seed"

    def infer(*flags):
        return [bench.ptyx, "infer", "--model-path", model, "--test-data", scan, "--output-dir", out, *flags]

    def seed():
        a = timed([bench.ptyx, "train", "--train_data_file", scan, "--test_data_file", scan, "--output_dir", run,
                   *SEED_TRAIN])
        b = timed([bench.ptyx, "infer", "--model_path", run, "--test_data", scan, "--output_dir", out, *SEED_INFER])
        return a[0] + b[0], max(a[1], b[1])

    jobs = {
        "seed workload: train 2 epochs on 64 patterns, batch 4; infer 32": (seed, 3, 2),
        "infer one pattern": (lambda: timed(infer("--n-images", 1)), 0.2, 0.12),
        "ptyx version (start of the process alone)": (lambda: timed([bench.ptyx, "version"]), None, None),
    }
    measured = {name: [] for name in jobs}
    for _ in range(1 + bench.rounds):  # the first round warms up
        for name, (job, _, _) in jobs.items():
            time.sleep(PAUSE)
            measured[name].append(job())
    rows = []
    for name, (_, bar, aim) in jobs.items():
        figure = spread([seconds for seconds, _ in measured[name][1:]])
        rows.append({"what": name, "bar": bar, "aim": aim,
                     "verdict": verdict(figure["median"], bar, aim, larger_is_better=False),
                     "megabytes": max(memory for _, memory in measured[name]) / MB} | figure)
        say(rows[-1])
    return rows


def against_session(bench):
    """ptyx infer on a scan, and the bare session on its patterns, in turn."""
    threads, batch = 2, 16
    command = [bench.ptyx, "infer", "--model-path", bench.default_model(), "--test-data", bench.scan(64),
               "--output-dir", bench.files / "out",
               "--threads", threads, "--batch-size", batch]
    session = Contender("bare session", bench.ours("pass", 64, batch, threads, bench.default_model()))
    session.run(1)
    timed(command)
    bare, whole = [], []
    for _ in range(bench.rounds):
        time.sleep(PAUSE)
        bare += session.run(1)
        time.sleep(PAUSE)
        whole.append(timed(command)[0])
    session.close()
    figure = ratio(bare, whole)  # how much longer the command takes
    row = {"patterns": session.patterns, "batch": batch, "threads": threads, "bare": spread(bare),
           "whole": spread(whole),
           "bar": 1.15, "aim": 1.05, "verdict": verdict(figure["median"], 1.15, 1.05, larger_is_better=False)} | figure
    print(f"infer {session.patterns} patterns: whole {row['whole']['median']:.3f} s, "
          f"session {row['bare']['median']:.3f} s, {row['median']:.3f}x  {row['verdict']}", flush=True)
    return row


def say(row):
    print(f"{row['what']}: {row['median']:.3f} s ({row['min']:.3f} .. {row['max']:.3f}), "
          f"{row['megabytes']:.0f} MB  {row['verdict']}", flush=True)
