"""The Chromium that shows the pages."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "not looked at: no Chromium on the path nor in PTYX_CHROMIUM, and none from npm"


def find(node):
    """The path of a Chromium, or None.

    PTYX_CHROMIUM names it, or it is on the path, or of the npm package (Linux on x86-64)."""
    named = os.environ.get("PTYX_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if named or not sys.platform.startswith("linux") or not (node / "node_modules/@sparticuz/chromium").exists():
        return named
    run = subprocess.run([shutil.which("node"), "chromium.mjs"], cwd=node, capture_output=True, text=True, timeout=120)
    return run.stdout.strip() if run.returncode == 0 else None
