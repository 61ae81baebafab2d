"""Sends the frames of an EPICS PV to a scan of ptyx serve.

    pip install p4p numpy
    ptyx serve --model run
    python pva_bridge.py 13SIM1:Pva1:Image --positions plan.csv --input intensity

The PV is an NTNDArray, as areaDetector's plugin NDPva publishes. Row k of the positions is that of the frame whose
uniqueId is --first-id + k. Start the bridge before the scan: the value that the PV has at the start belongs to an
earlier scan, and is not sent. The bridge ends when all positions have a frame, or after --idle seconds without one. It
then finishes the scan, and prints its address and what is missing.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import queue
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from p4p.client.thread import Context, Disconnected

FRAMES_AT_ONCE = 16  # of a post
FRAMES_WAITING = 1000  # between PV and server; beyond that, the PV's server waits
BUSY = (429, 503, 507)  # the server asks to try again later
PATIENCE_S = 60  # for a server that is busy or away


def main() -> None:
    """Send one scan."""
    a = arguments()
    x, y = positions(a.positions)
    scan = Scan(
        a.server,
        os.environ.get("PTYX_TOKEN", ""),
        {
            "name": a.pv,
            "input": a.input,
            "refine": a.refine,
            **({"model": a.model} if a.model else {}),
            **({"positions": "metres", "pixel_size_nm": a.pixel_size_nm} if a.pixel_size_nm else {}),
            **(probe(a.probe) if a.probe else {}),
        },
    )
    frames = Frames(a.pv, a.first_id, len(x))
    try:
        lost = forward(scan, frames, x, y, a.idle)
    finally:
        frames.close()
    status = json.loads(scan.ask("POST", "/finish"))
    print(
        f"{scan.url}: {status['frames']} of {len(x)} frames, {lost} missing, {frames.other} of other scans",
        file=sys.stderr,
    )
    print(scan.url)


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("pv", help="name of the NTNDArray")
    p.add_argument(
        "--positions",
        required=True,
        type=Path,
        help="CSV with x,y in each line, or NPZ with xcoords and ycoords: object pixels, or metres",
    )
    p.add_argument("--pixel-size-nm", type=float, help="pixel of the object: the positions are metres")
    p.add_argument("--first-id", type=int, default=0, help="uniqueId of the first frame of the scan (default: 0)")
    p.add_argument("--server", default="http://localhost:8080", help="address of ptyx serve (default: %(default)s)")
    p.add_argument("--model", help="model of the server, if it has several")
    p.add_argument("--probe", type=Path, help="NPZ with probeGuess, the probe of the scan (default: the model's)")
    p.add_argument("--input", default="intensity", choices=("intensity", "amplitude"), help="default: %(default)s")
    p.add_argument("--refine", type=int, default=0, help="passes of the solver at the end (default: 0)")
    p.add_argument("--idle", type=float, default=30, help="seconds without a frame that end the scan (default: 30)")
    return p.parse_args()


def positions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of all frames."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as z:
            return z["xcoords"], z["ycoords"]
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    if lines and not lines[0].replace(",", "").strip("+-. ")[:1].isdigit():
        lines = lines[1:]  # names of columns
    try:
        table = np.array([[float(v) for v in line.split(",")] for line in lines])
    except ValueError:
        table = np.empty(0)
    if table.ndim != 2 or table.shape[1] != 2:
        sys.exit(f"{path}: expected two numbers, x,y, in each line")
    return table[:, 0], table[:, 1]


def probe(path: Path) -> dict[str, Any]:
    """Return the options of a scan with its probe. Of several modes it is the first."""
    with np.load(path, allow_pickle=False) as z:
        if "probeGuess" not in z:
            sys.exit(f"{path}: found {', '.join(z)}, expected probeGuess")
        mode = z["probeGuess"]
    mode = mode.reshape(-1, *mode.shape[-2:])[0]
    return {"probe_re": mode.real.tolist(), "probe_im": mode.imag.tolist()}


class Frames:
    """The frames of a PV, in a queue of (number, image)."""

    def __init__(self, pv: str, first_id: int, count: int) -> None:
        self.first_id, self.count, self.other = first_id, count, 0
        self.waiting: queue.Queue[Exception | tuple[int, np.ndarray]] = queue.Queue(FRAMES_WAITING)
        self.context = Context("pva", nt=False)
        self.before = True  # the next value is the one that the PV has had before
        request = f"record[queueSize={FRAMES_AT_ONCE},pipeline=true]field()"
        self.monitor = self.context.monitor(pv, self.take, request=request, notify_disconnect=True)

    def take(self, value: Any) -> None:
        """Take in a value of the PV. It waits while the queue is full, and then the PV's server waits, too."""
        if isinstance(value, Disconnected):
            print("the PV is disconnected; waiting for it", file=sys.stderr)
            return
        if isinstance(value, Exception):
            self.waiting.put(value)
            return
        if self.before:
            self.before = False
            return
        number = int(value["uniqueId"]) - self.first_id
        if not 0 <= number < self.count:
            self.other += 1
            return
        try:
            self.waiting.put((number, image_of(value)))
        except ValueError as fault:
            self.waiting.put(fault)

    def close(self) -> None:
        """End the connection to the PV."""
        self.monitor.close()
        self.context.close()


