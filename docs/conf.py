"""How Sphinx builds these pages: `nox -s docs`, or `python -m sphinx -W -b html docs build/docs`."""

from __future__ import annotations

import re
from typing import Any

import clumsygrad

project = "clumsygrad"
author = "the clumsygrad developers"
release = clumsygrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 2
html_theme = "furo"
html_title = f"clumsygrad {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}


def as_restructured_text(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """The docstrings are plain text, in which |x| is a size and x* no emphasis: say so in Sphinx's own markup."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    lines[:] = "\n\n".join(map(_paragraph, paragraphs)).split("\n") + [""]


def _paragraph(text: str) -> str:
    if text.lstrip().startswith(">>>"):
        return text
    if re.match(r" ", text):
        return "::\n\n" + text
    listed = re.search(r"^ ", text, re.MULTILINE) is not None  # "name: what it is", with indented continuations
    return "\n".join(_line(line, listed) for line in text.split("\n"))


def _line(line: str, listed: bool) -> str:
    parts = re.split(r"`([^`]*)`", re.sub(r"``+", "`", line))
    marked = "".join(f"``{part}``" if i % 2 else re.sub(r"([\\*|_])", r"\\\1", part) for i, part in enumerate(parts))
    if not listed:
        return marked
    return re.sub(r"^ +", "  ", marked) if line.startswith(" ") else f"* {marked}"


def with_downloads(app: Any, page: str, source: list[str]) -> None:
    """A link to a file of the repository outside docs/ leads to a copy of that file."""
    source[0] = source[0].replace("](../", "](path:../")


def setup(app: Any) -> None:
    app.connect("source-read", with_downloads)
    app.connect("autodoc-process-docstring", as_restructured_text)
