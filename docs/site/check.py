"""Check the site that was built: links, what is loaded from elsewhere, raw markup, what Tab does not reach.

`python docs/site/check.py build/docs`: Sphinx knows of the links on pages, but not of those that it makes itself.
"""
# ruff: noqa: T201 - a script talks

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from extensions.scrolling import without_stop

CODE = {"pre", "code", "script", "style", "title"}
# Markup, types that nobody can read, what is typed but not code, and a number that may lose its unit.
RAW = re.compile(r"`|(?<![\w)\]])\*\*\w|\{'|Annotated|_NestedSequence|dtype\[Any|pip install .imgclf|\d %")
# A column without a name that is named, and a comment taken for a command.
RAW_HTML = re.compile(r'class="column">: |class="gp"># .*')
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


class Page(HTMLParser):
    """The links of a page, what it loads, its anchors, and what of its text should not be there."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str | None] = set()
        self.raw: set[str] = set()
        self.inside: list[str] = []  # code
        self.titles = 0
        html = path.read_text(encoding="utf-8")
        self.raw.update(RAW_HTML.findall(html))
        self.unreached = without_stop(html)
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag leads to."""
        given = dict(attrs)
        self.titles += tag == "h1"
        if tag in CODE:
            self.inside.append(tag)
        self.anchors.add(given.get("id"))
        if tag == "a" and given.get("href"):
            self.links.add(given["href"] or "")
        if given.get(LOADS.get(tag, "")):
            self.loads.add(given[LOADS[tag]] or "")

    def handle_endtag(self, tag: str) -> None:
        """Note where code ends."""
        if tag in CODE:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        """Note what is raw in a text, or in a signature."""
        if not self.inside and RAW.search(data):
            self.raw.add(data.strip())

    def mistakes(self) -> list[str]:
        """Return a line for each dead link, each thing that another host would have to send, and each raw text."""
        elsewhere = [f"loaded from elsewhere: {url}" for url in self.loads if urlsplit(url).netloc]
        raw = [f"not for readers: {text}" for text in self.raw]
        raw += ["more than one title"] * (self.titles > 1)
        raw += [f"Tab does not stop where this scrolls: {code[:80]}" for code in self.unreached]
        return elsewhere + raw + [f"dead: {url}" for url in self.links | self.loads if not self._is_there(url)]

    def _is_there(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.scheme or parts.netloc:
            return True
        target = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        if not target.is_file():
            return False
        return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in read(target).anchors


read = cache(Page)


def main(site: Path) -> int:
    """Print every mistake; return 1 if there is one."""
    pages = [read(path) for path in sorted(site.resolve().rglob("*.html"))]
    mistakes = [f"{page.path.relative_to(site.resolve())}: {one}" for page in pages for one in page.mistakes()]
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", path.read_text())
    ]
    mistakes += [f"{path}: a style that loads from elsewhere" for path in styles]
    print(
        *mistakes,
        f"{len(pages)} pages, {sum(len(page.links) for page in pages):,} links, {len(mistakes)} mistakes",
        sep="\n",
    )
    return bool(mistakes)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
