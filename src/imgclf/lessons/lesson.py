"""Records of a lesson: what it asks, shows, draws and answers."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from imgclf.lessons.material import Material

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Rows(NamedTuple):
    """A table of numbers: as many cells a row as in the header; the first `left` columns are text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


class Findings(NamedTuple):
    """What a lesson found on the learner's data.

    shown     paragraphs and tables, in order
    picture   draws its picture; matplotlib is imported only then
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
