"""Reconstruction of a scan by iteration, or with the general network."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Unpack

from ptyx import bar, child, errors, folder, options, result
from ptyx.errors import Stopped
from ptyx.result import Result
from ptyx.scan import Scan, checked


def solve(
    scan: Scan,
    *,
    iterations: int | None = None,
    modes: int = 1,
    positions: bool = False,
    start: Result | Literal["auto", "none", "network"] = "auto",
    progress: bool = False,
    **settings: Unpack[options.Solving],
) -> Result:
    """Find the object and the probe of a scan by iteration.

    On Ctrl-C, it returns the best result so far and warns with `Stopped`. A second Ctrl-C raises KeyboardInterrupt.

    Parameters
    ----------
    scan : Scan
        The scan. Without a probe, ptyx makes one from the patterns.
    iterations : int, optional
        Most passes over the data: 60, or 20 if `start` is a result.
    modes : int
        Incoherent modes of the probe.
    positions : bool
        Whether to refine the positions, by up to 4 pixels.
    start : Result or {"auto", "none", "network"}
        A result whose object and probe are the first; or the first object: an empty one, or that of the general
        network. auto takes the network if neighbours overlap by less than half of the probe's diameter.
    progress : bool
        Whether to show a bar.
    **settings : options.Solving
        Further settings.

    Returns
    -------
    Result
    """
    if not isinstance(start, (str, Result)):
        remedy = "ptyx.Result.load(path) loads a saved one"
        raise errors.fault("start", errors.described(start), "auto, none, network or a ptyx.Result", remedy, "")
    command = ["solve", f"--start={start}"] if isinstance(start, str) else ["refine"]
    chosen = {"iterations": iterations, "modes": modes, "positions": positions, **settings}
    with folder.private(checked(scan).nbytes) as private:
        path, reading = scan.write(private)
        if not isinstance(start, str):
            start.save(private / "start.npz")
            command.append(f"--recon={private / 'start.npz'}")
        command += [f"--data={path}", *options.flags(chosen), *reading]
        return reconstruct(command, scan, private, progress)


def infer(
    scan: Scan,
    *,
    refine: int = 0,
    probe_passes: int | None = None,
    progress: bool = False,
    **compute: Unpack[options.Compute],
) -> Result:
    """Reconstruct a scan with the general network inside ptyx, without any training on it.

    Parameters
    ----------
    scan : Scan
        The scan, with a probe. Patterns have a multiple of 8 from 32 to 512 pixels a side.
    refine : int
        Passes of the solver afterwards.
    probe_passes : int, optional
        Passes that calibrate the probe on the scan first. Default: 16.
    progress : bool
        Whether to show a bar of these passes.
    **compute : options.Compute
        What computes.

    Returns
    -------
    Result
    """
    with folder.private(checked(scan).nbytes) as private:
        path, reading = scan.write(private)
        chosen = {"refine": refine, "probe_passes": probe_passes, **compute}
        return reconstruct(["infer", f"--test-data={path}", *options.flags(chosen), *reading], scan, private, progress)


def reconstruct(command: Sequence[str], scan: Scan, private: Path, progress: bool) -> Result:
    """Run a command that writes a reconstruction, and load it."""
    out = private / "out"
    command = [*command, f"--output-dir={out}"]
    printed, interrupted = child.run(command, report=bar.choose(progress), private=private, arrays=scan.file is None)
    if interrupted:
        done = printed["solver"]["passes"]
        warnings.warn(f"stopped by Ctrl-C after {done} passes; this is the best result so far", Stopped, stacklevel=3)
    return result.load(out, printed, interrupted)
