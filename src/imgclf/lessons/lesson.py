"""Records of a lesson: what it asks, shows, draws and answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike

from imgclf.lessons.material import Material

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Rows(NamedTuple):
    """A table of numbers: as many cells a row as in the header; the first `left` columns are text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


class Panel(NamedTuple):
    """Axes with lines, each from x (k,) and y (k,); values that are not finite are gaps.

    across   what the x axis is
    log      the axes that are logarithmic: "", "x", "y" or "xy"
    marks    vertical lines, and what is written at them
    limits   of the y axis, where not all values are to be seen
    """

    title: str
    across: str
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]]
    log: str = ""
    marks: Mapping[str, float] = {}
    markers: bool = False
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Panels:
    """A picture of panels below each other, with a sentence on how to read it."""

    title: str
    advice: str
    panels: Sequence[Panel]

    def __call__(self) -> "Figure":
        """Draw it."""
        from imgclf.lessons.panels import draw_panels

        return draw_panels(self)


class Findings(NamedTuple):
    """What a lesson found on the learner's data.

    shown     paragraphs and tables, in order
    picture   draws its picture when it is called; matplotlib is imported only then
    numbers   the same for programs: what JSON can hold, numbers that are not finite aside
    """

    shown: Sequence[str | Rows]
    picture: "Callable[[], Figure]"
    question: str
    answer: str
    numbers: dict[str, Any]


Study: TypeAlias = Callable[[Material], Findings]


class Lesson(NamedTuple):
    """A lesson: its title, what a learner should predict before anything is computed, and the experiment."""

    title: str
    predict: str
    study: Study
