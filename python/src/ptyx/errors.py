"""The errors and warnings of the package."""

from __future__ import annotations

from collections.abc import Mapping


class Error(Exception):
    """A failure of the program, in one sentence."""


class InputError(Error, ValueError):
    """A fault in the user's arrays, files or options.

    Attributes
    ----------
    file : str
        The file at fault, or "Scan" if it is a `Scan` of arrays. Empty if the fault is in an option.
    key : str
        The array, attribute or option.
    found, expected, remedy : str
        What was there, what should be, and what to do. Empty if unknown.
    """

    def __init__(self, message: str, parts: Mapping[str, str]) -> None:
        super().__init__(message)
        self.file = parts.get("file", "")
        self.key = parts.get("key", "")
        self.found = parts.get("found", "")
        self.expected = parts.get("expected", "")
        self.remedy = parts.get("remedy", "")


class Caution(UserWarning):
    """A warning of the program, such as an object that does not explain its patterns."""


class Stopped(UserWarning):
    """Ctrl-C ended the work early. The result is the best so far."""


def fault(key: str, found: str, expected: str, remedy: str, file: str = "Scan") -> InputError:
    """Return the exception for a fault that the program need not see, in the form of the program's."""
    parts = {"file": file, "key": key, "found": found, "expected": expected, "remedy": remedy}
    place = "".join(f"{part}: " for part in (file, key) if part)
    return InputError(f"{place}found {found}, expected {expected}; {remedy}", parts)


def described(value: object) -> str:
    """Return what a wrong value is, in a few words: an array may have millions of elements."""
    shape = getattr(value, "shape", None)
    kind = "None" if value is None else f"a value of type {type(value).__name__}"
    return f"{kind}, shape {shape}" if isinstance(shape, tuple) else kind


def of_program(parts: Mapping[str, str]) -> Error:
    """Return the exception for the error that the program printed as JSON."""
    return InputError(parts["message"], parts) if parts.get("found") else Error(parts["message"])
