"""The options of the program's commands, as Python writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from ptyx import errors


class Optics(TypedDict, total=False):
    """What turns metres into pixels, if a file does not state it.

    Attributes
    ----------
    pixel_size_nm : float
        Pixel of the object.
    energy_ev : float
        Energy of the photons.
    electrons : bool
        Whether `energy_ev` is that of electrons.
    distance_m : float
        Distance from the sample to the detector.
    detector_pixel_um : float
        Unbinned pixel of the detector.
    """

    pixel_size_nm: float
    energy_ev: float
    electrons: bool
    distance_m: float
    detector_pixel_um: float


class View(Optics, total=False):
    """How patterns and positions are read.

    Attributes
    ----------
    input : str
        Kind of the patterns: "amplitude", "intensity" (counts) or "auto".
    unit : str
        Unit of the positions: "px", "m", "mm", "um" or "nm".
    crop : int or str
        Side of the square of the detector to keep, "SIZE@ROW,COL", or "auto": around the light.
    bin : int
        Detector pixels to sum into one, along each axis.
    sample_motion : bool
        Whether the positions are those of the sample, not of the beam.
    rotation_deg : float
        Angle that turns the positions, before all else.
    swap_xy, flip_x, flip_y : bool
        Exchange columns and rows of the positions; mirror them.
    """

    input: str
    unit: str
    crop: int | str
    bin: int
    sample_motion: bool
    rotation_deg: float
    swap_xy: bool
    flip_x: bool
    flip_y: bool


class Reading(View, total=False):
    """How a file is read.

    Attributes
    ----------
    layout : str
        Axes of the patterns: "frames-first", "frames-last" or "auto".
    layout_file : path
        File of flags that ``ptyx validate --save-layout`` wrote.
    patterns, x, y : str
        Places of the arrays in a file that no layout describes.
    positions_file, probe_file : path
        Files of the positions and the probe, also "FILE:PATH".
    mask : path
        Mask of the detector: pixels above 0 are bad.
    raster : str
        "ROWSxCOLS": the positions are a raster.
    step_nm : float
        Step of the raster.
    follow_links : path
        Folder that HDF5 files may link into, besides their own.
    """

    layout: str
    layout_file: str | os.PathLike[str]
    patterns: str
    x: str
    y: str
    positions_file: str | os.PathLike[str]
    probe_file: str | os.PathLike[str]
    mask: str | os.PathLike[str]
    raster: str
    step_nm: float
    follow_links: str | os.PathLike[str]


class Compute(TypedDict, total=False):
    """What computes.

    Attributes
    ----------
    device : str
        "cpu", "cuda" or "auto".
    threads : int
        Threads; 0: one for each physical core.
    onnxruntime : path
        ONNX Runtime library in place of the one inside the program.
    """

    device: str
    threads: int
    onnxruntime: str | os.PathLike[str]


class Training(Compute, total=False):
    """Settings of a training: ``ptyx train --help`` explains each.

    Attributes
    ----------
    batch_size, gridsize : int
        Patterns in a step; side of a sample, which has gridsize squared neighbouring patterns.
    learning_rate, val_fraction, nphotons, smoothness, n_filters_scale : float
        Peak learning rate; share of the patterns for the validation loss; photons in a pattern; weight of the total
        variation; factor on the number of filters.
    schedule, mode, loss, network, probe, grouping, object_extent : str
        Named choices.
    early_stop, probe_passes, oversample, n_images, seed, shards : int
        Epochs without improvement before the end; calibrating passes; samples for each position; number of groups;
        random seed; parts of a step, of one thread each.
    """

    batch_size: int
    gridsize: int
    learning_rate: float
    val_fraction: float
    nphotons: float
    smoothness: float
    n_filters_scale: float
    schedule: str
    mode: str
    loss: str
    network: str
    probe: str
    grouping: str
    object_extent: str
    early_stop: int
    probe_passes: int
    oversample: int
    n_images: int
    seed: int
    shards: int


class Solving(Compute, total=False):
    """Settings of a solver.

    Attributes
    ----------
    method : str
        "lsqml" (in batches) or "epie" (pattern by pattern).
    likelihood : str
        Noise model of the patterns: "amplitude" or "poisson".
    batch_size : int
        Patterns in an update; 0: an eighth of the scan, later all.
    seed : int
        Random seed of the order of the patterns.
    flicker, background : bool
        Whether to find the intensity of the probe for each pattern; an intensity that adds to all patterns.
    opr : int
        Modes of a probe that varies in the scan.
    smooth, probe_support : float
        Strength of the smoothing of the object, such as 10; diameter of the probe, as a share of the side.
    freeze : str
        Parts that stay, such as "probe:10" for ten passes.
    """

    method: str
    likelihood: str
    batch_size: int
    seed: int
    flicker: bool
    background: bool
    opr: int
    smooth: float
    probe_support: float
    freeze: str


class Simulation(TypedDict, total=False):
    """Settings of a simulation: ``ptyx simulate --help`` explains each.

    Attributes
    ----------
    object, probe, scan : str
        Kinds of object, probe and positions.
    n, positions : int
        Pixels along a side of a pattern; number of patterns.
    step, probe_size, absorption, phase, nphotons : float
        Distance of neighbours and width of the probe, in pixels; largest absorption and phase of the object; mean
        photons in a pattern.
    noiseless : bool
        Whether intensities are exact.
    seed : int
        Random seed.
    """

    object: str
    probe: str
    scan: str
    n: int
    positions: int
    step: float
    probe_size: float
    absorption: float
    phase: float
    nphotons: float
    noiseless: bool
    seed: int


def flags(options: Mapping[str, object]) -> list[str]:
    """Return the flags of the program: ``crop=64`` is ``--crop=64``. An option that is None is left out.

    Raises
    ------
    InputError
        If the value of an option is an array or another value that is no number, word or path.
    """
    made = []
    for name, value in options.items():
        if value is None:
            continue
        if not isinstance(value, (bool, int, float, str, os.PathLike, np.generic)):
            remedy = "save an array as a file and give its path; a probe also belongs to ptyx.Scan"
            raise errors.fault(name, errors.described(value), "a number, a word or a path", remedy, "")
        text = str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value)
        made.append(f"--{name.replace('_', '-')}={text}")
    return made
