"""What a phone needs: pictures that open at full size, units beside their numbers, and tables of prose as lists."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

WIDE = 60  # characters of a row
UNIT = re.compile(r"(?<=\d) (?=(?:%|m?s|[kMGT]i?B)(?!\w))")


class MarkProse(SphinxTransform):
    """Tell tables of prose from those of numbers, and name the column in each of their cells."""

    default_priority = 900

    def apply(self, **settings: Any) -> None:
        """Give a table whose rows are long the class `prose`."""
        for table in self.document.findall(nodes.table):
            rows = [row for body in table.findall(nodes.tbody) for row in body.findall(nodes.row)]
            if sum(len(row.astext()) for row in rows) > WIDE * len(rows):
                table["classes"].append("prose")
                (head,) = table.findall(nodes.thead)
                _name_columns([entry.astext() for entry in head.findall(nodes.entry)], rows)


class KeepUnits(SphinxTransform):
    """Keep a number and its unit on one line."""

    default_priority = 870  # before Sphinx collects the headings

    def apply(self, **settings: Any) -> None:
        """Put a space that does not break between them, but not in code, which is copied."""
        for text in list(self.document.findall(nodes.Text)):
            if not isinstance(text.parent, (nodes.literal, nodes.literal_block, nodes.raw)):
                text.parent.replace(text, nodes.Text(UNIT.sub("\N{NO-BREAK SPACE}", text)))


def _name_columns(names: list[str], rows: list[nodes.row]) -> None:
    """Write the heading of its column into each cell but the first, where it matters: of three columns or more."""
    for row in rows if len(names) > 2 else ():
        for name, entry in list(zip(names, row.findall(nodes.entry), strict=True))[1:]:
            if name and entry.astext():
                entry.children[0].insert(0, nodes.inline("", f"{name}: ", classes=["column"]))


def _visit(translator: HTML5Translator, node: nodes.image) -> None:
    name = translator.builder.images.get(node["uri"], node["uri"])
    translator.body.append(f'<a href="{translator.builder.imgpath}/{name}">')
    HTML5Translator.visit_image(translator, node)


def _depart(translator: HTML5Translator, node: nodes.image) -> None:
    HTML5Translator.depart_image(translator, node)
    translator.body.append("</a>")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_node(nodes.image, override=True, html=(_visit, _depart))
    app.add_transform(MarkProse)
    app.add_transform(KeepUnits)
    return {"parallel_read_safe": True}
