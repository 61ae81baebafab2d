"""Gives the wheel its platform, and the wheel that scripts/wheel.sh audits the libraries, too."""

import os
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Read both from the environment. The program inside decides the platform, not the machine that builds."""

    def initialize(self, version, build_data):
        """Set the tag: any Python 3, the platform of PTYX_PLATFORM."""
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ['PTYX_PLATFORM']}"
        libraries = os.environ.get("PTYX_LIBRARIES")
        if libraries:
            files = (path for path in sorted(Path(libraries).glob("*.so*")) if not path.is_symlink())
            build_data["force_include"].update({str(path): f"ptyx.libs/{path.name}" for path in files})
