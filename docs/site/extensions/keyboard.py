"""What the keyboard needs: code and tables that may scroll sideways can be reached by Tab."""

import re
from typing import Any

from sphinx.application import Sphinx

NARROW = 40  # characters that a phone shows
TAG = re.compile("<[^>]*>")
CODE = re.compile("<pre>(.*?)</pre>", re.DOTALL)
TABLE = re.compile('<div class="table-wrapper (?!.*prose)')  # on a phone, one of prose is a list


def _reachable(pre: re.Match[str]) -> str:
    """Return a block of code, with a stop for Tab if a line of it may be wider than its page."""
    widest = max(map(len, TAG.sub("", pre[1]).splitlines()), default=0)
    return pre[0].replace("<pre", '<pre tabindex="0"', 1) if widest > NARROW else pre[0]


def _focusable(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let Tab stop at what may scroll: the arrow keys then move it."""
    body = CODE.sub(_reachable, context.get("body", ""))
    context["body"] = TABLE.sub('<div tabindex="0" class="table-wrapper ', body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _focusable)
    return {"parallel_read_safe": True}
