"""Runs pty-chi's LSQML on a scan in ptyx's layout, as a user would.

OUT.npz, which `ptyx eval` reads, contains object, probe, positions and coverage; OUT.json the times of the passes. With
--keep it also stores the object after every pass, without counting the time."""

import argparse
import json
import logging
import os
import sys
import time

START = time.perf_counter()  # before the imports, for which a user waits, too
if "--passive" in sys.argv:  # PyTorch reads it when it loads
    os.environ["OMP_WAIT_POLICY"] = "passive"

import numpy as np
import ptychi.api as api
import torch
from ptychi.api.task import PtychographyTask

MARGIN = 6  # pixels by which positions may move


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    logging.disable(logging.WARNING)
    imported = time.perf_counter()
    scan = Scan(args.scan, args.probe)
    task = PtychographyTask(options(scan, args))
    built = time.perf_counter()
    seconds = []  # of each pass
    for number in range(1, args.passes + 1):
        started = time.perf_counter()
        task.run(1)
        seconds.append(time.perf_counter() - started)
        if args.keep:
            scan.save(f"{args.out}-{number}.npz", task)
    scan.save(f"{args.out}.npz", task)
    summary = {"imports": imported - START, "building": built - imported, "passes": seconds}
    if args.residual:
        summary["residual"] = residual(task, len(scan.x))
    with open(f"{args.out}.json", "w") as file:
        json.dump(summary, file)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scan", required=True)
    parser.add_argument("--probe", help="take probeGuess from this file")
    parser.add_argument("--out", required=True, help="file to write, without its ending")
    parser.add_argument("--passes", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--passive", action="store_true",
                        help="threads that wait sleep, which helps where others use the cores")
    parser.add_argument("--keep", action="store_true", help="also keep the object after each pass")
    parser.add_argument("--residual", action="store_true", help="also tell the residual of what was found")
    parser.add_argument("--positions", action="store_true", help="find the positions, too")
    parser.add_argument("--noise", choices=["gaussian", "poisson"], default="gaussian")
    parser.add_argument("--momentum", type=float, default=0.0, help="gain of momentum, which its examples set to 0.5")
    return parser.parse_args()


class Scan:
    """A scan, and the place of its object in pixels."""

    def __init__(self, path, probe):
        file = np.load(path)
        self.patterns = file["diff3d"].astype(np.float32) ** 2  # intensities
        self.x, self.y = file["xcoords"].astype(np.float64), file["ycoords"].astype(np.float64)
        self.probe = (np.load(probe) if probe else file)["probeGuess"].astype(np.complex64)
        self.n = self.patterns.shape[-1]
        self.row, self.col = (int(np.floor(v.min())) - self.n // 2 - MARGIN for v in (self.y, self.x))
        self.height, self.width = (int(np.ceil(v.max())) + self.n // 2 + MARGIN - first for v,
                                   first in ((self.y, self.row), (self.x, self.col)))

    def save(self, path, task):
        """Writes the file that ptyx eval reads, and returns its path."""
        of = {name: task.get_data_to_cpu(name, as_numpy=True) for name in ("object", "probe", "probe_positions")}
        y, x = of["probe_positions"].T
        probe = of["probe"][0]
        np.savez(path, object=of["object"][0].astype(np.complex64), origin=np.array([self.row, self.col]),
                 coverage=self.coverage(probe),
                 xcoords=x.astype(np.float64), ycoords=y.astype(np.float64), probeGuess=probe.astype(np.complex64))
        return path

    def coverage(self, probe):
        light = np.square(np.abs(probe)).sum(axis=0)
        light /= light.max()
        sum_ = np.zeros((self.height, self.width), np.float32)
        for x, y in zip(self.x, self.y, strict=True):
            row, col = int(np.round(y)) - self.n // 2 - self.row, int(np.round(x)) - self.n // 2 - self.col
            sum_[row:row + self.n, col:col + self.n] += light
        return sum_


def options(scan, args):
    o = api.LSQMLOptions()
    o.data_options.data = scan.patterns
    r = o.reconstructor_options
    r.num_epochs, r.batch_size, r.default_device, r.random_seed = args.passes, args.batch, api.Devices.CPU, 0
    r.noise_model, r.momentum_acceleration_gain = args.noise, args.momentum
    o.object_options.initial_guess = np.ones((1, scan.height, scan.width), np.complex64)
    # Its patches begin at position + origin - (N - 1)/2, ours at position - N/2.
    o.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    o.object_options.position_origin_coords = [-scan.row - 0.5, -scan.col - 0.5]
    o.probe_options.initial_guess = scan.probe[None, None]
    p = o.probe_position_options
    p.position_x_px, p.position_y_px, p.optimizable = scan.x, scan.y, args.positions
    return o


def residual(task, count):
    """sum (|F| - d)^2 / sum d^2 of the result, by pty-chi's forward model."""
    misfit = power = 0.0
    with torch.no_grad():
        for indices in torch.arange(count).split(32):
            measured = task.dataset.patterns[indices]
            modelled = task.reconstructor.forward_model(indices)
            misfit += float(torch.square(modelled.clamp(min=0).sqrt() - measured.sqrt()).sum())
            power += float(measured.sum())
    return misfit / power


if __name__ == "__main__":
    main()
