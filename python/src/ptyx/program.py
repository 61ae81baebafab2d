"""The search for the program."""

from __future__ import annotations

import shutil
import sysconfig
from functools import cache
from pathlib import Path

from ptyx.errors import Error


@cache
def path() -> str:
    """Return the path of the program.

    The wheel puts it into the folder of this environment's scripts. In a checkout, it comes from PATH.
    """
    folders = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", f"{sysconfig.get_preferred_scheme('user')}"),
        str(Path(__file__).parent.parent / "bin"),  # pip install --target
    ]
    found = next((f for folder in folders if (f := shutil.which("ptyx", path=folder))), None) or shutil.which("ptyx")
    if found is None:
        message = f"found no program ptyx in {', '.join(folders)} and PATH; install the wheel of ptyx again"
        raise Error(message)
    return found
