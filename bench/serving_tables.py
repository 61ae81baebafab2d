"""serving.md: the figures of the servers as tables."""

from tables import machine, mark, table, time_of


def page(record):
    parts = [HEAD, machine(record["machine"])]
    parts += [write(record["sections"][name]) for name, write in WRITERS.items() if name in record["sections"]]
    return "\n".join(parts)


HEAD = """# ptyx serve under load

Written by `make bench-serve`; [docs/scaling.md](../docs/scaling.md) says what follows from it. Servers, clients and the bare session take turns on one machine,
whose cores clients and server share; figures are medians of rounds, in brackets the lowest and the highest. **Share**: of the patterns a second that the bare
session makes in the same round, in batches of 16, without a server, a client or a stitcher.
"""


def requests(s):
    body = [(r["clients"], r["server"], time_of(r["per_second"], 1), time_of(r["p50"]), time_of(r["p99"]),
             f"{r['share']['median']:.2f} ({r['share']['min']:.2f} .. {r['share']['max']:.2f})", r["bar"] or "", mark(r["verdict"])) for r in s["rows"]]
    return ("## Requests\n\nOne pattern of 64 x 64 pixels a request, the default network; a client asks again when it was answered. ptyx speaks the Open Inference Protocol in "
            "raw bytes and gathers up to 16 patterns of all clients; FastAPI (uvicorn, ONNX Runtime for Python) is spared the protocol and runs each request by itself. "
            f"The bare session: {time_of(s['session'], 1)} patterns a second.\n\n"
            + table(["clients", "server", "requests/s", "median, ms", "99%, ms", "share", "bar", ""], body))


def frames(rows):
    body = [(f"{r['n']} x {r['n']}", time_of(r["per_second"], 1, 0), time_of(r["session"], 1, 0), f"{r['share']['median']:.2f}", time_of(r["p99"])) for r in rows]
    return ("## Frames of a scan\n\n`/v1/scans`, the narrowest network (`--n-filters-scale 1`): four senders, 32 frames in a post (NPZ); a frame counts when it is on the canvas.\n\n"
            + table(["pixels", "frames/s", "bare session, frames/s", "share", "99% of the posts, ms"], body))


def workers(rows):
    names = list(rows[0]["cpu"])
    body = [(r["workers"], r["cores"], time_of(r["together"], 1, 0), time_of(r["alone"], 1, 0), f"{r['share']['median']:.2f} ({r['share']['min']:.2f} .. {r['share']['max']:.2f})",
             r["bar"], mark(r["verdict"]), *(f"{1e3 * r['cpu'][n]['median']:.2f}" for n in names)) for r in rows]
    return ("## Workers of a broker\n\n`ptyx infer --nats` on 1024 patterns of 64 x 64 pixels, the default network, whole processes; workers of one thread, each pinned to a core, which broker and "
            "client share; one process is `ptyx infer` pinned to the same cores. On the right what each program takes of a core for a frame.\n\n"
            + table(["workers", "cores", "frames/s", "one process, frames/s", "share", "bar", "", *(f"{n}, ms" for n in names)], body))


WRITERS = {"requests": requests, "frames": frames, "workers": workers}
