"""Requests of one pattern: their number per second and their latency."""

import time

from contender import PAUSE, Contender
from figures import spread, verdict
from servers import Load, fastapi_serving, ptyx_serving

CLIENTS = (1, 8, 64)
BAR = 0.9  # share of the bare session's throughput, at the largest number of clients
OURS, THEIRS = "ptyx serve", "FastAPI"


def requests(bench):
    scan, model = bench.scan(), bench.model(2)
    with (ptyx_serving(bench, model, bench.threads) as ours, fastapi_serving(model, bench.threads) as theirs,
          Load(bench, f"{ours}/v2/models/net/infer", scan) as ask,
          Load(bench, f"{theirs}/infer", scan, "-raw") as ask_them):
        session = bare(bench, scan, model)
        results = {OURS: {c: [] for c in CLIENTS}, THEIRS: {c: [] for c in CLIENTS}}
        rates = []
        asks = {OURS: ask, THEIRS: ask_them}
        for who in asks.values():  # warm up
            who("requests", 8, 1)
        for _ in range(bench.rounds):
            for clients in CLIENTS:
                for name, who in asks.items():
                    results[name][clients].append(who("requests", clients, bench.seconds))
                    time.sleep(PAUSE)
            rates.append(throughput(session, bench.seconds))
        session.close()
    rows = [row(name, clients, results[name][clients], rates) for clients in CLIENTS for name in results]
    for r in rows:
        print(f"{r['clients']} clients, {r['server']}: {r['per_second']['median']:.1f} a second, "
              f"{1e3 * r['p50']['median']:.1f} and {1e3 * r['p99']['median']:.1f} ms, "
              f"{r['share']['median']:.2f} of the bare session  {r['verdict']}", flush=True)
    return {"session": spread(rates), "rows": rows}


def bare(bench, scan, model, batch=16):
    return Contender("measure", [str(c) for c in (bench.measure, "infer", "-scan", scan, "-model", model, "-batch",
                                                  batch, "-threads", bench.threads)])


def throughput(session, seconds):
    """Patterns per second of the bare session, measured for about the given seconds."""
    one = sum(session.run(2)) / 2
    taken = session.run(max(1, round(seconds / one)))
    return session.patterns * len(taken) / sum(taken)


def row(name, clients, found, rates):
    share = spread([f["per_second"] / a for f, a in zip(found, rates, strict=True)])
    bar = BAR if name == OURS and clients == max(CLIENTS) else None
    return {"server": name, "clients": clients,
            **{k: spread([f[k] for f in found]) for k in ("per_second", "p50", "p99")}, "share": share,
            "bar": bar, "verdict": verdict(share["median"], bar, None)}
