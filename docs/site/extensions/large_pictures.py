"""Let a picture lead to itself: on a phone, that is how to see it at full size."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


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
    return {"parallel_read_safe": True}
