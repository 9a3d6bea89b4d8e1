"""Docstrings of imgclf as reStructuredText: they are plain text, with code in backticks and formulas indented."""

import re
from typing import Any

from docutils import nodes
from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.inspect import signature as signature_of
from sphinx.util.inspect import stringify_signature
from sphinx.util.typing import stringify_annotation

from imgclf import arrays

ALIASES = {
    stringify_annotation(getattr(arrays, name), "smart"): name for name in ("FloatArray", "IntArray", "ByteArray")
} | {stringify_annotation(ArrayLike, "smart"): "ArrayLike"}
# What a config key says beside the type, and the arrays that have no name of their own.
SHORTER = {
    r"~typing\.Annotated\[(\w+), .*?\}\]": r"\1",
    r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[([~\w.]+)\]\]": r"NDArray[\1]",
    r"NDArray\[~typing\.Any\]": "NDArray",
}
TEXT = re.compile(r"(?:^ {0,3}\S.*\n?)+", re.MULTILINE)


def to_rst(lines: list[str]) -> list[str]:
    """Return the lines with literal blocks where they are indented, and nothing else that is markup by chance."""
    rst: list[str] = []
    before = ""  # the indent that text has here
    for line in TEXT.sub(lambda text: _listed(_escaped(text[0])), "\n".join(lines)).split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        is_code = len(indent) >= 4
        if is_code and not (rst and rst[-1].startswith("    ")) and line.strip():
            rst += ["", "::", ""] if not before else []
        before = indent if is_code else before if not line.strip() else ""
        rst.append(line)
    return rst


def _escaped(text: str) -> str:
    """Escape what is markup to reStructuredText, but not code in backticks, which may go on in the next line."""
    parts = re.split("(`[^`]+`)", text)
    return "".join(
        f"`{part}`" if part.startswith("`") else re.sub(r"([*_|\\`]|\b:\b)", r"\\\1", part) for part in parts
    )


def _listed(text: str) -> str:
    """Make a list of lines in two columns: a name, and what it is."""
    return re.sub(r"^(\w+) {2,}(?=\S)", r"- ``\1``: ", text, flags=re.MULTILINE)


class ColonsAfterTypes(SphinxTransform):
    """Let a colon stand between a parameter and what it is, where Sphinx has two hyphens."""

    default_priority = 900

    def apply(self, **settings: Any) -> None:
        """Look for them in the lists of parameters."""
        for text in list(self.document.findall(nodes.Text)):
            if text == " -- ":
                text.parent.replace(text, nodes.Text(": "))


def _docstring(app: Sphinx, what: str, name: str, of: object, options: Any, lines: list[str]) -> None:
    if not any(re.fullmatch(r"\s*-{3,}", line) for line in lines):  # else napoleon reads it
        lines[:] = to_rst(lines)


def _signature(
    app: Sphinx, what: str, name: str, of: object, options: Any, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Call the arrays by their names, and give an estimator the signature that its absent base class hides."""
    if signature and signature.startswith("(*args") and what == "class":
        hidden = signature_of(of.__init__, bound_method=True)  # type: ignore[misc]
        signature = stringify_signature(hidden, show_return_annotation=False, unqualified_typehints=True)
    named = []
    for text in (signature, result):
        for written_out, alias in ALIASES.items():
            text = text and text.replace(written_out, alias)
        for long, short in SHORTER.items():
            text = text and re.sub(long, short, text)
        named.append(text)
    return named[0], named[1]


def _skip(app: Sphinx, what: str, name: str, of: object, skipped: bool, options: Any) -> bool | None:
    """Leave out the fields of a tuple: its signature has them."""
    return True if (getattr(of, "__doc__", None) or "").startswith("Alias for field") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_transform(ColonsAfterTypes)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
