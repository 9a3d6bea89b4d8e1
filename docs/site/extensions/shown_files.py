"""Show the files of the repository that a page links to: programs and configs, as pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

LANGUAGES = {".py": "python", ".yaml": "yaml"}  # others are downloaded


class ShowFiles(SphinxTransform):
    """Let links to programs and configs lead to the page of the file."""

    default_priority = 900

    def apply(self, **settings: Any) -> None:
        """Replace what would be a download."""
        page = self.env.docname
        self.env.shown_files = shown = getattr(self.env, "shown_files", {})
        shown[page] = set()
        for node in list(self.document.findall(download_reference)):
            path, _ = self.env.relfn2path(node["reftarget"], page)
            if Path(path).suffix in LANGUAGES:
                shown[page].add(path)
                uri = self.app.builder.get_relative_uri(page, f"files/{path}")
                node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the page of each file: its name, what is in it, and its template."""
    for path in sorted(set().union(*getattr(app.env, "shown_files", {}).values())):
        file = Path(app.srcdir, path)
        code = app.builder.highlighter.highlight_block(file.read_text(encoding="utf-8"), LANGUAGES[file.suffix])
        yield f"files/{path}", {"title": path, "body": f"<h1>{path.replace('/', '/<wbr>')}</h1>{code}"}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_transform(ShowFiles)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": False}
