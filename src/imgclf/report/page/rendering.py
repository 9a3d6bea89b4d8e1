"""Render the page from template, style sheet and scripts.

A section is added by a file in js/: all are joined into one script, whose hash the page allows to run; nothing else.
"""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from imgclf.report.labels import distinct_labels, without_common_words
from imgclf.report.page.svg_curves import last_step, panels

LABEL = 24  # characters
FOLDER = Path(__file__).parent
# Scripts that others need, and that need others.
FIRST, LAST = ("core", "data", "shared", "address", "paint"), ("main",)


def render(about: dict[str, Any], arrays: str) -> bytes:
    """Return the page: `about` is what it says, `arrays` the text of the arrays."""
    about = about | {"labels": _short(about["classes"])}
    script = f'"use strict";\n{scripts()}'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = _environment().get_template("page.html.j2")
    html = template.render(
        about=about,
        panels=panels(about),
        last_step=last_step(about),
        about_json=Markup(json_for_html(about)),
        arrays=arrays,
        style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        policy=f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
    )
    return html.encode(errors="backslashreplace")  # a file name need not be valid text


def _short(class_names: Sequence[str]) -> list[str]:
    """Return class names for narrow places, still distinct."""
    return distinct_labels(without_common_words(class_names), lambda text: len(text) <= LABEL)


def json_for_html(content: Any) -> str:
    """Return JSON that is safe inside a <script>: no text can end the element, or begin a comment."""
    text = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode(errors="backslashreplace").decode()


def _finite(content: Any) -> Any:
    """Return the same with null for numbers that JSON does not have: those of a diverged run."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, list | tuple) else content


@cache
def scripts() -> str:
    """Return all scripts, joined in order: those that others need come first."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "js").glob("*.js"))}
    order = [*FIRST, *(name for name in found if name not in FIRST + LAST), *LAST]
    return "\n".join(found[name] for name in order if name in found)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
