"""The directive `commands`: every command with its options, in the order of `imgclf --help`."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from imgclf.cli import COMMANDS


class Commands(SphinxDirective):
    """What sphinx-click makes of each command."""

    def run(self) -> list[nodes.Node]:
        """Let sphinx-click's directive stand here once for each command."""
        text = "".join(
            f"```{{eval-rst}}\n.. click:: imgclf.cli.commands.{name}:command\n"
            f"   :prog: imgclf {name}\n   :nested: full\n```\n\n"
            for name in COMMANDS
        )
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
