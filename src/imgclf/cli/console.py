"""Print to the terminal: text for people, JSON for programs."""

import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

import click

from imgclf.errors import printable
from imgclf.machine.terminal import display_width

if TYPE_CHECKING:
    from imgclf.cli.live_line import LiveLine

WIDTH = 80  # columns of a terminal, unless its user has made it wider, or narrower
SHORTEST = 12  # columns that a name keeps in a table

_live: "list[LiveLine]" = []  # the line that must be cleared before anything else is printed, if there is one


def open_streams() -> None:
    r"""Let stdout and stderr accept any text: characters that their encoding lacks are written as `\u732b`."""
    # A daemon may have no streams at all.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def echo(*lines: str, err: bool = False) -> None:
    """Print lines for people; control characters are escaped, so no name can break a line or steer the terminal."""
    write("".join(f"{printable(line)}\n" for line in lines), err=err)


def write(text: str, *, err: bool = False) -> None:
    """Write text for a program, unchanged. If the reader is gone (`| head`), discard all later output."""
    stream = sys.stderr if err else sys.stdout
    for line in _live:
        line.clear()
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        stop_talking(stream)


def stop_talking(stream: TextIO) -> None:
    """Redirect a closed stream to /dev/null, so that the flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Console:
    """Output of a command: text to stdout, or to stderr if stdout is reserved for JSON.

    Until the command ends, progress is shown, unless --quiet: with `progress` bar on a live line, with plain on lines
    of their own, with auto on a live line if stderr is a terminal.
    """

    def __init__(self, ctx: click.Context, *, as_json: bool, progress: str = "auto") -> None:
        self.as_json = as_json
        self.quiet: bool = ctx.obj["quiet"]
        self.verbose: bool = ctx.obj["verbose"]
        if progress == "auto":
            progress = "none" if not sys.stderr.isatty() else "plain" if os.environ.get("TERM") == "dumb" else "line"
        self.shows_progress = progress != "none" and not self.quiet
        if self.shows_progress:
            self._show_progress(ctx, progress)

    def _show_progress(self, ctx: click.Context, how: str) -> None:
        from imgclf.cli.live_line import PATIENCE, LiveLine, PlainLines
        from imgclf.machine.progress import listening

        if how == "plain":
            ctx.with_resource(listening(PlainLines(lambda line: echo(line, err=True))))
            return
        live = LiveLine(0 if how == "bar" else PATIENCE)  # a bar that was asked for is there at once
        _live.append(live)
        ctx.call_on_close(_live.clear)
        ctx.call_on_close(live.close)
        ctx.with_resource(listening(live))

    def say(self, *lines: str) -> None:
        """Print progress, unless --quiet."""
        if not self.quiet:
            echo(*lines, err=self.as_json)

    def detail(self, *lines: str) -> None:
        """Print details, with --verbose only."""
        if self.verbose:
            echo(*lines, err=True)

    def warn(self, *texts: str) -> None:
        """Print warnings to stderr, even with --quiet."""
        echo(*(f"imgclf: warning: {text}" for text in texts), err=True)

    def result(self, *lines: str) -> None:
        """Print results, even with --quiet."""
        echo(*lines, err=self.as_json)

    def object(self, content: Any) -> None:
        """Print the JSON object, with --json only."""
        if self.as_json:
            write(json.dumps(content, allow_nan=False) + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Return the lines of a table: the first `left` columns to the left, numbers to the right."""
    return Table(header, left=left)(rows)


class Table:
    """A table that is printed in parts: the first one begins with the header, and columns grow where they must."""

    def __init__(self, header: Sequence[str], *, left: int = 1) -> None:
        self._left = left
        self._header = [header]
        self._widths = [0] * len(header)

    def __call__(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Return the lines of some rows."""
        cells = [[printable(cell) for cell in row] for row in [*self._header, *rows]]
        self._header = []
        if sys.stdout.isatty():
            cells = self._narrowed(cells, os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH)
        self._widths = self._wide_enough(cells)
        return ["  ".join(_padded(cell, width, i < self._left)
                          for i, (cell, width) in enumerate(zip(row, self._widths, strict=True))).rstrip()
                for row in cells]  # fmt: skip

    def _wide_enough(self, cells: list[list[str]]) -> list[int]:
        return [max(width, *map(display_width, column))
                for width, column in zip(self._widths, zip(*cells, strict=True), strict=True)]  # fmt: skip

    def _narrowed(self, cells: list[list[str]], room: int) -> list[list[str]]:
        """Shorten the names in the left columns, the widest first, until a line fits a terminal of so many columns."""
        from imgclf.report.labels import shorten

        widths = self._wide_enough(cells)
        over = sum(widths) + 2 * (len(widths) - 1) - room
        for column in sorted(range(self._left), key=lambda column: -widths[column]):
            most = max(SHORTEST, widths[column] - over)
            if over > 0 and most < widths[column]:
                over -= widths[column] - most
                fits = partial(_fits, columns=most)
                for row in cells:
                    row[column] = shorten(row[column], fits)
        return cells


def _fits(text: str, columns: int) -> bool:
    return display_width(text) <= columns


def _padded(cell: str, width: int, to_the_left: bool) -> str:
    space = " " * (width - display_width(cell))
    return cell + space if to_the_left else space + cell


def room() -> int:
    """Return how many columns a line may take: 80, or those of a terminal that is narrower."""
    terminals = (stream for stream in (sys.stdout, sys.stderr) if stream.isatty())
    return min(WIDTH, *(os.get_terminal_size(stream.fileno()).columns or WIDTH for stream in terminals), WIDTH)


def fold(head: str, text: str) -> list[str]:
    """Return a text as lines that fit a terminal, behind and below its head.

    Phrases, terms and (W, b) stay whole if they fit a line, words always.
    """
    lines, columns = [head], room()
    for phrase in re.split(r"(?<=[,;:]) (?!b\))| (?=\+ )", text):
        for part in [phrase] if display_width(phrase) <= columns - len(head) else phrase.split(" "):
            if display_width(lines[-1] + part) > columns and lines[-1].strip():
                lines.append(" " * len(head))
            lines[-1] += f"{part} "
    return [line.rstrip() for line in lines]


def fold_command(head: str, command: str) -> list[str]:
    """Return a command as lines that fit a terminal, where they can, and that a shell takes for one."""
    phrases: list[str] = []
    for word in shlex.split(command):
        if word.startswith("-") or not phrases:
            phrases.append(word)
        else:
            phrases[-1] += f" {shlex.quote(word)}"
    lines, columns = [head + phrases[0]], room()
    for phrase in phrases[1:]:
        if display_width(f"{lines[-1]} {phrase} \\") > columns:
            lines[-1] += " \\"
            lines.append(" " * len(head) + phrase)
        else:
            lines[-1] += f" {phrase}"
    return lines


def format_loss(value: float) -> str:
    """Format a loss of any size readably, in at most 9 characters."""
    text = f"{value:.4f}"
    return text if len(text) <= 9 else f"{value:.3e}"


def format_percent(share: float | None) -> str:
    """Format a fraction as a percentage, None as a dash."""
    return "-" if share is None else f"{100 * share:.1f} %"


def noun_of(shape: Sequence[int]) -> str:
    """Return what an example of this shape is called: image, or example for a feature vector."""
    return "example" if len(shape) == 1 else "image"
