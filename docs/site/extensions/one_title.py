"""A page has one title: the later ones of a file, as in benchmarks/RESULTS.md, become sections below the first."""

import re

from sphinx.application import Sphinx


def _one_title(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the headings after the first one a level lower, if there is another title among them."""
    outside = re.split("(^```.*?^```$)", source[0], flags=re.MULTILINE | re.DOTALL)
    if len(re.findall("^# ", "".join(outside[::2]), re.MULTILINE)) > 1:
        lower = [re.sub("^#", "##", text, flags=re.MULTILINE) for text in outside[::2]]
        outside[::2] = [lower[0].replace("##", "#", 1), *lower[1:]]
        source[0] = "".join(outside)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _one_title)
    return {"parallel_read_safe": True}
