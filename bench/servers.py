"""Servers and their clients, as processes that live for a section."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"


@contextmanager
def ptyx_serving(bench, model, threads, *flags):
    """Runs `ptyx serve`; yields its address."""
    command = [bench.ptyx, "serve", "--model", f"net={model}", "--listen", f"{HOST}:0", "--threads", threads, *flags]
    with subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"ptyx serve ended with status {process.wait()}")
            yield line.split(": ")[0]
        finally:
            process.terminate()


@contextmanager
def fastapi_serving(model, threads):
    """Runs the peer; yields its address."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-B", HERE / "fastapi_peer.py", "--model", model, "--threads", str(threads),
                           "--port", str(port)]) as process:
        try:
            until_listening(process, port, "the peer")
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def until_listening(process, port, name):
    """Waits until a program accepts connections, for a minute at most."""
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"{name} ended with status {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{name} does not listen after a minute")


class Load:
    """bench/load, which sends requests to one server."""

    def __init__(self, bench, url, scan, *flags):
        self.process = subprocess.Popen([str(bench.load), "-url", url, "-scan", str(scan), *flags],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def __call__(self, *order):
        """The results of the clients."""
        self.process.stdin.write(" ".join(map(str, order)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"load ended with status {self.process.wait()}")
        return json.loads(line)
