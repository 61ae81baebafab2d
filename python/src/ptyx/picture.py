"""Pictures for a notebook. matplotlib draws them if it is installed; else those of the program are shown."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ptyx.model import Epoch
    from ptyx.result import Result


def flat_phase(object: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the phase without its linear ramp and its mean, in [-pi, pi].

    The ramp is that of the mean product of neighbours in the central half, where the coverage is even. This needs no
    unwrapping.

    Parameters
    ----------
    object : array (H, W)
        Complex object.

    Returns
    -------
    array (H, W)
    """
    h, w = object.shape
    centre = object[h // 4 : h - h // 4, w // 4 : w - w // 4]
    rows = np.angle(np.sum(centre[1:] * centre[:-1].conj()))
    cols = np.angle(np.sum(centre[:, 1:] * centre[:, :-1].conj()))
    ramp = np.exp(-1j * (rows * np.arange(h)[:, None] + cols * np.arange(w)))
    flat = object * ramp
    mean = flat[h // 4 : h - h // 4, w // 4 : w - w // 4].sum()
    phase: NDArray[np.float32] = np.angle(flat * np.exp(-1j * np.angle(mean))).astype(np.float32)
    return phase


def figure(result: Result) -> Figure:
    """Draw amplitude, phase, modes of the probe and residuals."""
    from matplotlib.figure import Figure

    modes = [] if result.probe is None else list(result.probe[:3])
    panels = 2 + len(modes) + bool(len(result.residuals))
    drawn = Figure(figsize=(3.4 * panels, 3.4), layout="constrained")
    axes = iter(np.atleast_1d(drawn.subplots(1, panels)))
    lit = result.coverage > 0.1 * np.median(result.coverage[result.coverage > 0])
    dark = result.coverage == 0  # no pattern knows these pixels
    image(next(axes), np.where(dark, np.nan, result.amplitude), "amplitude", lit)
    image(next(axes), np.where(dark, np.nan, result.phase), "phase (rad), ramp removed", lit, cmap="gray")
    powers = [float(np.sum(np.abs(mode) ** 2)) for mode in modes]
    for mode, power in zip(modes, powers, strict=True):
        image(next(axes), np.abs(mode), f"probe, {power / sum(powers):.0%} of the light", cmap="magma")
    if len(result.residuals):
        _curve(next(axes), result.residuals)
    return drawn


def image(
    axes: Axes, values: NDArray[Any], title: str, lit: NDArray[np.bool_] | None = None, cmap: str = "viridis"
) -> None:
    """Draw a map. Its colours span the values where there is light, but for the outermost hundredths."""
    low, high = np.percentile(values if lit is None else values[lit], [1, 99])
    axes.figure.colorbar(axes.imshow(values, vmin=low, vmax=high, cmap=cmap), ax=axes, shrink=0.7)
    axes.set_title(title, fontsize=10)


def _curve(axes: Axes, residuals: NDArray[np.float64]) -> None:
    axes.semilogy(np.arange(1, len(residuals) + 1), residuals)
    axes.set(xlabel="pass", box_aspect=1)
    axes.set_title("residual", fontsize=10)


def bundle(draw: Callable[[], Figure], pictures: Sequence[bytes], text: str) -> dict[str, str]:
    """Return what Jupyter shows: the figure, or the pictures of the program if there is no matplotlib.

    Parameters
    ----------
    draw : callable
        Draws the figure.
    pictures : sequence of bytes
        PNG files of the program.
    text : str
        What a terminal shows.
    """
    if find_spec("matplotlib") is not None:
        png = io.BytesIO()
        draw().savefig(png, format="png", dpi=100)
        return {"text/plain": text, "image/png": base64.b64encode(png.getvalue()).decode()}
    tag = '<img style="max-width: 32%" src="data:image/png;base64,{}">'
    return {"text/plain": text, "text/html": "".join(tag.format(base64.b64encode(p).decode()) for p in pictures)}


def losses(history: Sequence[Epoch]) -> Figure:
    """Draw the losses of a training over its epochs."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(4.5, 3), layout="constrained")
    axes = drawn.subplots()
    numbers = [epoch.number for epoch in history]
    axes.plot(numbers, [epoch.train_loss for epoch in history], "o-", label="training")
    axes.plot(numbers, [epoch.val_loss for epoch in history], "o-", label="validation")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    return drawn
