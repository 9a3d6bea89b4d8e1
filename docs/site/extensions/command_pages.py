"""The directive `commands`: every command with its options, in the order of `imgclf --help`."""

import re

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from imgclf.cli import COMMANDS

# What is typed: an option, perhaps with a key and its value, an installation, a signature.
TYPED = re.compile(r"(?<![\w`*'<-])(--?[a-z][a-z-]*\b( \w+\.\w+(=\w+)?)?|pip install '[^']+'|f\([^)]*\) -> \([^)]*\))")


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


def _examples_as_code(app: Sphinx, ctx: click.Context, lines: list[str]) -> None:
    """Turn the lines that click keeps as they are into a block of code."""
    code: list[str] = []
    for line in lines:
        if not line.startswith("| "):
            code.append(line)
        else:
            code += [] if code[-1].startswith("    ") else ["::", ""]
            code.append(f"    {line.removeprefix('| ')}")
    lines[:] = code


def _typed_as_code(app: Sphinx, ctx: click.Context, lines: list[str]) -> None:
    """Show what a sentence says to type as code: on one line, and with straight quotes."""
    in_code = False
    for number, line in enumerate(lines):
        in_code = line.endswith("::") or (in_code and not re.match(r"\S", line))
        if not in_code and not re.match(r"\.\.| *:", line):
            lines[number] = TYPED.sub(r"``\g<0>``", line)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("commands", Commands)
    app.connect("sphinx-click-process-description", _examples_as_code)
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", _typed_as_code)
    return {"parallel_read_safe": True}
