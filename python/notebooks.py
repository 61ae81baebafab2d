"""Executes notebooks, and compares the kinds of their outputs with those that are saved in them.

The command line names the notebooks. With ``--save``, they get the new outputs. Those of measured data are left to
``make star``, which obtains the data: it gives ``--measured``.
"""

from __future__ import annotations

import os
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import nbclient
import nbformat

MEASURED = {"measured-star.ipynb"}


def execute(path: Path) -> Any:
    """Return the executed notebook. An error of a cell is an exception."""
    notebook = nbformat.read(path, as_version=4)
    beside = str(Path(sys.executable).parent)  # cells find the command ptyx as in an environment that is active
    os.environ["PATH"] = os.pathsep.join([beside, os.environ["PATH"]])
    nbclient.NotebookClient(notebook, timeout=300, record_timing=False, coalesce_streams=True).execute()
    return notebook


def kinds(notebook: Any) -> list[tuple[str, list[set[str]]]]:
    """Return for each cell its source, and for each of its outputs the media types, or the stream.

    A stream may come in several parts, by the time of its lines.
    """
    found = []
    for cell in notebook.cells:
        shown = [set(output.get("data", {output.get("name"): ""})) for output in cell.get("outputs", [])]
        found.append((cell.source, [kind for kind, _ in groupby(shown)]))
    return found


def main(arguments: list[str]) -> int:
    """Execute all, and return 1 if one shows other kinds of outputs than before."""
    save, measured, status = "--save" in arguments, "--measured" in arguments, 0
    for path in (Path(argument) for argument in arguments if argument not in {"--save", "--measured"}):
        if path.name in MEASURED and not measured:
            print(f"{path}: make star executes it")
            continue
        executed = execute(path)
        if save:
            nbformat.write(executed, path)
        elif kinds(executed) != kinds(nbformat.read(path, as_version=4)):
            remedy = "make star SAVE=1" if measured else "make notebooks"
            print(f"{path}: its outputs have other kinds than those that are saved; {remedy} saves the new ones")
            status = 1
        print(f"{path}: executed")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
