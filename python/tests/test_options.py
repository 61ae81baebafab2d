"""The options of Python against the flags of the program."""

import re
import subprocess

import pytest

from ptyx import options, program

COMMANDS = {
    "solve": (options.Reading, options.Solving),
    "refine": (options.Reading, options.Solving),
    "infer": (options.Reading, options.Compute),
    "train": (options.Reading, options.Training),
    "validate": (options.Reading,),
    "convert": (options.Reading,),
    "simulate": (options.Simulation,),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_a_flag_and_is_described(command):
    done = subprocess.run([program.path(), command, "--help"], capture_output=True, text=True, check=True)
    flags = set(re.findall(r"--(?:\[no-\])?([a-z][a-z0-9-]*)", done.stdout))
    for kind in COMMANDS[command]:
        for name in kind.__optional_keys__:
            assert name.replace("_", "-") in flags
        own = set(kind.__annotations__)
        described = set(re.findall(r"\b[a-z0-9_]+\b", kind.__doc__.partition("----------\n")[2]))
        inherited = {n for base in (options.Optics, options.View, options.Compute) for n in base.__annotations__}
        assert own - inherited <= described


def test_flags():
    assert options.flags({"crop": 64, "sample_motion": False, "mask": None}) == ["--crop=64", "--sample-motion=false"]
