"""Docstrings of imgclf as reStructuredText: they are plain text, with code in backticks and formulas indented."""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

from imgclf import arrays

ALIASES = {
    stringify_annotation(getattr(arrays, name), "smart"): name for name in ("FloatArray", "IntArray", "ByteArray")
}


def to_rst(lines: list[str]) -> list[str]:
    """Return the lines with literal blocks where they are indented, and nothing else that is markup by chance."""
    rst: list[str] = []
    before = ""  # the indent that text has here
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        is_code = len(indent) >= 4
        if is_code and not (rst and rst[-1].startswith("    ")) and line.strip():
            rst += ["", "::", ""] if not before else []
        before = indent if is_code else before if not line.strip() else ""
        rst.append(line if is_code else _escaped(line))
    return rst


def _escaped(line: str) -> str:
    """Escape what is markup to reStructuredText, but not code in backticks."""
    parts = re.split("(`[^`]+`)", line)
    return "".join(
        f"`{part}`" if part.startswith("`") else re.sub(r"([*_|\\`]|\b:\b)", r"\\\1", part) for part in parts
    )


def _docstring(app: Sphinx, what: str, name: str, of: object, options: Any, lines: list[str]) -> None:
    if not any(re.fullmatch(r"\s*-{3,}", line) for line in lines):  # else napoleon reads it
        lines[:] = to_rst(lines)


def _signature(
    app: Sphinx, what: str, name: str, of: object, options: Any, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Call the arrays by their names."""
    named = []
    for text in (signature, result):
        for written_out, alias in ALIASES.items():
            text = text and text.replace(written_out, alias)
        named.append(text)
    return named[0], named[1]


def _skip(app: Sphinx, what: str, name: str, of: object, skipped: bool, options: Any) -> bool | None:
    """Leave out the fields of a tuple: its signature has them."""
    return True if (getattr(of, "__doc__", None) or "").startswith("Alias for field") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
