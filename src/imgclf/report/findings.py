"""Findings of a diagnosis, and their numbers, names and commands in words."""

import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from imgclf.errors import printable
from imgclf.machine.terminal import display_width
from imgclf.report.labels import distinct_labels, shorten
from imgclf.report.run_facts import RunFacts

USUAL_STEP = 0.1  # the default step size, for x of a standard deviation near 1
LARGER, SMALLER = 3, 4  # factors to the next step size to try; unlike, so that two runs never send one to and fro
LONGEST_NAME = 20  # columns of a terminal: two of them fit a line


class Finding(NamedTuple):
    """A sentence about a run, and what to type next, or "" if nothing; `name` is its key for programs."""

    name: str
    sentence: str
    remedy: str = ""


Rule: TypeAlias = Callable[[RunFacts], Finding | None]


def short_name(name: str) -> str:
    """Shorten the name of a class for a terminal."""
    return shorten(printable(name), _fits)


def short_names(names: Sequence[str]) -> list[str]:
    """Shorten the names of classes for a terminal; those that look alike are numbered."""
    return distinct_labels([printable(name) for name in names], _fits)


def _fits(text: str) -> bool:
    return display_width(text) <= LONGEST_NAME


def percent(share: float, more: int = 0) -> str:
    """Write a share in percent, with so many digits more than usual."""
    return f"{100 * share:.{1 + more}f} %"


def number(loss: float, more: int = 0) -> str:
    """Write a loss, with so many digits more than usual."""
    return f"{loss:,.{more}f}" if 1000 <= loss < 1e9 else f"{loss:.{5 + more}g}"


def told_apart(write: Callable[[float, int], str], *values: float) -> list[str]:
    """Write values that differ with as many digits as it takes to see it."""
    written = [[write(value, more) for value in values] for more in range(13)]
    return next((texts for texts in written if len(set(texts)) == len(values)), written[0])


def smaller_steps(facts: RunFacts, most: float = USUAL_STEP) -> list[str]:
    """Return overrides for a run whose steps were too long."""
    size, (_, override) = facts.config.schedule.step_size, facts.scale_problem
    is_usual = bool(override) and size <= USUAL_STEP
    steps = [] if is_usual else [f"schedule.step_size={min(size / SMALLER, most):g}"]
    return [*([override] if override else []), *steps]


def larger_steps(facts: RunFacts) -> str:
    """Return the override for a run whose steps were too short."""
    return f"schedule.step_size={LARGER * facts.config.schedule.step_size:g}"


def again(facts: RunFacts, *overrides: str) -> str:
    """Return the command that repeats a run with some settings changed."""
    config = shlex.quote(str(facts.directory / "config.yaml"))
    return f"imgclf train -c {config}" + "".join(f" -s {shlex.quote(override)}" for override in overrides)


def quoted(facts: RunFacts) -> str:
    """Return the directory of a run, as a shell takes it."""
    return shlex.quote(str(facts.directory))
