"""Checks ptyx serve with tritonclient, the usual client of such servers.

It checks health, metadata, inference in JSON and in raw bytes, many requests at once, refusals, the token, the end. It
compares patches with those of ONNX Runtime for Python."""

import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
import onnx
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from files import CASES, SCAN, SCAN_128
from pages import beside
from patches import TOLERANCE, combine, fraction, output_names, parts, patches_of, session_of, takes_probe

TOKEN = "a-word-of-the-checks"
INPUT = "amplitude_measured"
N128 = next(c for c in CASES if c.n == 128)
SERVED = {"star": (CASES[0], SCAN, 40),
          "n128": (N128, SCAN_128, 3)}  # model, scan, patterns: 40 are more than one batch
CLIENTS = 8


@contextmanager
def serving(ptyx, files):
    """Runs a server; yields its address, and appends its exit status to `ended` after the block."""
    token = (beside(files) / "token").resolve()
    token.write_text(TOKEN + "\n")
    models = [a for name, (case, _, _) in SERVED.items() for a in ("--model", f"{name}={case.run}")]
    ended = []
    with subprocess.Popen([ptyx.program, "serve", *models, "--listen", "127.0.0.1:0", "--token-file", token,
                           "--batch-size", "16", "--device", "cpu"],
                          cwd=files, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            yield line.split(": ")[0].removeprefix("http://"), ended
        finally:
            process.send_signal(signal.SIGTERM)
            ended.append(process.wait(timeout=60))


def bearer(token=TOKEN):
    """New for every request, because the client adds its own."""
    return {"Authorization": f"Bearer {token}"}


def given(patterns, datatype="FP32", binary=True, **optional):
    """The inputs of a request: patterns, and optional ones by their names."""
    tensors = []
    for name, values in {INPUT: patterns, **optional}.items():
        tensor = triton.InferInput(name, list(values.shape), datatype if name == INPUT else "FP32")
        tensor.set_data_from_numpy(values, binary_data=binary)
        tensors.append(tensor)
    return tensors


def wanted(binary, names):
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def refusal(call):
    """The status and the sentence of a request that the server must refuse."""
    try:
        call()
    except InferenceServerException as error:
        return error.status(), error.message()
    return None, "not refused"


def check(report, files, ptyx):
    with serving(ptyx, files) as (address, ended):
        with triton.InferenceServerClient(address, concurrency=CLIENTS) as client:
            described(report, client, files)
            for name, (case, scan, count) in SERVED.items():
                with np.load(files / scan, allow_pickle=False) as z:
                    patterns = np.ascontiguousarray(z["diff3d"][:count, None])
                    offsets, probe = fraction(z["xcoords"][:count], z["ycoords"][:count]), z["probeGuess"]
                session = session_of(files / case.model)
                inferred(report, client, name, patterns, session)
                if takes_probe(session):
                    optional(report, client, name, patterns, offsets, np.roll(probe, 4, axis=1), session)
                if name == "star":
                    at_once(report, client, name, patterns, output_names(session))
                    refused(report, client, name, patterns[:1])
                else:
                    found, text = refusal(lambda: client.infer("n128", given(patterns, offset=offsets),
                                                               headers=bearer()))
                    report.line(found == "400" and INPUT in text, "server: an offset for a network without is refused",
                                f"{found} {text}")
        counted(report, address)
    report.same("server: exit status after SIGTERM", ended, [0])


def described(report, client, files):
    report.same("server: live, ready, without a token", (client.is_server_live(), client.is_server_ready()),
                (True, True))
    ready = [client.is_model_ready(*m, headers=bearer()) for m in (("star",), ("star", "1"), ("n128",), ("star", "2"),
                                                                   ("other",))]
    report.same("server: models that are ready: two, one by its version, not another version, not another model", ready,
                [True, True, True, False, False])
    about = client.get_server_metadata(headers=bearer())
    report.same("server: name, extensions", (about["name"], about["extensions"]), ("ptyx", ["binary_tensor_data"]))
    for name, (case, _, _) in SERVED.items():
        graph = onnx.load(str(files / case.model)).graph
        constants = {t.name for t in graph.initializer}
        found = client.get_model_metadata(name, headers=bearer())
        for key, values in (("inputs", [v for v in graph.input if v.name not in constants]), ("outputs", graph.output),
                            ("optional_inputs", [v for v in graph.input if v.name in constants])):
            expected = [(v.name, "FP32", [d.dim_value if d.HasField("dim_value") else -1
                                          for d in v.type.tensor_type.shape.dim]) for v in values]
            listed = [(t["name"], t["datatype"], t["shape"]) for t in found.get(key, [])]
            report.same(f"server: {name}: {key}", listed, expected)


def inferred(report, client, name, patterns, session):
    """Each form of request and answer gives the same numbers, those of ONNX Runtime for Python."""
    names = output_names(session)
    infer = inferring(client, name, names)
    raw = infer(given(patterns), wanted(True, names))
    report.within(f"server: {name}: patches of tritonclient {version('tritonclient')}, {len(patterns)} patterns as "
                  f"raw bytes, against ONNX Runtime for Python: largest difference",
                  abs(combine(names, *raw) - patches_of(session, patterns)).max(), TOLERANCE)
    report.line(raw[0].std() > 100 * TOLERANCE,
                f"server: {name}: standard deviation of {names[0]}, far above the tolerance", f"{raw[0].std():.3g}")
    few = patterns[:3]  # JSON numbers are long
    for what, found in {
        "JSON both ways": infer(given(few, binary=False), wanted(False, names)),
        "JSON there, raw bytes back": infer(given(few, binary=False), wanted(True, names)),
        "raw bytes there, JSON back": infer(given(few), wanted(False, names)),
        "all outputs, unnamed": infer(given(few)),
        "of version 1, with an id, a timeout of 10 s": infer(given(few), model_version="1", request_id="7",
                                                             timeout=10_000_000),
        "FP64": infer(given(few.astype(np.float64), "FP64")),
    }.items():
        report.same(f"server: {name}: {what}: the bytes of {len(few)} of those patches",
                    all(np.array_equal(f, r[:3]) for f, r in zip(found, raw)), True)
    whole = np.rint(few)
    counts = infer(given(whole.astype(np.uint16), "UINT16"))
    floats = infer(given(whole))
    report.same(f"server: {name}: UINT16 gives the bytes of the same numbers as FP32",
                all(map(np.array_equal, counts, floats)), True)
    last = client.infer(name, given(few), outputs=wanted(True, names[1:2]), request_id="alone", headers=bearer())
    report.same(f"server: {name}: {names[1]} alone, with the request's id",
                (last.get_response()["id"], [o["name"] for o in last.get_response()["outputs"]],
                np.array_equal(last.as_numpy(names[1]), raw[1][:3])), ("alone", names[1:2], True))


def inferring(client, name, names):
    """A function that sends a request and returns all outputs."""
    def infer(tensors, outputs=None, **options):
        answer = client.infer(name, tensors, outputs=outputs, headers=bearer(), **options)
        return [answer.as_numpy(output) for output in names]
    return infer


def optional(report, client, name, patterns, offsets, probe, session):
    """Offsets and a probe of the request, for all patterns and for each, in bytes and in JSON."""
    names = output_names(session)
    infer = inferring(client, name, names)
    few, shift = patterns[:6], offsets[:6]
    one = parts(probe[None, None])
    each = parts(np.stack([probe, np.roll(probe, 2, axis=0)] * 3)[:, None])
    for what, inputs in {
        "an offset for each pattern": {"offset": shift},
        "one offset": {"offset": shift[:1]},
        "a probe": one,
        "a probe and offsets": {"offset": shift, **one},
        "a probe and an offset for each pattern": {"offset": shift, **each},
    }.items():
        found = infer(given(few, **inputs))
        report.within(f"server: {name}: {what}, against ONNX Runtime for Python: largest difference",
                      abs(combine(names, *found) - patches_of(session, few, **inputs)).max(), TOLERANCE)
        short = {k: v[:2] for k, v in inputs.items()}
        report.same(f"server: {name}: {what} in JSON: the bytes of two of those patches",
                    all(np.array_equal(a, b[:2]) for a, b in zip(infer(given(few[:2], binary=False, **short)), found)),
                    True)


def at_once(report, client, name, patterns, names):
    """Many connections, whose patterns share batches: no client receives another's patch."""
    together = client.infer(name, given(patterns), headers=bearer())
    requests = [client.async_infer(name, given(p[None]), headers=bearer()) for p in patterns]
    answers = [r.get_result() for r in requests]
    right = sum(all(np.array_equal(a.as_numpy(o)[0], together.as_numpy(o)[i]) for o in names) for i,
                a in enumerate(answers))
    report.same(f"server: {name}: requests of one pattern over {CLIENTS} connections at once, of which with the bytes "
                f"of the one large request", right, len(patterns))


def refused(report, client, name, one):
    half = triton.InferInput(INPUT, list(one.shape), "FP16")
    half.set_data_from_numpy(one.astype(np.float16))
    another = triton.InferInput("image", list(one.shape), "FP32")
    another.set_data_from_numpy(one)
    for what, status, says, call in (
        ("another model", 404, "no model", lambda: client.infer("other", given(one), headers=bearer())),
        ("another version", 404, "no version",
         lambda: client.infer(name, given(one), model_version="2", headers=bearer())),
        ("another size of pattern", 400, "expected [samples, 1, 64, 64]",
         lambda: client.infer(name, given(one[..., :32]), headers=bearer())),
        ("another rank", 400, "expected [samples, 1, 64, 64]",
         lambda: client.infer(name, given(one[0]), headers=bearer())),
        ("FP16", 400, "FP16", lambda: client.infer(name, [half], headers=bearer())),
        ("another input", 400, INPUT, lambda: client.infer(name, [another], headers=bearer())),
        ("another output", 400, "expected one of object_re, object_im",
         lambda: client.infer(name, given(one), outputs=wanted(True, ["image"]), headers=bearer())),
        ("classes of an image", 400, "classification",
         lambda: client.infer(name, given(one), outputs=[triton.InferRequestedOutput("object_im", class_count=2)],
                              headers=bearer())),
        ("a position for an offset", 400, "subpixel part",
         lambda: client.infer(name, given(one, offset=np.float32([[33.25, 7]])), headers=bearer())),
        ("offsets of two patterns for one", 400, "offset: shape",
         lambda: client.infer(name, given(one, offset=np.zeros((2, 2), np.float32)), headers=bearer())),
        ("half of a probe", 400, "expected both",
         lambda: client.infer(name, given(one, probe_re=one), headers=bearer())),
        ("a probe without light", 400, "photons",
         lambda: client.infer(name, given(one, probe_re=0 * one, probe_im=0 * one), headers=bearer())),
        ("NaN", 400, "NaN", lambda: client.infer(name, given(np.full_like(one, np.nan)), headers=bearer())),
        ("negative amplitudes", 400, "0 or more", lambda: client.infer(name, given(-1 - one), headers=bearer())),
        ("a timeout of 1 µs", 504, "timed out",
         lambda: client.infer(name, given(one), timeout=1, headers=bearer())),
        ("a compressed body", 415, "gzip",
         lambda: client.infer(name, given(one), request_compression_algorithm="gzip", headers=bearer())),
        ("no token", 401, "token", lambda: client.infer(name, given(one))),
        ("another token", 401, "token", lambda: client.get_model_metadata(name, headers=bearer("another"))),
    ):
        found, text = refusal(call)
        report.line(found == str(status) and says in text, f"server: {what} is refused", f"{found} {text}")
    report.same("server: ready after all that", client.is_server_ready(), True)


def counted(report, address):
    """Prometheus can read the metrics, and they count the answers."""
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}/metrics", headers=bearer()),
                                timeout=10) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line
                     and not line.startswith("#"))
    report.line(float(lines['ptyx_patterns_total{model="star"}']) >= 100, "server: metrics: patterns of star",
                lines['ptyx_patterns_total{model="star"}'])
    report.same("server: metrics: patterns that still wait", float(lines['ptyx_queue_samples{model="star"}']), 0.0)
    report.same("server: metrics: requests to star by status that failed on the server's side",
                [k for k in lines if k.startswith("ptyx_requests_total") and 'status="500"' in k], [])
