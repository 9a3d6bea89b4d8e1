"""What is said, and where: words for people, one JSON object for programs."""

import json
import os
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from imgclf.data.official import LoadedFile


def echo(text: str, *, err: bool = False) -> None:
    """Print a line. When nobody reads any more (`imgclf train | head`), stop talking and go on working."""
    try:
        click.echo(printable(text), err=err)
    except BrokenPipeError:
        stop_talking(sys.stderr if err else sys.stdout)


def stop_talking(stream: TextIO) -> None:
    """Send a stream that nobody reads nowhere: Python flushes at exit, and must have somewhere to flush to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(text: str) -> str:
    """Write what is no valid text, such as the name of a file may be, in a form that can be printed."""
    return text.encode(errors="backslashreplace").decode()


class Console:
    """Words go to stdout, or to stderr where stdout belongs to a program."""

    def __init__(self, ctx: click.Context, *, as_json: bool) -> None:
        self.as_json = as_json
        self.quiet: bool = ctx.obj["quiet"]
        self.verbose: bool = ctx.obj["verbose"]

    def say(self, text: str = "") -> None:
        """Tell people what is going on; not when quiet."""
        if not self.quiet:
            echo(text, err=self.as_json)

    def detail(self, text: str) -> None:
        """Tell those who asked for more."""
        if self.verbose:
            echo(text, err=True)

    def warn(self, text: str) -> None:
        """Tell people what may surprise them, quiet or not."""
        echo(f"imgclf: warning: {text}", err=True)

    def result(self, text: str) -> None:
        """Tell people what they asked for, quiet or not."""
        echo(text, err=self.as_json)

    def object(self, content: Any) -> None:
        """Give a program its object; nothing where nobody asked for one."""
        if self.as_json:
            echo(json.dumps(content, allow_nan=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Align columns: the first `left` to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    )


def number(value: float) -> str:
    """Write a loss so that it stays readable, whatever its size."""
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4e}"


def percent(share: float | None) -> str:
    """Write a share as people read it; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def plural(n: int, word: str, many: str = "") -> str:
    """Write `1 image`, `5,400 images`."""
    return f"{n:,} {word if n == 1 else many or word + 's'}"


def picture_size(shape: Sequence[int]) -> str:
    """Write what one example is: `28 x 28 grey`, `3,072 features`."""
    if len(shape) == 1:
        return plural(shape[0], "feature")
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'colour'}"


def provenance(source: str, files: "Collection[LoadedFile]") -> str:
    """Write behind what a data set is whether its files are the official ones; nothing of sources without any."""
    from imgclf.downloads.official import OFFICIAL

    titles = [known.title for known in OFFICIAL.values() if known.source == source]
    if not titles or not files:
        return ""
    found = {file.official for file in files}
    for title in titles:
        if found == {title}:
            return f"; official {title}"
    return f"; not the official file of {' or '.join(titles)}"
