"""The training of a network."""

from __future__ import annotations

import csv
import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from ptyx import bar, child, folder, options
from ptyx.errors import Stopped
from ptyx.model import Epoch, Model
from ptyx.scan import Scan, checked


def train(
    scans: Scan | Sequence[Scan],
    *,
    max_epochs: int | None = None,
    init: Model | str | os.PathLike[str] | None = None,
    progress: bool = False,
    **settings: Unpack[options.Training],
) -> Model:
    """Train a network on the patterns of scans, without ground truth.

    On Ctrl-C, it returns the model so far and warns with `Stopped`. A second Ctrl-C raises KeyboardInterrupt.

    Parameters
    ----------
    scans : Scan or sequence of Scan
        Scans to train on. Each has its own probe. All are read with the same options.
    max_epochs : int, optional
        Epochs. Default: about 500 steps for each scan, or 1000 with `init="none"`.
    init : Model or path, optional
        Model to start from; "none": random weights. Default: "general".
    progress : bool
        Whether to show a bar.
    **settings : options.Training
        Further settings.

    Returns
    -------
    Model
    """
    given = [checked(scan) for scan in (scans if isinstance(scans, Sequence) else [scans])]
    with folder.private(sum(scan.nbytes for scan in given)) as private:
        command = ["train", f"--output-dir={private / 'run'}"]
        reading: list[str] = []
        for number, scan in enumerate(given):
            path, flags = scan.write(private, f"scan{number}" if number else "scan")
            command.append(f"--train-data-file={path}")
            if number and flags != reading:
                message = f"scans: found {flags} for one and {reading} for another, expected the same options"
                raise ValueError(message)
            reading = flags
        if isinstance(init, Model):
            init.save(private / "init.onnx")
            init = private / "init.onnx"
        command += [*options.flags({"max_epochs": max_epochs, "init": init, **settings}), *reading]
        arrays = all(scan.file is None for scan in given)
        _, interrupted = child.run(command, report=bar.choose(progress), private=private, arrays=arrays)
        model = Model(private / "run")
        model.history, model.interrupted = _history(private / "run" / "metrics.csv"), interrupted
    if interrupted:
        done = len(model.history)
        warnings.warn(f"stopped by Ctrl-C after {done} epochs; this is the model so far", Stopped, stacklevel=2)
    return model


def _history(path: Path) -> tuple[Epoch, ...]:
    """Read the losses that the training wrote."""
    with path.open() as file:
        return tuple(
            Epoch(int(row["epoch"]), float(row["train_loss"]), float(row["val_loss"] or math.nan))
            for row in csv.DictReader(file)
        )
