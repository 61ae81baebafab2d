"""Masked arrays of NumPy: their masks are those of the detector."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptyx import errors


def whole(name: str, array: Any) -> NDArray[Any]:
    """Return an array without its mask. Only patterns may have one: their masked pixels become 0.

    Raises
    ------
    InputError
        If another array has masked elements, or if there are no numbers.
    """
    if not np.ma.is_masked(array):
        return numbers(name, array)
    if name != "patterns":
        found = f"{np.ma.getmaskarray(array).sum()} masked elements"
        raise errors.fault(name, found, "none", "leave out these positions with their patterns, or fill them")
    return np.ma.filled(array, 0)


def numbers(name: str, array: Any, file: str = "Scan") -> NDArray[Any]:
    """Return what a user gave as an array.

    Raises
    ------
    InputError
        If its elements are objects, as those of None, or if its rows differ in length.
    """
    try:
        given = np.asarray(array)
    except ValueError:
        raise errors.fault(name, "rows of different lengths", "an array", "make all of them as long", file) from None
    if given.dtype == object:
        found = errors.described(array)
        raise errors.fault(name, found, "an array of numbers", f"give {name} as a NumPy array of numbers", file)
    return given


def pixels(patterns: Any, mask: ArrayLike | None) -> NDArray[Any] | None:
    """Return the mask (H, W) of the detector, above 0 where a pixel is bad: that of the patterns, or `mask`, or both.

    A pixel that is masked in some patterns is bad in all: the program has one mask for a scan.
    """
    given = None if mask is None else np.asarray(mask)
    if not np.ma.is_masked(patterns):
        return given
    each: NDArray[Any] = np.ma.getmaskarray(patterns)  # (M, H, W)
    bad = np.asarray(each.any(axis=0))
    if some := int(np.count_nonzero(bad & ~each.all(axis=0))):
        message = f"{some} pixels are masked in some patterns only, and are left out of all"
        warnings.warn(message, errors.Caution, stacklevel=3)
    return bad if given is None else np.logical_or(bad, given > 0)
