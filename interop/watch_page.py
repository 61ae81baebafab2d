"""Follows a simulated detector, and shows the page of ptyx watch in a Chromium while frames arrive.

The page shows the object, the missing frames, a pattern beside its prediction, and a line profile. Colours, zoom and
downloads work, it connects to no other machine, and it gets at most 200 kB/s."""

import io
import subprocess
import time

import numpy as np
from playwright.sync_api import sync_playwright

import browser
from detector import Sender, version2
from files import CASES, SCAN
from pages import Watched, beside

MISSING = {20, 21, 22, 40}
MOST = 200_000  # bytes per second
BURST = 60_000  # the page's own files come at once


def check(report, files, node, ptyx):
    program = browser.find(node)
    if program is None:
        print(f"----  the page of watch in a browser: {browser.MISSING}")
        return
    place = beside(files).resolve()
    with np.load(files / SCAN, allow_pickle=False) as z:
        counts, x, y = np.minimum(np.rint(z["diff3d"]**2), 60000).astype("<u2"), z["xcoords"], z["ycoords"]
    plan = place / "watch-plan.csv"
    plan.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))
    messages = list(version2([(i, c) for i, c in enumerate(counts) if i not in MISSING], "lz4"))
    detector = Sender()
    run = subprocess.Popen([ptyx.program, "watch", detector.address, "--positions-file", plan, "--model-path",
                            CASES[0].run, "--output-dir", place / "watched-stream", "--live", ":0", "--idle", "60s",
                            "--pixel-size-nm", "8", "--device", "cpu"], cwd=files, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    try:
        url = next(line.split("address=")[1].strip() for line in run.stderr if "live page" in line)
        with sync_playwright() as p:
            watch(report, Watched(p, program, height=1250), url, detector, messages, place)
        report.same("watch's page: exit status of the watch", run.wait(timeout=120), 0)
    finally:
        run.kill()
        run.communicate()
        detector.close()


def watch(report, w, url, detector, messages, place):
    page, traffic = w.page, Traffic(w.page)
    page.goto(url)
    half = len(messages) // 2
    detector.send(messages[:half])
    page.locator(".facts", has_text="20-22, 40").wait_for(timeout=60000)
    report.line(True, "watch's page: ids of the frames that the detector lost", "20-22, 40")
    canvases = {name: page.get_by_role("img", name=f"{name} of the object") for name in ("amplitude", "phase",
                                                                                         "coverage")}
    page.wait_for_function("n => document.querySelector('.facts dd').textContent === String(n)", arg=half - 1,
                           timeout=60000)  # the first message starts the series
    settle(page)
    for name, canvas in canvases.items():
        report.line(colours(canvas) > 20, f"watch's page: colours of the {name}", colours(canvas))
    page.get_by_role("img", name="predicted pattern").wait_for(timeout=30000)
    report.line(True, "watch's page: a pattern beside its prediction", page.locator(".comparison").inner_text())

    fitted = shot(canvases["amplitude"])
    page.get_by_role("button", name="Zoom in").click()
    settle(page)
    report.same("watch's page: zoom changes the picture", shot(canvases["amplitude"]) != fitted, True)
    page.get_by_role("button", name="Fit").click()
    settle(page)
    report.same("watch's page: fit brings it back", shot(canvases["amplitude"]) == fitted, True)
    low = page.get_by_role("spinbutton", name="Lowest amplitude of the colours")
    low.fill("0")
    low.press("Enter")
    settle(page)
    automatic = page.get_by_role("checkbox", name="Automatic colours of the amplitude")
    report.same("watch's page: colours by hand, and not automatic", (shot(canvases["amplitude"]) != fitted,
                                                                     automatic.is_checked()), (True, False))
    page.get_by_role("button", name="Line profile").click()
    box = canvases["phase"].bounding_box()
    for share in (0.35, 0.65):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + share * box["height"])
    profile = page.get_by_role("img", name="phase along the line")
    profile.wait_for(timeout=10000)
    report.line(colours(profile) > 3, "watch's page: the line profile has a curve", colours(profile))

    report.same("watch's page: downloads", [download(page, name)[:n] for name, n in (("Object (NPZ)", 2),
                                                                                     ("Phase (PNG)", 4))],
                [b"PK", b"\x89PNG"])
    with np.load(io.BytesIO(download(page, "Object (NPZ)"))) as z:
        size = f"{z['object'].shape[0]} × {z['object'].shape[1]}"
    report.same("watch's page: the downloaded object has the page's size", size in page.locator(".facts").inner_text(),
                True)
    traffic.stop(report)
    detector.send(messages[half:])
    page.locator("#state", has_text="ended").wait_for(timeout=60000)
    frames = len(messages) - 2  # without start and end of the series
    report.same("watch's page: frames at the end", f"frames\n{frames}" in page.locator(".facts").inner_text(), True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    report.same("watch's page: pixels beyond the window's width", wide, 0)
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, canvas:not([aria-hidden])')].filter(
        e => !(e.getAttribute('aria-label') || e.textContent.trim())).length""")
    report.same("watch's page: controls and pictures without a name", unnamed, 0)
    page.screenshot(path=str(place / "watch.png"), full_page=True)
    report.same("watch's page: errors, requests to other places", (w.errors, w.outside(url)), ([], []))
    w.chromium.close()


class Traffic:
    """Counts what the page receives, until stop."""

    def __init__(self, page):
        self.bytes, self.start = 0, time.monotonic()
        self.session = page.context.new_cdp_session(page)
        self.session.send("Network.enable")
        self.session.on("Network.dataReceived", self.add)

    def add(self, event):
        self.bytes += event["encodedDataLength"]

    def stop(self, report):
        seconds = time.monotonic() - self.start
        report.within("watch's page: bytes per second", (self.bytes - BURST) / seconds, MOST)
        report.line(self.bytes > 0, "watch's page: bytes received", self.bytes)
        self.session.detach()


def settle(page):
    """Waits until the tiles of the present view are there: no picture of the object changes any more."""
    before, end = None, time.monotonic() + 60
    while time.monotonic() < end:
        page.wait_for_timeout(1500)
        now = [shot(c) for c in page.get_by_role("img", name="of the object").all()]
        if now == before:
            return
        before = now


def colours(canvas):
    """How many colours a canvas shows."""
    return canvas.evaluate("""c => new Set(new Uint32Array(
        c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size""")


def shot(canvas):
    return canvas.evaluate("c => c.toDataURL()")


def download(page, name):
    with page.expect_download(timeout=30000) as info:
        page.get_by_role("button", name=name).click()
    with open(info.value.path(), "rb") as f:
        return f.read()
