"""The comparison of two objects."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptyx import child, errors, folder, masked
from ptyx.result import Result
from ptyx.scan import Scan

Object = Result | Scan | ArrayLike | str | os.PathLike[str]


@dataclass(frozen=True)
class Comparison:
    """Figures of two objects after registration, scale, phase and ramp. A notebook shows the picture.

    Attributes
    ----------
    figures : dict
        All figures, with the keys of docs/json.md. The properties name the usual ones.
    picture : bytes
        PNG: both amplitudes and phases, their differences and the ring correlation.
    """

    figures: Mapping[str, Any] = field(repr=False)
    picture: bytes = field(repr=False)

    @property
    def ssim(self) -> float:
        """Structural similarity of the amplitudes."""
        return float(self.figures["amplitude"]["ssim"])

    @property
    def phase_ssim(self) -> float:
        """Structural similarity of the phases."""
        return float(self.figures["phase"]["ssim"])

    @property
    def correlation(self) -> float:
        """Complex correlation."""
        return float(self.figures["complex_correlation"])

    @property
    def resolution(self) -> float:
        """Half period in pixels where the Fourier ring correlation falls below the half-bit threshold."""
        return float(self.figures["frc"]["at_half_bit"]["half_period_pixels"])

    @property
    def frc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Frequencies in cycles per pixel, and the Fourier ring correlation at each."""
        curve = self.figures["frc"]
        return np.array(curve["frequency"]), np.array(curve["correlation"])

    def __str__(self) -> str:
        """Return the usual figures in a line."""
        return (
            f"correlation {self.correlation:.4f}, SSIM of amplitude {self.ssim:.4f} and phase {self.phase_ssim:.4f}, "
            f"half-bit resolution {self.resolution:.2f} pixels"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "image/png": base64.b64encode(self.picture).decode()}


def compare(result: Object, reference: Object) -> Comparison:
    """Compare two objects over the central half of the scanned area.

    Parameters
    ----------
    result, reference : Result, Scan with an object, array (H, W), or path
        Two objects. Pixel [0, 0] of an array is at position (0, 0) of the scan.

    Returns
    -------
    Comparison
    """
    with folder.private() as private:
        paths = [_path(side, private / name) for side, name in ((result, "result.npz"), (reference, "reference.npz"))]
        out = private / "out"
        command = ["eval", f"--recon={paths[0]}", f"--reference={paths[1]}", f"--output={out}"]
        printed, _ = child.run(command, private=private)
        return Comparison(printed, (out / "comparison.png").read_bytes())


def _path(side: Object, path: Path) -> str:
    """Write an object for the program. The file of a Scan that was opened stays where it is."""
    match side:
        case Result():
            side.save(path)
        case Scan():
            if side.file is None and side.object is None:
                remedy = "give it as ptyx.Scan(..., object=object), or give a result"
                raise errors.fault(path.stem, "a Scan without object", "a known object to compare with", remedy, "")
            return side.write(path.parent, path.stem)[0]
        case str() | os.PathLike():
            return os.fspath(side)
        case _:
            np.savez(path, objectGuess=masked.numbers(path.stem, side, ""))
    return str(path)
