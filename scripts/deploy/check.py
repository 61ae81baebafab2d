"""Checks the container file and the conda recipe as far as it can be done without a daemon and without conda.

It lays the files of the container's layer into a folder and runs the entry point there. It renders the recipe, runs its
script in a fresh environment in place of conda's, and then the tests that the recipe states. Run it in the repository's
folder, after `make wheel`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from rattler_build import RenderConfig, Stage0Recipe, VariantConfig

HERE = Path(__file__).parent
DIST = Path("dist").resolve()


def run(command: list[str] | str, folder: Path, **environment: str) -> str:
    """Run a command in a folder with nothing but this environment, and return what it prints."""
    shell = isinstance(command, str)
    done = subprocess.run(command, cwd=folder, env=environment, shell=shell, check=True, capture_output=True, text=True)
    return done.stdout


def container(folder: Path) -> str:
    """Lay the layer of the container file and run its entry point. Return the version that it prints."""
    entry: list[str] = []
    for line in (HERE / "Containerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            source, target = rest.split()
            placed = folder / target.lstrip("/")
            placed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DIST / source, placed)
        elif word == "ENTRYPOINT":
            entry = json.loads(rest)
    program = folder / entry[0].lstrip("/")
    run([str(program), "doctor"], folder)
    return json.loads(run([str(program), "version", "--json"], folder))["version"]


def conda(folder: Path) -> str:
    """Run the script and the tests of the recipe. Return the version of the package."""
    recipe = Stage0Recipe.from_file(HERE / "recipe.yaml").render(VariantConfig(), RenderConfig())[0].recipe.to_dict()
    version = str(recipe["package"]["version"])
    work, prefix = folder / "work", folder / "prefix"
    work.mkdir()
    for wheel in DIST.glob("*.whl"):
        shutil.copy(wheel, work)
    venv.create(prefix, with_pip=True)
    place = {"PATH": f"{prefix / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}
    python = str(prefix / "bin" / "python")
    needed = [re.sub(" ", "", r) for r in recipe["requirements"]["run"] if not r.startswith(("python", "__"))]
    run([python, "-m", "pip", "install", "--quiet", *needed], folder, **{**os.environ, **place})
    for line in lines(recipe["build"]["script"]):
        run(line, work, PYTHON=python, PKG_VERSION=version, **place)
    for test in recipe["tests"]:
        for module in test.get("python", {}).get("imports", []):
            run([python, "-c", f"import {module}"], folder, **place)
        for line in lines(test.get("script", [])):
            run(line, folder, **place)
    return version


def lines(script: str | list[str]) -> list[str]:
    """Return the lines of a script. A rendered recipe holds a single one as a string."""
    return [script] if isinstance(script, str) else script


def main() -> int:
    """Check both. They must have the same version."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        try:
            versions = container(Path(one)), conda(Path(two))
        except subprocess.CalledProcessError as error:
            print(f"deploy: {error.cmd}: {error.stdout}{error.stderr}")
            return 1
    if versions[0] != versions[1]:
        print(f"deploy: the program is version {versions[0]}, recipe.yaml states {versions[1]}")
        return 1
    print("deploy: the container's layer, and the script and tests of the conda recipe")
    return 0


if __name__ == "__main__":
    sys.exit(main())
