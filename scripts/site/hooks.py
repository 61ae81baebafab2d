"""Makes the pages of docs/ pages of a site, for make site. The pages themselves are written for the repository.

- Pages outside docs/ that a page links, such as bench/results.md, are part of the site, under repository/.
- Notebooks become pages, with their pictures as files.
- The reference of the Python package is made by mkdocstrings, with types and links.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
FOREIGN = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^\s>]*""")
HEAD = "# The package ptyx for Python\n\n[python.md](python.md) is the introduction.\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace notebooks by pages, and add the linked pages outside docs/."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        for name, content in of_notebook(ROOT / "docs" / file.src_uri):
            files.append(File.generated(config, posixpath.join(posixpath.dirname(file.src_uri), name), content=content))
    waiting = [file for file in files if file.is_documentation_page()]
    while waiting:
        file = waiting.pop()
        for target in links(file.content_string, repository(file.src_uri)):
            inside = site(target)
            if inside.startswith("repository/") and not files.get_file_from_path(inside):
                added = File.generated(config, inside, content=(ROOT / target).read_text())
                added.inclusion = added.inclusion.NOT_IN_NAV
                files.append(added)
                waiting.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links to files of the repository into links to pages of the site."""
    source = page.file.src_uri
    if source == "python-api.md":
        return HEAD + interface()
    here = repository(source)

    def moved(link: re.Match[str]) -> str:
        path, mark, anchor = link[2].partition("#")
        if not path or "://" in path:
            return link[0]
        target = site(posixpath.normpath(posixpath.join(posixpath.dirname(here), path)))
        return link[1] + posixpath.relpath(target, posixpath.dirname(source) or ".") + mark + anchor + link[3]

    return LINK.sub(moved, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Fail if a page would load something from a host: the site is read at beamlines without a network."""
    if foreign := FOREIGN.search(output):
        message = f"{page.file.src_uri} loads something from a host: {foreign[0]}"
        raise PluginError(message)
    return output


def links(markdown: str, here: str) -> set[str]:
    """Return the pages outside docs/ that a page links, as paths in the repository."""
    paths = {link[2].partition("#")[0] for link in LINK.finditer(markdown) if "://" not in link[2]}
    targets = {posixpath.normpath(posixpath.join(posixpath.dirname(here), path)) for path in paths if path}
    return {target for target in targets if not target.startswith("docs/") and (ROOT / target).is_file()}


def repository(source: str) -> str:
    """Return the path in the repository of a page of the site."""
    if source.startswith("repository/"):
        path = source.removeprefix("repository/")
        return path if (ROOT / path).exists() else path.removesuffix(".md")
    return "docs/" + source


def site(target: str) -> str:
    """Return the path in the site of a file of the repository. Only pages have suffix .md."""
    if target.startswith("docs/"):
        path = target.removeprefix("docs/")
        return re.sub(r"\.ipynb$", ".md", path)
    return "repository/" + (target if target.endswith(".md") else target + ".md")


def interface() -> str:
    """Return the public functions, classes and options of the package, for mkdocstrings."""
    source = (ROOT / "python/src/ptyx/__init__.py").read_text()
    names = re.findall(r'^    "(\w+)",$', source, re.MULTILINE)  # of __all__
    settings = re.findall(r"^class (\w+)", (ROOT / "python/src/ptyx/options.py").read_text(), re.MULTILINE)
    parts = {
        "Functions": [f"ptyx.{name}" for name in names if name.islower()],
        "Classes": [f"ptyx.{name}" for name in names if not name.islower()],
        "Settings": [f"ptyx.options.{name}" for name in settings],
    }
    return "".join(f"\n## {title}\n\n" + "".join(f"::: {name}\n\n" for name in part) for title, part in parts.items())


def of_notebook(path: Path) -> list[tuple[str, str | bytes]]:
    """Return a page and its pictures."""
    page, pictures = [], []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            page.append(source)
            continue
        page.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            picture = next((kind for kind in ("image/png", "image/jpeg") if kind in data), None)
            if picture:
                name = f"{path.stem}-{len(pictures)}.{picture.removeprefix('image/')}"
                pictures.append((name, base64.b64decode(data[picture])))
                page.append(f"![Output]({name})")
            elif "text/html" in data:
                page.append(f"<div>{data['text/html']}</div>")
            else:
                page.append(f"```text\n{''.join(output.get('text', data.get('text/plain', ''))).rstrip()}\n```")
    return [(f"{path.stem}.md", "\n\n".join(page) + "\n"), *pictures]
