"""What Python costs beside the command line."""

import resource
import subprocess
import time

import numpy as np

import ptyx
from ptyx import program

LIMIT = 0.3  # seconds


def processor_time():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usages)


def cost(work):
    """Return seconds, and those of processor time: the least of several runs, as other work adds to both."""
    figures = []
    for _ in range(4):
        wall, processor = time.perf_counter(), processor_time()
        work()
        figures.append((time.perf_counter() - wall, processor_time() - processor))
    return np.min(figures, axis=0)


def test_overhead_is_below_the_limit(tmp_path, capsys):
    scan = ptyx.simulate(positions=500, step=5, seed=2)
    np.savez(tmp_path / "scan.npz", diff3d=scan.patterns, xcoords=scan.x, ycoords=scan.y, probeGuess=scan.probe)
    command = [program.path(), "solve", f"--data={tmp_path / 'scan.npz'}", f"--output-dir={tmp_path / 'out'}"]
    command += ["--iterations=2", "--threads=1", "--quiet"]
    shell = cost(lambda: subprocess.run(command, check=True))
    python = cost(lambda: ptyx.solve(scan, iterations=2, threads=1))
    with capsys.disabled():
        wall, processor = python - shell
        print(f"\noverhead of Python: {wall:.3f} s, of processor time {processor:.3f} s")
    assert max(wall, processor) < LIMIT
