"""Ctrl-C, killed processes and what they leave."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ptyx import folder

BEGIN = """
import sys, warnings
import ptyx
warnings.simplefilter("always")
scan = ptyx.simulate(positions=400, step=5, seed=2)
"""
SOLVE = 'r = ptyx.solve(scan, iterations=100000, likelihood="poisson", progress=True)\n'


@contextmanager
def python(script):
    """Run a script in a session of its own, as a terminal does."""
    command = [sys.executable, "-u", "-c", BEGIN + script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(stream, text):
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"the script has ended without {text}")


def test_ctrl_c_keeps_the_best_result():
    with python(SOLVE + "print(r.interrupted, len(r.residuals) >= 3, r.object.ndim)") as process:
        wait_for(process.stderr, "pass 3/")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out.split() == ["True", "True", "2"], err
    assert "Stopped: stopped by Ctrl-C after" in err
    assert process.returncode == 0


def test_ctrl_c_keeps_the_model():
    train = "m = ptyx.train(scan, max_epochs=500, gridsize=1, progress=True)\n"
    with python(train + "print(m.interrupted, 1 <= len(m.history) < 500, m(scan.patterns[:1]).shape)") as process:
        wait_for(process.stderr, "epoch 1/")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out.split(maxsplit=2)[:2] == ["True", "True"], err
    assert "(1, 64, 64)" in out


def test_ctrl_c_before_there_is_a_result_is_an_interrupt(tmp_path):
    slow = "#!/bin/sh\ntrap 'exit 130' INT; echo ready >&2; while :; do sleep 0.05; done\n"
    (tmp_path / "ptyx").write_text(slow)
    (tmp_path / "ptyx").chmod(0o755)
    script = f"""
from pathlib import Path
from ptyx import child, program
program.path = lambda: {str(tmp_path / "ptyx")!r}
try:
    print("started", flush=True)
    child.run(["solve"], private=Path("x"))
except KeyboardInterrupt:
    print("interrupted")
"""
    with python(script) as process:
        wait_for(process.stdout, "started")
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    pids = [int(line.split()[0]) for line in found.stdout.splitlines()]
    return pids + [grandchild for child in pids for grandchild in children(child)]


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("work", "sign"),
    [
        (SOLVE, "pass 2/"),
        (
            'm = ptyx.train(scan, max_epochs=1); m(scan.patterns[:1]); print("pass", file=sys.stderr)\n'
            "import time; time.sleep(600)",
            "pass",
        ),
    ],
)
def test_a_killed_python_leaves_no_process_and_its_folder_is_removed(work, sign):
    with python(work) as process:
        wait_for(process.stderr, sign)
        left = children(process.pid)
        folders = set(folder._MEMORY.glob(folder._PREFIX + "*"))
        assert left
        assert folders
        process.kill()
    until = time.monotonic() + 30
    while any(map(running, left)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(running, left))
    with folder.private():
        assert not folders & set(folder._MEMORY.glob(folder._PREFIX + "*"))
