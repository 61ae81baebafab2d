"""Scans sent to ptyx serve frame by frame: frames per second on the canvas."""

import time

from answering import bare, throughput
from contender import PAUSE
from figures import spread
from servers import Load, ptyx_serving

SENDERS = 4
IN_POST = 32


def frames(bench):
    return [measured(bench, n) for n in (64, 128)]


def measured(bench, n):
    """A row for one size of patterns, with the narrowest network."""
    scan, model = bench.scan(n), bench.model(1, n)
    with ptyx_serving(bench, model, bench.threads) as address, Load(bench, f"{address}/v1/scans", scan) as send:
        session = bare(bench, scan, model)
        send("frames", SENDERS, 1, IN_POST)
        results, rates = [], []
        for _ in range(bench.rounds):
            results.append(send("frames", SENDERS, bench.seconds, IN_POST))
            time.sleep(PAUSE)
            rates.append(throughput(session, bench.seconds))
        session.close()
    row = {"n": n, "per_second": spread([m["per_second"] for m in results]), "p99": spread([m["p99"] for m in results]),
           "session": spread(rates),
           "share": spread([m["per_second"] / a for m, a in zip(results, rates, strict=True)])}
    print(f"frames of {n} x {n}: {row['per_second']['median']:.0f} a second, "
          f"{row['share']['median']:.2f} of the bare session", flush=True)
    return row
