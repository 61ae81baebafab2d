"""The model in Netron: its server, its reader and its page.

The server serves the page and the same bytes. The reader, run by Node.js, finds the graph that onnx finds. If there is
a Chromium, the page shows that graph."""

import json
import logging
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from pathlib import Path

import netron
import onnx
import playwright
from playwright.sync_api import sync_playwright

import browser
from files import beside

def check(report, files, case, node):
    logging.getLogger().addHandler(logging.NullHandler())  # without a handler, Netron prints what it serves
    path = files / case.model
    model = onnx.load(str(path))
    host, port = netron.start(str(path), address=("127.0.0.1", 0), browse=False)
    url = f"http://{host}:{port}"
    try:
        with urllib.request.urlopen(f"{url}/", timeout=30) as page:
            text = page.read().decode()
        report.line('<meta name="file" content="/data/model.onnx">' in text,
                    f"Netron {netron.__version__}: page that names the model", f"{len(text)} characters")
        with urllib.request.urlopen(f"{url}/data/model.onnx", timeout=30) as body:
            served = body.read()
        report.same("Netron: bytes served are the file's", served == path.read_bytes(), True)
        check_reader(report, model, f"{url}/data/model.onnx")
        check_page(report, model, url, files / "netron.png", browser.find(node))
    finally:
        netron.stop((host, port))
    report.line(closes(host, port), "Netron: port closed after stop", port)


def closes(host, port):
    """Whether the port closes within five seconds: the server's thread still waits for a moment."""
    for _ in range(50):
        with socket.socket() as s:
            if s.connect_ex((host, port)) != 0:
                return True
        time.sleep(0.1)
    return False


def check_reader(report, model, url):
    node = Path(playwright.__file__).parent / "driver" / ("node.exe" if os.name == "nt" else "node")
    script = Path(__file__).with_name("netron_read.mjs")
    run = subprocess.run([node, script, Path(netron.__file__).parent, url], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise RuntimeError(f"Netron's reader: {run.stderr.strip()[-300:]}")
    got = json.loads(run.stdout)
    graph = model.graph
    report.same("Netron's reader: format, producer, operator sets", (got["format"], got["producer"], got["imports"]),
                ("ONNX v8", f"{model.producer_name} {model.producer_version}", ["ai.onnx v17"]))
    report.same("Netron's reader: errors", got["errors"], [])
    report.line(got["nodes"] == [[n.op_type, n.name] for n in graph.node],
                "Netron's reader: nodes, each of onnx's type and name", len(got["nodes"]))
    shown = {v["name"]: v["type"] for v in got["values"]}
    expected = {v.name: f"float32[{','.join(str(d.dim_param or d.dim_value) for d in v.type.tensor_type.shape.dim)}]"
                for v in (*graph.input, *graph.value_info, *graph.output)}
    weights = {i.name for i in graph.initializer}
    # Of an input with a default, Netron shows the shape of the default.
    expected |= {i.name: f"float32[{','.join(map(str, i.dims))}]" for i in graph.initializer if i.name in expected}
    wrong = {v: (shown.get(v), t) for v, t in expected.items() if shown.get(v) != t}
    report.line(not wrong and weights <= {v["name"] for v in got["values"] if v["weight"]},
                "Netron's reader: values with onnx's type, and weights",
                f"{len(expected) - len(wrong)} of {len(expected)}, {len(weights)}")
    props = {p.key: p.value for p in model.metadata_props}
    report.line(got["metadata"] == props, "Netron's reader: metadata, all as onnx has them", len(got["metadata"]))


def check_page(report, model, url, screenshot, program):
    if program is None:
        print(f"----  Netron's page in a browser: {browser.MISSING}; its reader was checked above")
        return
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=program)
        page = chromium.new_page(viewport={"width": 1100, "height": 1400})
        errors, refused = [], []
        page.on("pageerror", lambda e: errors.append(str(e)))

        def route(r):
            """Blocks Netron's requests to other machines: it looks up its location and reports its use."""
            if r.request.url.startswith(url):
                r.continue_()
            else:
                refused.append(r.request.url)
                r.abort()

        page.route("**/*", route)
        page.goto(url)
        page.locator("#message-button").click(timeout=30000)  # its notice on cookies
        page.locator("body.default").wait_for(timeout=60000)
        shown = page.locator("svg .graph-node").count()
        expected = Counter(n.op_type for n in model.graph.node)
        # Netron forbids eval, and with it most ways to read texts.
        kinds = {k: page.locator("svg .node-item-type text", has_text=re.compile(f"^{k}$")).count() for k in expected}
        page.screenshot(path=str(screenshot))
        page.locator("#sidebar-model-button").click()
        page.locator(".sidebar-item").first.wait_for(timeout=30000)
        # Only short values: the field truncates long ones, the file does not.
        props = {p.key: p.value for p in model.metadata_props}
        hidden = [k for k, v in props.items() if not stands(page, k) or len(v) < 40 and not stands(page, v)]
        page.screenshot(path=str(beside(screenshot.parent) / "netron-metadata.png"))
        chromium.close()
    report.same(f"Netron's page in Chromium: of {len(props)} metadata, those that it does not show", hidden, [])
    report.line(shown == len(model.graph.node) and kinds == dict(expected) and not errors,
                "Netron's page in Chromium: nodes drawn, by operator, errors",
                f"{shown} of {len(model.graph.node)}, {kinds}, {errors}; {len(refused)} requests to other machines "
                f"held back")


def stands(page, text):
    """Whether a text is on the page, or the value of a field on it."""
    quoted = json.dumps(text)
    field = page.locator(f"input[value={quoted}], input[title={quoted}]")
    return field.count() > 0 or page.get_by_text(text, exact=True).count() > 0
