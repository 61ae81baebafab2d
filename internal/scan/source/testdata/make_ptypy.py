"""Writes ptypy.ptyd and ptypy.ptyr with ptypy (github.com/ptycho/ptypy, 2025-05-09), which must be importable.

ptypy simulates the patterns with its own geometry and propagator, saves them in its own way, and reconstructs object
and probe."""

import os
import tempfile

import h5py
import numpy as np
import ptypy
from ptypy import utils as u
from ptypy.core import Ptycho, geometry
from ptypy.core.data import PtyScan
from ptypy.experiment import register

import scene

OBJECT, PROBE, CENTRES = scene.make()


@register()
class SceneScan(PtyScan):
    """
    The scan of scene.py.

    Defaults:

    [name]
    default = SceneScan
    type = str
    help =
    doc =

    """

    def __init__(self, pars=None, **kwargs):
        super().__init__(self.DEFAULT.copy(depth=99), **(pars or {}), **kwargs)
        self.geo = geometry.Geo(pars=self.meta)
        self.num_frames = len(CENTRES)

    def load_positions(self):
        return CENTRES * self.geo.resolution - np.array([3.1e-6, 1.7e-6])

    def load_weight(self):
        mask = np.ones((scene.N, scene.N))
        mask[3, 5] = 0
        return mask

    def load(self, indices):
        frames = scene.counts(OBJECT, PROBE, CENTRES, self.geo.propagator.fw).astype(np.int32)
        return {i: frames[i] for i in indices}, {}, {}


def scan_parameters(**more):
    return u.Param(name="SceneScan", shape=scene.N, num_frames=len(CENTRES), energy=scene.ENERGY_EV / 1e3,
                   distance=scene.DISTANCE_M, psize=scene.DETECTOR_PIXEL_M, **more)


def main():
    if os.path.exists("ptypy.ptyd"):
        os.remove("ptypy.ptyd")
    scan = SceneScan(scan_parameters(save="append", dfile="ptypy.ptyd", min_frames=20))
    scan.initialize()
    while scan.auto(20) != scan.EOS:
        pass
    ptypy.utils.verbose.set_level("error")
    p = u.Param(verbose_level="error", run="scene", scans=u.Param(), engines=u.Param())
    with tempfile.TemporaryDirectory() as home:
        p.io = u.Param(home=home, autosave=u.Param(active=False), autoplot=u.Param(active=False),
                       interaction=u.Param(active=False))
        p.scans.scene = u.Param(name="Full", data=u.Param(name="PtydScan", dfile="ptypy.ptyd", source="file"))
        p.scans.scene.illumination = u.Param(model=(PROBE[None] * 0.9).astype(np.complex64), aperture=None)
        p.engines.epie = u.Param(name="EPIE", numiter=100, probe_update_start=20)
        np.random.seed(1)
        Ptycho(p, level=5).save_run(home + "/run.ptyr")
        keep_result(home + "/run.ptyr", "ptypy.ptyr")


def keep_result(path, smaller):
    """Copies all but the parameters and the log of a run, which are most of the file."""
    with h5py.File(path) as run, h5py.File(smaller, "w") as out:
        out.create_group("content")
        for group in ("header", "content/obj", "content/probe", "content/positions"):
            if group in run:
                run.copy(group, out, group)


if __name__ == "__main__":
    main()