def image_of(value: Any) -> np.ndarray:
    """Return the image (rows, columns) of an NTNDArray, without compression."""
    if value["codec.name"]:
        raise ValueError(f"frames are compressed with {value['codec.name']}: publish them before the plugin Codec")
    shape = [d["size"] for d in reversed(value["dimension"]) if d["size"] > 1]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"frames of shape {shape}: expected square images of the model's size, cut by the plugin ROI")
    return np.asarray(value["value"]).reshape(shape)


def forward(scan: Scan, frames: Frames, x: np.ndarray, y: np.ndarray, idle: float) -> int:
    """Post frames until all have come or none has for a while. Return how many are missing."""
    sent = set()
    last = time.monotonic()
    while len(sent) < len(x) and time.monotonic() - last < idle:
        some = {}
        while len(some) < FRAMES_AT_ONCE:
            try:
                one = frames.waiting.get(timeout=0.1 if sent else 1)  # the first post states the exposure
            except queue.Empty:
                break
            if isinstance(one, Exception):
                sys.exit(f"{type(one).__name__}: {one}")
            number, image = one
            if number not in sent:
                some.setdefault(number, image)
        if some:
            last = time.monotonic()
            ids = list(some)
            scan.post(ids, np.stack(list(some.values())), x[ids], y[ids])
            sent.update(ids)
    return len(x) - len(sent)


class Scan:
    """A scan of ptyx serve."""

    def __init__(self, server: str, token: str, options: dict[str, Any]) -> None:
        self.url, self.token = server.rstrip("/") + "/v1/scans", token
        answer = self.ask("POST", "", json.dumps(options).encode(), "application/json")
        self.url += "/" + json.loads(answer)["id"]

    def ask(self, method: str, what: str, body: bytes | None = None, kind: str = "application/octet-stream") -> bytes:
        """Send a request. If the server is busy or away, try again. Frames that it has already do not count twice."""
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        end = time.monotonic() + PATIENCE_S
        while True:
            request = urllib.request.Request(  # noqa: S310 (the user gives the address)
                self.url + what, data=body, method=method, headers=headers
            )
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                    return answer.read()
            except urllib.error.HTTPError as refusal:
                text = refusal.read().decode(errors="replace")
                if refusal.code not in BUSY or time.monotonic() > end:
                    sys.exit(f"{self.url}{what}: {refusal.code} {text}")
            except OSError as fault:
                if time.monotonic() > end:
                    sys.exit(f"{self.url}{what}: {fault}")
            time.sleep(1)

    def post(self, ids: list[int], images: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Post frames (M, N, N) with their positions."""
        body = io.BytesIO()
        np.savez(
            body,
            ids=np.array(ids, np.int64),
            diff3d=images.astype(np.float32),
            xcoords=np.float64(x),
            ycoords=np.float64(y),
        )
        self.ask("POST", "/frames", body.getvalue())


if __name__ == "__main__":
    main()
