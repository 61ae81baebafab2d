"""Writes docs/python-api.md from the docstrings of the package, or checks it with ``--check``.

The command line names the page.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import ptyx
from ptyx import options

HEAD = """# The package ptyx for Python

`make python-docs` writes this page from the docstrings. [python.md](python.md) is the introduction.
"""
SETTINGS = (
    options.View,
    options.Reading,
    options.Optics,
    options.Solving,
    options.Training,
    options.Compute,
    options.Simulation,
)


def page() -> str:
    """Return the page."""
    functions = [getattr(ptyx, name) for name in ptyx.__all__ if inspect.isfunction(getattr(ptyx, name))]
    classes = [getattr(ptyx, name) for name in ptyx.__all__ if inspect.isclass(getattr(ptyx, name))]
    parts = [HEAD]
    parts += ["## Functions\n", *(entry(f"ptyx.{f.__name__}", f) for f in functions)]
    parts += ["## Classes\n", *(of_class(c) for c in classes)]
    parts += ["## Settings\n", *(entry(f"options.{kind.__name__}", kind) for kind in SETTINGS)]
    return "\n".join(parts)


def of_class(kind: type) -> str:
    """Return the entry of a class and its public methods and properties."""
    parts = [entry(f"ptyx.{kind.__name__}", kind)]
    for name, member in vars(kind).items():
        if isinstance(member, property):
            parts.append(f"- `{name}`: {' '.join(inspect.getdoc(member).split())}\n")
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__call__"):
            parts.append(entry(f"{kind.__name__}.{name}", function, level=4))
    return "\n".join(parts)


def entry(title: str, thing: object, level: int = 3) -> str:
    """Return the heading, the signature and the docstring of a function or class."""
    text = inspect.getdoc(thing)
    shown = f"{'#' * level} `{title}`\n\n"
    if inspect.isfunction(thing):
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(thing).parameters.values()]
        call = inspect.Signature([p for p in bare if p.name not in ("self", "cls")])
        shown += f"    {title}{call}\n\n"
    return shown + markdown(text) + "\n"


def markdown(doc: str) -> str:
    """Turn a docstring in numpy's convention into Markdown."""
    sections = re.split(r"^(\w+)\n-+\n", doc, flags=re.MULTILINE)
    shown = sections[0].strip() + "\n"
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title == "Examples":
            shown += "\n" + re.sub(r"^>>> ", "    ", body.strip(), flags=re.MULTILINE) + "\n"
        else:
            shown += f"\n**{title}**\n\n" + items(body)
    return shown


def items(body: str) -> str:
    """Turn the entries of a section into a list."""
    shown = ""
    for head, text in re.findall(r"^(\S.*)\n((?:    .*\n?|\n)*)", body.strip() + "\n", flags=re.MULTILINE):
        name, _, kind = head.partition(" : ")
        described = " ".join(text.split())
        shown += f"- `{name}`" + (f" ({kind})" if kind else "") + (f": {described}" if described else "") + "\n"
    return shown


def wrap(text: str) -> str:
    """Break lines of prose at 120 columns."""
    import textwrap

    lines = []
    for line in re.sub("\n{3,}", "\n\n", text).splitlines():
        if len(line) <= 120 or line.startswith("    "):
            lines.append(line)
        else:
            lines += textwrap.wrap(line, 120, subsequent_indent="  " if line.startswith("- ") else "")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or return 1 if it differs."""
    path, text = Path(arguments[-1]), wrap(page())
    if "--check" not in arguments:
        path.write_text(text)
    elif path.read_text() != text:
        print(f"{path}: differs from the docstrings; make python-docs writes it")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
