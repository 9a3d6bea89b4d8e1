"""Config errors: all of them at once, each with its position."""

from collections.abc import Sequence
from dataclasses import dataclass

from imgclf.errors import UsageError, printable
from imgclf.machine.terminal import display_width

SHOWN = 60  # characters of a key, and of the text around a caret: a line of a hostile file can be long


@dataclass(frozen=True)
class Source:
    """A file or an override.

    name   a file, or `-s KEY`
    lines  its text
    label  its name in a list of origins; None for a file, which is named with a line number
    rank   its number among the layers; later ones win
    """

    name: str
    lines: tuple[str, ...] = ()
    label: str | None = None
    rank: int = 0


@dataclass(frozen=True)
class Position:
    """A position in a source; lines and columns count from 1, and line 0 is the source as a whole."""

    source: Source
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """FILE:LINE:COLUMN, or the source as a whole: the head of an error."""
        if self.line == 0 or self.source.label is not None:
            return printable(self.source.name)
        return f"{printable(self.source.name)}:{self.line}:{self.column}"

    @property
    def origin(self) -> str:
        """FILE:LINE, or the label of the source: an entry of a list of origins."""
        return self.source.label or f"{printable(self.source.name)}:{self.line}"

    @property
    def text(self) -> str:
        """The line of the source, empty where there is none."""
        return self.source.lines[self.line - 1] if 0 < self.line <= len(self.source.lines) else ""


@dataclass(frozen=True)
class Problem:
    """One mistake; the key is empty for a mistake of the whole text."""

    position: Position
    key: str
    message: str

    @property
    def line(self) -> str:
        """The mistake as one line."""
        where, key = self.position.where, shorten(self.key)
        is_named = not key or where.endswith(f" {key}")  # as in `-s KEY`
        return f"{where}: {self.message}" if is_named else f"{where}: {key}: {self.message}"

    def explain(self) -> list[str]:
        """Return the mistake as one line, the line of the source, and a caret under the position."""
        text = self.position.text
        if not text:
            return [self.line]
        # A window around the position, because a line may be very long.
        begin = max(0, self.position.column - 1 - SHOWN)
        before = printable(text[begin : self.position.column - 1])
        after = printable(text[self.position.column - 1 :][:SHOWN])
        return [self.line, f"    {before}{after}", f"    {' ' * display_width(before)}^"]


class ConfigError(UsageError):
    """An invalid config: every mistake that was found, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda one: (one.position.source.rank, one.position.line, one.position.column))
        )
        first = self.problems[0]
        super().__init__(first.position.where, first.line.removeprefix(f"{first.position.where}: "))

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return a line for each mistake: `FILE:LINE:COLUMN: key: message`."""
        return [problem.line for problem in self.problems]


def shorten(text: str) -> str:
    """Make untrusted text printable: one short line."""
    return printable(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def describe(value: object) -> str:
    """Describe a value in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text '{shorten(value)}'"
    return "a list" if isinstance(value, list) else "a section"
