"""Blocks of code in HTML that may scroll sideways, and how Tab reaches them."""

import re

WIDTH = 40  # characters of code that a phone shows
_BLOCK = re.compile("<pre>(.*?)</pre>", re.DOTALL)  # without an attribute: Tab does not stop there
_TAG = re.compile("<[^>]*>")


def _scrolls(block: re.Match[str]) -> bool:
    return max(map(len, _TAG.sub("", block[1]).splitlines()), default=0) > WIDTH


def with_stops(html: str) -> str:
    """Return a page on which Tab stops at each block of code that may scroll."""
    return _BLOCK.sub(lambda block: f'<pre tabindex="0">{block[1]}</pre>' if _scrolls(block) else block[0], html)


def without_stop(html: str) -> list[str]:
    """Return the text of each block of code that may scroll and that Tab does not reach."""
    return [_TAG.sub("", block[1]) for block in _BLOCK.finditer(html) if _scrolls(block)]
