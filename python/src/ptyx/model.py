"""A trained network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptyx import child, folder, options, picture, solving
from ptyx.result import Result
from ptyx.scan import Scan, checked
from ptyx.server import Server

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training.

    Attributes
    ----------
    number : int
        Counted from 1.
    train_loss, val_loss : float
        Losses; `val_loss` is NaN without validation patterns.
    """

    number: int
    train_loss: float
    val_loss: float


class Model:
    """A trained network: an ONNX file.

    Parameters
    ----------
    path : path
        The file, or the run directory of ``ptyx train``.

    Attributes
    ----------
    history : tuple of Epoch
        The epochs of `ptyx.train`; empty for a model of a file.
    interrupted : bool
        Whether Ctrl-C ended the training early.

    Examples
    --------
    >>> model = ptyx.Model("model.onnx")
    >>> patches = model(patterns)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        file = Path(path)
        self._onnx = (file / "model.onnx" if file.is_dir() else file).read_bytes()
        self._server: Server | None = None
        self.history: tuple[Epoch, ...] = ()
        self.interrupted = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the ONNX file, which ONNX Runtime and the program read.

        Parameters
        ----------
        path : path
            File to write, such as "model.onnx".
        """
        Path(path).write_bytes(self._onnx)

    def describe(self) -> dict[str, Any]:
        """Return inputs, outputs, layers and metadata, with the keys of docs/json.md."""
        with folder.private() as private:
            return child.run(["inspect", str(self._write(private))], private=private)[0]

    def __call__(
        self,
        patterns: ArrayLike,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        probe: ArrayLike | None = None,
    ) -> NDArray[np.complex64]:
        """Return the patch of the object for each pattern.

        The first call starts the program as a server of this process alone; it ends with the model.

        Parameters
        ----------
        patterns : array (M, N, N)
            Amplitudes, not counts.
        x, y : array (M,), optional
            Positions in pixels. The network needs their subpixel part, which is 0 without them.
        probe : array (N, N), optional
            Probe in place of that of the training, for a network that takes one.

        Returns
        -------
        array (M, N, N)
            Complex patches.
        """
        if self._server is None:
            self._server = Server(self._onnx)
        return self._server.patches(patterns, x, y, probe)

    def infer(
        self,
        scan: Scan,
        *,
        refine: int = 0,
        probe: str | None = None,
        probe_passes: int | None = None,
        progress: bool = False,
        **compute: Unpack[options.Compute],
    ) -> Result:
        """Reconstruct a scan.

        Parameters
        ----------
        scan : Scan
            A scan like those of the training.
        refine : int
            Passes of the solver afterwards.
        probe : str, optional
            "model" (that of the training, the default), "scan" (its own) or a file with one.
        probe_passes : int, optional
            Passes that calibrate this probe on the scan first.
        progress : bool
            Whether to show a bar of the passes.
        **compute : options.Compute
            What computes.

        Returns
        -------
        Result
        """
        chosen = {"refine": refine, "probe": probe, "probe_passes": probe_passes, **compute}
        with folder.private(checked(scan).nbytes) as private:
            path, reading = scan.write(private)
            command = ["infer", f"--model-path={self._write(private)}", f"--test-data={path}"]
            command += [*options.flags(chosen), *reading]
            return solving.reconstruct(command, scan, private, progress)

    def _write(self, private: Path) -> Path:
        path = private / "model.onnx"
        self.save(path)
        return path

    def __repr__(self) -> str:
        """Return the size and the last losses."""
        last = f", {len(self.history)} epochs, loss {self.history[-1].train_loss:.4g}" if self.history else ""
        return f"<ptyx.Model: {len(self._onnx) / 1e6:.1f} MB{last}>"

    def plot(self) -> Figure:
        """Draw the losses of the training with matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
        """
        return picture.losses(self.history)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if not self.history:
            return {"text/plain": repr(self)}
        return picture.bundle(self.plot, [], repr(self))
