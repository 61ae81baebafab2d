"""The program's sentences in the words of Python: options without dashes, arrays by their names here."""

from __future__ import annotations

import re
from pathlib import Path

# The keys of a scan's file, by the names of the arrays here.
KEYS = {"patterns": "diff3d", "x": "xcoords", "y": "ycoords", "probe": "probeGuess", "object": "objectGuess"}

# Files that only the package has written: their names are those of the arguments, without the extension.
_MARK = "\0"
_OWN = re.compile(_MARK + r"(result|reference|start)\.npz")
_FLAG = re.compile(r"--(?!help\b)([a-z][a-z0-9_-]*)")
_PROBE = re.compile(r"give a file with a probe as --probe(-file)?\b(; ptyx probe makes one)?")
_NAMES = {key: name for name, key in KEYS.items()}
_KEY = re.compile(r"\b(" + "|".join(_NAMES) + r")\b")


def python(text: str, private: Path, *, arrays: bool) -> str:
    """Translate a text of the program.

    Parameters
    ----------
    text : str
        A line, or the JSON of a result.
    private : Path
        Folder of the command, which the user does not know.
    arrays : bool
        Whether the scan was given as arrays. The keys of a user's file keep their names.
    """
    text = text.replace(f"{private}/scan.npz", "Scan")
    text = _OWN.sub(r"\1", text.replace(f"{private}/", _MARK)).replace(_MARK, "")
    if arrays:
        text = _KEY.sub(lambda key: _NAMES[key[0]], _PROBE.sub("give ptyx.Scan a probe", text))
    return _FLAG.sub(lambda flag: flag[1].replace("-", "_"), text)
