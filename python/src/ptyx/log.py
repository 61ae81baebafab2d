"""The lines that the program writes to standard error: log lines and progress."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ptyx.errors import Caution

_PACKAGE = str(Path(__file__).parent)
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_STEP = re.compile(r"(pass|epoch) (\d+)/(\d+)  (.*)")


@dataclass(frozen=True)
class Step:
    """Progress: a pass of a solver or an epoch of a training is done.

    Attributes
    ----------
    unit : str
        "pass" or "epoch".
    done, of : int
        Number of this one, and of all.
    figures : str
        The residual or loss, in words.
    """

    unit: str
    done: int
    of: int
    figures: str


def reader(report: Callable[[Step], None]) -> Callable[[str], None]:
    """Return a function that takes a line: progress goes to report, a warning of the program becomes a Caution."""

    def read(line: str) -> None:
        if step := _STEP.match(line):
            unit, done, of, figures = step.groups()
            report(Step(unit, int(done), int(of), " ".join(figures.split())))
        elif line.startswith(("level=WARN", "level=ERROR")):
            warnings.warn(_sentence(line), Caution, stacklevel=_depth())

    return read


def _sentence(line: str) -> str:
    """Return the message of a log line, with its values in brackets."""
    values = {key: json.loads(value) if value.startswith('"') else value for key, value in _PAIR.findall(line)}
    message = values.pop("msg", line)
    values.pop("level", None)
    details = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"{message} ({details})" if details else message


def _depth() -> int:
    """Return the stack level of the code that called the package, so that the warning names the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
