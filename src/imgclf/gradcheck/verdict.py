"""Verdicts of a gradient check: parameters compared, worst error."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.truth.kinks import Kink

SHOWN = 10  # parameters that a report names
VERDICTS = ("fail", "inconclusive", "pass")  # from bad to good

Place: TypeAlias = tuple[int, int]  # a row and a column of the weights; the last row is b


class Compared(NamedTuple):
    """One parameter, both ways."""

    place: Place
    analytic: float
    numerical: float
    bound: float  # the largest difference that is no mistake
    kink: Kink | None = None  # within the step; any slope between its two sides is right, and the nearest compared

    @property
    def error(self) -> float:
        """The absolute difference."""
        return abs(self.analytic - self.numerical)

    @property
    def ratio(self) -> float:
        """The error in units of its bound; what is not a number is infinitely wrong."""
        return float(ratios(self.analytic, self.numerical, self.bound))


class Outcome(NamedTuple):
    """What one check of the check found at one point."""

    verdict: str  # pass, fail or inconclusive
    reason: str
    checked: int = 0  # parameters
    worst: Sequence[Compared] = ()  # those that use most of their bound, the worst first
    kinks: Sequence[Compared] = ()  # the first of those with a kink of the loss within the step
    kinked: int = 0  # how many have one


@dataclass(frozen=True)
class Finding:
    """An outcome, and what it is about."""

    loss: str
    l2: float
    l1: float
    point: str
    check: str
    outcome: Outcome

    @property
    def verdict(self) -> str:
        """Return pass, fail or inconclusive."""
        return self.outcome.verdict

    @property
    def worst(self) -> Compared | None:
        """The parameter with the largest error for its bound, where parameters were compared."""
        return self.outcome.worst[0] if self.outcome.worst else None


def ratios(analytic: FloatArray | float, numerical: FloatArray | float, bound: FloatArray | float) -> FloatArray:
    """Return |analytic - numerical| / bound; 0 / 0 is 0, and what is not a finite number is infinitely wrong."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(np.asarray(analytic, float) - np.asarray(numerical, float))
        ratio = np.where(error == 0, 0.0, error / np.asarray(bound, float))
    return np.where(np.isfinite(error) & np.isfinite(bound) & ~np.isnan(ratio), ratio, np.inf)


def worst_places(ratio: FloatArray, n: int = SHOWN) -> list[Place]:
    """Return the places with the largest ratios, the worst first; of equals the first comes first."""
    flat = (-ratio).ravel().argsort(kind="stable")[:n]
    return [(int(row), int(column)) for row, column in zip(*np.unravel_index(flat, ratio.shape), strict=True)]


def failure(worst: Compared, ratio: FloatArray) -> str:
    """Say how a gradient is wrong, from the ratios of all parameters and the worst of them."""
    if np.isfinite(worst.ratio):
        how = f"the worst by {worst.ratio:.3g} times what rounding and truncation explain"
    elif np.isfinite(worst.analytic):
        how = f"where the gradient is 0, it is {worst.analytic:.3g}"
    else:
        how = f"one is {worst.analytic}"
    return f"{int((ratio > 1).sum()):,} of {ratio.size:,} parameters are wrong: {how}"


def judge(findings: Sequence[Finding]) -> str:
    """Return the verdict of all findings: fail if one does; pass if, in every loss, every check could tell somewhere.

    That a check can tell nothing at one point (a loss that is 0, a kink at W = 0) is no matter if it can at another.
    """
    if any(finding.verdict == "fail" for finding in findings):
        return "fail"
    groups: dict[tuple[str, float, float, str], set[str]] = {}
    for one in findings:
        groups.setdefault((one.loss, one.l2, one.l1, one.check), set()).add(one.verdict)
    return "pass" if groups and all("pass" in verdicts for verdicts in groups.values()) else "inconclusive"


def all_of(outcomes: Iterable[tuple[str, Outcome]]) -> Outcome:
    """Join the outcomes of named parts: the worst of them, and why."""
    named = list(outcomes)
    name, worst = min(named, key=lambda one: VERDICTS.index(one[1].verdict))
    reason = f"all {len(named)} hold" if worst.verdict == "pass" else f"{name}: {worst.reason}"
    return Outcome(worst.verdict, reason)
