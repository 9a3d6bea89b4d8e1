"""What the keyboard needs: code and tables that may scroll sideways can be reached by Tab."""

import re
from typing import Any

from scrolling import with_stops
from sphinx.application import Sphinx

TABLE = re.compile('<div class="table-wrapper (?!.*prose)')  # on a phone, one of prose is a list


def _focusable(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let Tab stop at what may scroll: the arrow keys then move it."""
    body = with_stops(context.get("body", ""))
    context["body"] = TABLE.sub('<div tabindex="0" class="table-wrapper ', body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _focusable)
    return {"parallel_read_safe": True}
