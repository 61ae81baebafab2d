"""A reconstruction: object, probe and positions."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ptyx import child, errors, folder, options, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEMBERS = ("object", "origin", "coverage", "xcoords", "ycoords")  # arrays of every reconstruction
# The pictures of the program that a notebook without matplotlib shows.
PICTURES = ("reconstructed_amplitude.png", "reconstructed_phase.png", "probe.png")


@dataclass(frozen=True, repr=False)
class Result:
    """A reconstruction. A notebook draws it.

    Attributes
    ----------
    arrays : dict of arrays
        All arrays of the program's reconstruction.npz. The properties name the usual ones.
    pictures : dict of bytes
        PNG files of the program, by name.
    interrupted : bool
        Whether Ctrl-C ended the work early. The arrays are then the best so far.
    unexplained : float or None
        Share of the differences between patterns that the object of a network leaves unexplained: 0 is best, 1 no
        better than the mean pattern.
    """

    arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    interrupted: bool = False
    unexplained: float | None = None

    def __repr__(self) -> str:
        """Return the size and the last residual."""
        last = f", {len(self.residuals)} passes, residual {self.residuals[-1]:.4g}" if len(self.residuals) else ""
        early = ", interrupted" if self.interrupted else ""
        h, w = self.arrays["object"].shape
        return f"<ptyx.Result: object {h} x {w}, {len(self.x)} patterns{last}{early}>"

    @property
    def object(self) -> NDArray[np.complex64]:
        """Object (H, W)."""
        return self.arrays["object"]

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column of the scan's frame at which the object begins."""
        row, col = self.arrays["origin"]
        return int(row), int(col)

    @property
    def amplitude(self) -> NDArray[np.float32]:
        """Amplitude of the object (H, W)."""
        return np.abs(self.object)

    @property
    def phase(self) -> NDArray[np.float32]:
        """Phase of the object (H, W) in radians, without the ramp and the mean that no pattern determines."""
        return picture.flat_phase(self.object)

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """Modes of the probe (K, N, N), the strongest first. None if the network takes no probe."""
        probe = self.arrays.get("probeGuess")
        return None if probe is None else probe.reshape(-1, *probe.shape[-2:])

    @property
    def x(self) -> NDArray[np.float64]:
        """Columns of the positions (M,), refined if that was requested."""
        return self.arrays["xcoords"]

    @property
    def y(self) -> NDArray[np.float64]:
        """Rows of the positions (M,)."""
        return self.arrays["ycoords"]

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Residual of each pass, sum (|F| - d)^2 / sum d^2; empty if a network worked alone."""
        return self.arrays.get("residuals", np.empty(0))

    @property
    def coverage(self) -> NDArray[np.float32]:
        """Light on each pixel (H, W), in patches at the peak of the probe."""
        return self.arrays["coverage"]

    @property
    def sigma(self) -> NDArray[np.float32] | None:
        """Estimated error (H, W), below which 68 % of the errors should be; None if the network gives none."""
        return self.arrays.get("sigma")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Load the file of `save`, or the reconstruction.npz of a command."""
        remedy = "give the file of Result.save, or the reconstruction.npz of a command"
        try:
            saved = np.load(path)
        except (ValueError, EOFError, zipfile.BadZipFile):  # numpy takes other bytes for a pickle
            saved = None
        if not isinstance(saved, np.lib.npyio.NpzFile):
            raise errors.fault("", "no NPZ file", "a reconstruction", remedy, os.fspath(path))
        with saved:
            arrays = dict(saved)
        if absent := [name for name in _MEMBERS if name not in arrays]:
            found = f"no {', '.join(absent)}, only {', '.join(arrays)}"
            raise errors.fault("", found, "a reconstruction", remedy, os.fspath(path))
        return cls(arrays)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save all arrays as an NPZ file, which the program reads as its own reconstruction.npz."""
        with Path(path).open("wb") as file:  # numpy.savez would add an extension
            np.savez(file, allow_pickle=False, **self.arrays)

    def to_ptychodus(self, path: str | os.PathLike[str], **optics: Unpack[options.Optics]) -> None:
        """Write a ptychodus product, .h5 or .npz.

        Parameters
        ----------
        path : path
            File to write.
        **optics : options.Optics
            The size of a pixel, and what else the scan does not state.
        """
        self._convert(path, "product", optics)

    def to_cxi(self, path: str | os.PathLike[str], **optics: Unpack[options.Optics]) -> None:
        """Write object, probe and positions as CXI.

        Parameters
        ----------
        path : path
            File to write, .cxi.
        **optics : options.Optics
            The size of a pixel, and what else the scan does not state.
        """
        self._convert(path, "cxi", optics)

    def to_tiff(self, path: str | os.PathLike[str]) -> None:
        """Write amplitude and phase as floats on two pages, .tif."""
        self._convert(path, "tiff", {})

    def _convert(self, path: str | os.PathLike[str], target: str, optics: Mapping[str, Any]) -> None:
        with folder.private(sum(a.nbytes for a in self.arrays.values())) as private:
            saved = private / "result.npz"
            self.save(saved)
            flags = options.flags(optics)
            child.run(["convert", str(saved), child.positional(path), f"--to={target}", *flags], private=private)

    def plot(self) -> Figure:
        """Draw amplitude, phase without ramp, modes of the probe and residuals with matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
        """
        return picture.figure(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return picture.bundle(self.plot, list(self.pictures.values()), repr(self))


def load(private: Path, printed: Mapping[str, Any], interrupted: bool) -> Result:
    """Load what a command wrote into the folder."""
    with np.load(private / "reconstruction.npz") as saved:
        arrays = dict(saved)
    pictures = {name: path.read_bytes() for name in PICTURES if (path := private / name).exists()}
    return Result(arrays, pictures, interrupted, printed.get("unexplained"))
