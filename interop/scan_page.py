"""Sends a scan to ptyx serve frame by frame, and shows its page in a Chromium.

The page asks for the token, shows the growing object, and connects to no other machine. At the end the object is the
file that ptyx infer wrote, but for sigma."""

import io
import json
import sys
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

import browser
from files import CASES, SCAN
from objects import arrays
from pages import Watched, beside
from server import bearer, serving
from watch_page import colours, download, settle, shot

sys.path.append(str(Path(__file__).parents[1] / "python" / "examples"))
import pva_bridge  # noqa: E402

CASE = CASES[0]
NAME = "a star <b>of</b> the checks"  # on the page, a name stays text
REFUSED = "401"  # what the console reports for a wrong token


def check(report, files, node, ptyx):
    with serving(ptyx, files) as (address, ended):
        scan = Scan(f"http://{address}")
        program = browser.find(node)
        if program is None:
            print(f"----  the page of scans in a browser: {browser.MISSING}")
            scan.send(files, slice(None))
        else:
            with sync_playwright() as p:
                watch(report, files, Watched(p, program), scan)
        own_probe(report, files, f"http://{address}")
        scan.ask("POST", "/finish")
        report.same("scan: object.npz, of frames sent backwards and some twice, is that of ptyx infer without sigma",
                    arrays(scan.ask("GET", "/object.npz")) == arrays(files / CASE.reconstruction), True)
    report.same("scan: exit status after SIGTERM", ended, [0])


class Scan:
    """A scan on the server, as a measuring client sees it."""

    def __init__(self, server, **options):
        self.server, self.path = server, "/v1/scans"
        body = json.dumps({"model": "star", "name": NAME, **options}).encode()
        self.path += "/" + json.loads(self.ask("POST", "", body))["id"]

    def ask(self, method, what, body=None):
        request = urllib.request.Request(self.server + self.path + what, data=body, method=method, headers=bearer())
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def send(self, files, part):
        """Posts frames in files of NumPy, the last first."""
        with np.load(files / SCAN, allow_pickle=False) as z:
            ids = np.arange(len(z["xcoords"]))[part][::-1]
            body = io.BytesIO()
            np.savez(body, ids=ids, **{key: z[key][ids] for key in ("diff3d", "xcoords", "ycoords")})
        return json.loads(self.ask("POST", "/frames", body.getvalue()))


def own_probe(report, files, server):
    """A scan that brings its probe is made with it, in the power of its first patterns."""
    options = pva_bridge.probe(files / SCAN)
    scan = Scan(server, **options)
    scan.send(files, slice(0, 20))
    with np.load(files / SCAN, allow_pickle=False) as z:
        power = (z["diff3d"][:16].astype(float) ** 2).sum((1, 2)).mean()
    with np.load(io.BytesIO(scan.ask("GET", "/object.npz")), allow_pickle=False) as z:
        probe, source = z["probeGuess"], str(z["network_probe"])
    sent = np.array(options["probe_re"]) + 1j * np.array(options["probe_im"])
    likeness = abs(np.vdot(sent, probe)) / np.linalg.norm(sent) / np.linalg.norm(probe)
    report.line(likeness > 1 - 1e-5, "scan: likeness of the object's probe with the one that it brought", likeness)
    ratio = (abs(probe) ** 2).sum() / power
    report.line(0.97 < ratio < 1.03, "scan: power of that probe, in that of the first patterns", f"{ratio:.3f}")
    report.same("scan: where its probe is from", source.split(",")[0], "scan")
    scan.ask("DELETE", "")


def watch(report, files, w, scan):
    page = w.page
    page.goto(scan.server)
    page.locator("#token").fill("another")
    page.locator("#ask button").click()
    page.locator("#state", has_text="not the server's").wait_for(timeout=30000)
    page.locator("#token").fill(bearer()["Authorization"].split()[1])
    page.locator("#ask button").click()
    entry = page.locator("#list button")
    entry.wait_for(timeout=30000)
    report.same("scan's page: a name with markup stays text",
                (NAME in entry.inner_text(), page.locator("main b").count()), (True, 0))

    scan.send(files, slice(60, None))
    page.locator(".facts", has_text="40").wait_for(timeout=60000)
    canvases = [page.get_by_role("img", name=f"{name} of the object") for name in ("amplitude", "phase", "coverage")]
    settle(page)
    early = [shot(canvas) for canvas in canvases]
    again = scan.send(files, slice(0, 70))
    report.same("scan: frames sent, ten of them repeated",
                (again["stitched"], again["repeated"], again["frames"]), (60, 10, 100))
    page.locator("#list button", has_text="100 frames").wait_for(timeout=60000)
    settle(page)
    report.same("scan's page: pictures that changed with the object",
                [shot(canvas) != before for canvas, before in zip(canvases, early, strict=True)], [True] * 3)
    shown = [colours(canvas) for canvas in canvases]
    report.line(min(shown) > 20, "scan's page: colours of amplitude, phase and coverage", shown)
    page.get_by_role("img", name="predicted pattern").wait_for(timeout=30000)
    extent = json.loads(scan.ask("GET", ""))["extent"]
    report.same("scan's page: the object's size",
                f"{extent['height']} × {extent['width']}" in page.locator(".facts").inner_text(), True)
    report.same("scan's page: the downloaded object is that of the server",
                download(page, "Object (NPZ)") == scan.ask("GET", "/object.npz"), True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    report.same("scan's page: pixels beyond the window's width", wide, 0)
    page.screenshot(path=str(beside(files) / "scan.png"), full_page=True)
    errors = [e for e in w.errors if REFUSED not in e]
    outside = [u for u in w.asked if not u.startswith((scan.server, "data:", f"blob:{scan.server}"))]
    report.same("scan's page: errors but that of the wrong token, requests to other places", (errors, outside),
                ([], []))
    w.chromium.close()
