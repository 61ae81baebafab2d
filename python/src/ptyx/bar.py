"""The progress bar: a widget of the browser in a notebook, a line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable
from typing import Any

from ptyx.log import Step


def choose(shown: bool) -> Callable[[Step], None]:
    """Return the function that shows a step."""
    if not shown:
        return lambda step: None
    if _in_notebook():
        return _notebook()
    return _line if sys.stderr.isatty() else _plain


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")


def _notebook() -> Callable[[Step], None]:
    from IPython import display  # the kernel of a notebook has it

    shown: Any = display
    handle: Any = None

    def show(step: Step) -> None:
        nonlocal handle
        bar = f'<progress value="{step.done}" max="{step.of}"></progress> {html.escape(_words(step))}'
        if handle is None:
            handle = shown.display(shown.HTML(bar), display_id=True)
        else:
            handle.update(shown.HTML(bar))

    return show


def _line(step: Step) -> None:
    end = "\n" if step.done == step.of else ""
    print(f"\r\x1b[K{_words(step)}", end=end, file=sys.stderr, flush=True)


def _plain(step: Step) -> None:
    print(_words(step), file=sys.stderr, flush=True)


def _words(step: Step) -> str:
    return f"{step.unit} {step.done}/{step.of}: {step.figures}"
