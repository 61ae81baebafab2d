"""A scan: patterns, positions and, if they are known, probe and object."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptyx import child, errors, folder, masked, options
from ptyx.findings import Validation
from ptyx.words import KEYS

Array = NDArray[Any]


class Scan:
    """A scan of arrays. `ptyx.open` makes one of a file.

    Parameters
    ----------
    patterns : array (M, N, N)
        Amplitudes, or counts: the program decides, and `input` overrides it. Zero frequency is at [N/2, N/2]. N is an
        even number from 32 to 1024. The mask of a `numpy.ma` array marks bad pixels.
    x, y : array (M,)
        Columns and rows of the positions, in pixels of the object unless `unit` says otherwise.
    probe : array (N, N) or (K, N, N), optional
        A guess of the probe, or of its K modes. Without one, ptyx makes it from the patterns.
    object : array (H, W), optional
        The object, if it is known. Its pixel [0, 0] is at position (0, 0).
    mask : array (H, W), optional
        Bad pixels of the detector are True, or above 0.
    **view : options.View
        How the arrays are read.

    Attributes
    ----------
    file : str or None
        The file of `ptyx.open`.
    reading : dict
        The options with which it is read.

    Examples
    --------
    >>> scan = ptyx.Scan(patterns, x, y, probe=probe)
    >>> scan.validate()
    """

    def __init__(
        self,
        patterns: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        *,
        probe: ArrayLike | None = None,
        object: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        **view: Unpack[options.View],
    ) -> None:
        given = {"patterns": patterns, "x": x, "y": y}
        given |= {name: array for name, array in (("probe", probe), ("object", object)) if array is not None}
        self._arrays: dict[str, Array] | None = {name: masked.whole(name, array) for name, array in given.items()}
        self._mask = masked.pixels(patterns, mask)
        _check_axes(self._arrays)
        self.file: str | None = None
        self.reading: Mapping[str, Any] = {"layout": "frames-first", **view}

    @classmethod
    def _of_file(cls, path: str | os.PathLike[str], reading: Mapping[str, Any]) -> Scan:
        scan = cls.__new__(cls)
        scan._arrays, scan._mask, scan.file, scan.reading = None, None, child.positional(path), reading
        return scan

    @property
    def patterns(self) -> Array:
        """Patterns (M, N, N). Those of a file are amplitudes, after crop and binning."""
        return self._known()["patterns"]

    @property
    def x(self) -> Array:
        """Columns of the positions (M,)."""
        return self._known()["x"]

    @property
    def y(self) -> Array:
        """Rows of the positions (M,)."""
        return self._known()["y"]

    @property
    def probe(self) -> Array | None:
        """Guess of the probe, (N, N) or (K, N, N), or None."""
        return self._known().get("probe")

    @property
    def object(self) -> Array | None:
        """Known object (H, W), or None."""
        return self._known().get("object")

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.x)

    def __repr__(self) -> str:
        """Return the file, or the shapes."""
        if self.file is not None:
            return f"ptyx.open({self.file!r})"
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self._known().items())
        return f"<ptyx.Scan: {shapes}>"

    def validate(self, *, seed: int = 0) -> Validation:
        """Find faults of the scan before they cost hours.

        Parameters
        ----------
        seed : int
            Random seed of the choice of patterns.

        Returns
        -------
        Validation
            Facts and findings. A notebook shows them as a table.
        """
        with folder.private(self.nbytes) as private:
            path, reading = self.write(private)
            command = ["validate", path, f"--seed={seed}", *reading]
            printed, _ = child.run(command, private=private, arrays=self.file is None)
        return Validation.of(printed)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays; 0 for a file, which the program reads itself."""
        return 0 if self.file is not None else sum(a.nbytes for a in self._known().values())

    def write(self, private: Path, name: str = "scan") -> tuple[str, list[str]]:
        """Write the arrays for the program. A file is left where it is.

        Parameters
        ----------
        private : Path
            Folder to write to.
        name : str
            Name of the file, without extension.

        Returns
        -------
        str, list of str
            The path and the flags that read it.
        """
        reading = options.flags(self.reading)
        if self.file is not None:
            return self.file, reading
        path = private / f"{name}.npz"
        np.savez(path, allow_pickle=False, **{KEYS[key]: array for key, array in self._known().items()})
        if self._mask is not None:
            mask = private / f"{name}-mask.npy"
            np.save(mask, self._mask.astype(np.uint8) if self._mask.dtype == np.bool_ else self._mask)
            reading.append(f"--mask={mask}")
        return str(path), reading

    def _known(self) -> dict[str, Array]:
        """Return the arrays; the program reads those of a file at first use."""
        if self._arrays is None:
            assert self.file is not None  # noqa: S101 (for the type checker)
            with folder.private() as private:
                copy = private / "scan.npz"
                command = ["convert", self.file, str(copy), "--to=pinn", *options.flags(self.reading)]
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", ".*which PtychoPINN needs", errors.Caution)
                    child.run(command, private=private)
                with np.load(copy) as saved:
                    self._arrays = {name: saved[key] for name, key in KEYS.items() if key in saved}
        return self._arrays


def checked(scan: object) -> Scan:
    """Return a scan. Refuse anything else, such as patterns or a path, with the remedy for it."""
    if isinstance(scan, Scan):
        return scan
    remedy = "use ptyx.Scan(patterns, x, y, probe=probe), or ptyx.open(path) for a file"
    raise errors.fault("scan", errors.described(scan), "a ptyx.Scan", remedy, "")


def _check_axes(arrays: Mapping[str, Array]) -> None:
    """Refuse patterns (N, N, M), as MATLAB has them, with the remedy for them."""
    shape, positions = arrays["patterns"].shape, arrays["x"].size
    if len(shape) == 3 and shape[0] == shape[1] != shape[2] == positions:
        raise errors.fault("patterns", f"shape {shape}", "shape (M, N, N)", "use numpy.moveaxis(patterns, -1, 0)")


def open(path: str | os.PathLike[str], **reading: Unpack[options.Reading]) -> Scan:
    """Open the scan of a file: NPZ, CXI, HDF5 or any format that ptyx reads.

    Parameters
    ----------
    path : path
        The file. The program reads it when it is needed, and no array is copied.
    **reading : options.Reading
        How it is read.

    Returns
    -------
    Scan

    Examples
    --------
    >>> scan = ptyx.open("scan_master.h5", positions_file="stage.csv", crop=256, bin=2)
    """
    return Scan._of_file(path, reading)


def simulate(**settings: Unpack[options.Simulation]) -> Scan:
    """Simulate a scan of a known object.

    Parameters
    ----------
    **settings : options.Simulation
        Kinds, sizes and noise.

    Returns
    -------
    Scan
        Its `object` and `probe` are the truth.
    """
    with folder.private() as private:
        path = private / "scan.npz"
        child.run(["simulate", f"--out={path}", *options.flags(settings)], private=private)
        with np.load(path) as saved:
            arrays = {name: saved[key] for name, key in KEYS.items()}
    return Scan(**arrays, input="amplitude")
