"""ptyx's own pages in a Chromium: the report of a run, and the live view of a training.

A page may connect to no other machine, nothing may fail, and its announced contents must be there."""

import shutil
import subprocess
import time
import urllib.request

from playwright.sync_api import sync_playwright

import browser
from files import CASES, SCAN, beside


class Watched:
    """A page that records its errors and its requests."""

    def __init__(self, playwright, program, width=1100, height=1600):
        self.chromium = playwright.chromium.launch(executable_path=program)
        self.page = self.chromium.new_page(viewport={"width": width, "height": height})
        self.errors, self.asked = [], []
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda r: self.asked.append(r.url))

    def outside(self, own):
        return [u for u in self.asked if not u.startswith((own, "data:"))]


def make(ptyx):
    ptyx("report", CASES[0].run, "--reference", SCAN, "--output", "report.html")


def check(report, files, node):
    program = browser.find(node)
    if program is None:
        print(f"----  the report in a browser: {browser.MISSING}")
        return
    with sync_playwright() as p:
        w = Watched(p, program)
        w.page.goto((files / "report.html").resolve().as_uri())
        images = w.page.locator("img")
        broken = images.evaluate_all("all => all.filter(i => !i.complete || i.naturalWidth === 0).length")
        report.line(broken == 0 and images.count() >= 20, "report in Chromium: pictures, of which broken",
                    f"{images.count()}, {broken}")
        text = w.page.locator("body").inner_text()
        missing = [t for t in ("amplitude", "phase", "coverage", "spread", "Probe", "Loss", "measured", "predicted",
                               "complex correlation", "rad", "epochs", "SHA-256")
                   if t.lower() not in text.lower()]
        report.same("report in Chromium: what it lacks", missing, [])
        wide = w.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        report.same("report in Chromium: pixels beyond the window's width", wide, 0)
        report.same("report in Chromium: errors, requests to other places", (w.errors, w.outside("file:")), ([], []))
        w.page.screenshot(path=str(beside(files) / "report.png"), full_page=True)
        w.chromium.close()


def check_live(report, files, node, ptyx):
    """Watches a training while it runs; it ends with the bytes of one that is not watched."""
    program = browser.find(node)
    if program is None:
        print(f"----  the live view in a browser: {browser.MISSING}")
        return
    train = ("train", "--train-data-file", SCAN, "--n-filters-scale", "1", "--n-images", "48", "--batch-size", "8",
             "--max-epochs", "12", "--seed", "5", "--device", "cpu")
    place = beside(files).resolve()
    shutil.rmtree(place / "watched", ignore_errors=True)
    shutil.rmtree(place / "unwatched", ignore_errors=True)
    ptyx(*train, "--output-dir", str(place / "unwatched"))
    with subprocess.Popen([ptyx.program, *train, "--output-dir", str(place / "watched"), "--live", ":0"], cwd=files,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        url = next(line.split("address=")[1].strip() for line in run.stderr if "address=" in line)
        with sync_playwright() as p:
            w = Watched(p, program)
            w.page.goto(url)
            w.page.locator("#where", has_text="epoch").wait_for(timeout=120000)
            frame = w.page.frame_locator("#page")
            frame.locator("h2", has_text="Loss").wait_for(timeout=120000)
            pictures = frame.locator("img").count()
            report.line(pictures >= 10, "live view in Chromium: pictures of the page while the training runs", pictures)
            w.page.screenshot(path=str(beside(files) / "live.png"))
            w.page.locator("#where", has_text="training is done").wait_for(timeout=300000)
            report.same("live view in Chromium: errors, requests to other places", (w.errors, w.outside(url)), ([], []))
            w.chromium.close()
        run.communicate(timeout=120)
    report.same("live view: exit status", run.returncode, 0)
    same = (place / "watched/model.onnx").read_bytes() == (place / "unwatched/model.onnx").read_bytes()
    report.same("live view: model.onnx of a training that was looked at is that of one that was not", same, True)
    report.line(closed(url), "live view: port closed after the training", url)


def closed(url):
    for _ in range(50):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            return True
        time.sleep(0.1)
    return False
