"""The example bridge sends the frames of p4p's server to a scan; its object is that of ptyx infer on the same
counts."""

import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
from p4p.nt import NTNDArray
from p4p.server import Server
from p4p.server.thread import SharedPV

from files import CASES, SCAN, beside
from objects import arrays
from server import TOKEN, bearer, serving

BRIDGE = Path(__file__).parents[1] / "python" / "examples" / "pva_bridge.py"
PV = "PTYX:Image"
FIRST_ID = 1000  # of the scan: a detector counts on from scan to scan


def check(report, files, ptyx):
    folder = beside(files)
    with np.load(files / SCAN, allow_pickle=False) as z:
        counts = np.rint(z["diff3d"] ** 2).astype(np.uint32)
        x, y = z["xcoords"], z["ycoords"]
    np.savez(folder / "epics.npz", diff3d=counts, xcoords=x, ycoords=y)
    lines = ["x,y", *(f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist()))]
    (folder / "plan.csv").write_text("\n".join(lines))
    ptyx("infer", "--model-path", CASES[0].run, "--test-data", str((folder / "epics.npz").resolve()), "--output-dir",
         str((folder / "epics").resolve()), "--input", "intensity", "--device", "cpu")

    clients = Clients()
    pv = SharedPV(handler=clients, initial=image(counts[3], FIRST_ID + 3, marked=True))
    with Server(providers=[{PV: pv}]) as server, serving(ptyx, files) as (address, _):
        environment = {**os.environ, **{k: str(v) for k, v in server.conf().items()}, "PTYX_TOKEN": TOKEN}
        bridge = subprocess.Popen(
            [sys.executable, "-B", BRIDGE, PV, "--positions", folder / "plan.csv", "--first-id", str(FIRST_ID),
             "--server", f"http://{address}", "--model", "star", "--idle", "20"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        report.same("EPICS: the bridge connects to the PV", clients.there.wait(60), True)
        time.sleep(1)  # until it has the value of the earlier scan
        pv.post(image(counts[0], FIRST_ID - 1))
        for number in np.random.default_rng(1).permutation(len(counts)):
            pv.post(image(counts[number], FIRST_ID + number))
            time.sleep(0.01)
        out, text = bridge.communicate(timeout=120)
        report.same("EPICS: exit status of the bridge", bridge.returncode, 0)
        report.same("EPICS: what the bridge counts", text.strip().split(": ")[-1],
                    f"{len(counts)} of {len(counts)} frames, 0 missing, 1 of other scans")
        request = urllib.request.Request(out.strip() + "/object.npz", headers=bearer())
        with urllib.request.urlopen(request, timeout=120) as answer:
            report.same("EPICS: the object of the scan is that of ptyx infer on the same counts",
                        arrays(answer.read()) == arrays(folder / "epics" / "reconstruction.npz"), True)


def image(counts, number, marked=False):
    """A value of the PV. That of an earlier scan is marked by other counts."""
    value = NTNDArray().wrap(counts + np.uint32(marked))
    value["uniqueId"] = int(number)
    return value


class Clients:
    """The handler of a PV, which notes its first client."""

    def __init__(self):
        self.there = threading.Event()

    def onFirstConnect(self, pv):  # the name is p4p's
        self.there.set()

    def put(self, pv, op):
        op.done(error="read only")
