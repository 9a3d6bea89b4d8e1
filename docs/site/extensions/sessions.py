"""Sessions in a terminal: a line that begins with `$ ` is a command, and all others, `# ` too, are what it printed."""

import re

from pygments.lexers.shell import BashSessionLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx


class Session(BashSessionLexer):
    """A command's words are those of imgclf, not the shell's: `eval` and `export` mean nothing special."""

    _innerLexerCls = TextLexer  # noqa: N815 - the name is that of Pygments
    _ps1rgx = re.compile(r"(\$ )(.*\n?)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_lexer("console", Session)
    return {"parallel_read_safe": True}
