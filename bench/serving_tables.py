"""serving.md: the figures of the servers as tables."""

from tables import machine, mark, section, table, time_of


def page(record):
    parts = [HEAD, machine(record["machine"])]
    parts += [write(record["sections"][name]) for name, write in WRITERS.items() if name in record["sections"]]
    return "\n".join(parts)


HEAD = """# ptyx serve under load

`make bench-serve` writes this page; [docs/scaling.md](../docs/scaling.md) draws the conclusions. Servers, clients and
the bare session take turns on one machine, whose cores clients and server share. Figures are medians of rounds, with
the lowest and the highest in brackets. **Share**: the share of the patterns per second of the bare session. That runs
in the same round, in batches of 16, without a server, a client or a stitcher.
"""


def requests(s):
    body = [(r["clients"], r["server"], time_of(r["per_second"], 1), time_of(r["p50"]), time_of(r["p99"]),
             f"{r['share']['median']:.2f} ({r['share']['min']:.2f} .. {r['share']['max']:.2f})", r["bar"] or "",
             mark(r["verdict"])) for r in s["rows"]]
    return (section("Requests", "A request has one pattern of 64 x 64 pixels, for the default network. A client "
                    "sends the next when it has the answer. ptyx speaks the Open Inference Protocol in raw bytes "
                    "and gathers up to 16 patterns of all clients. FastAPI (uvicorn, ONNX Runtime for Python) "
                    "needs no protocol and runs each request separately. The bare session: "
                    f"{time_of(s['session'], 1)} patterns per second.")
            + table(["clients", "server", "requests/s", "median, ms", "99%, ms", "share", "bar", ""], body))


def frames(rows):
    body = [(f"{r['n']} x {r['n']}", time_of(r["per_second"], 1, 0), time_of(r["session"], 1, 0),
             f"{r['share']['median']:.2f}", time_of(r["p99"])) for r in rows]
    return (section("Frames of a scan", "Four clients send frames to `/v1/scans`, 32 in a post (NPZ), for the "
                    "narrowest network (`--n-filters-scale 1`). A frame counts when it is on the canvas.")
            + table(["pixels", "frames/s", "bare session, frames/s", "share", "99% of the posts, ms"], body))


def workers(rows):
    names = list(rows[0]["cpu"])
    body = [(r["workers"], r["cores"], time_of(r["together"], 1, 0), time_of(r["alone"], 1, 0),
             f"{r['share']['median']:.2f} ({r['share']['min']:.2f} .. {r['share']['max']:.2f})",
             r["bar"], mark(r["verdict"]), *(f"{1e3 * r['cpu'][n]['median']:.2f}" for n in names)) for r in rows]
    return (section("Workers of a broker", "`ptyx infer --nats` on 1024 patterns of 64 x 64 pixels, with the "
                    "default network, in complete processes. Each worker has one thread and is pinned to a core; "
                    "broker and client share these cores. One process is `ptyx infer` pinned to the same cores. "
                    "The last columns are the CPU time of each program per frame.")
            + table(["workers", "cores", "frames/s", "one process, frames/s", "share", "bar", "",
                     *(f"{n}, ms" for n in names)], body))


WRITERS = {"requests": requests, "frames": frames, "workers": workers}
