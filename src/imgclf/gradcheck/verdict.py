"""Verdicts of the gradient check, with the worst parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.truth.kinks import Kink

SHOWN = 10  # parameters that a report names
VERDICTS = ("fail", "inconclusive", "pass")  # the worst first

Index: TypeAlias = tuple[int, int]  # a row and a column of the weights; the last row is b


class Compared(NamedTuple):
    """One parameter: analytic and numerical gradient, and the bound on their difference."""

    parameter: Index
    analytic: float
    numerical: float
    bound: float  # the largest difference that truncation and rounding explain
    kink: Kink | None = None  # within the step; `numerical` is then the nearest right gradient

    @property
    def error(self) -> float:
        """The absolute difference."""
        return abs(self.analytic - self.numerical)

    @property
    def ratio(self) -> float:
        """The error in units of its bound; infinite where a number is not finite."""
        return float(ratios(self.analytic, self.numerical, self.bound))


class Outcome(NamedTuple):
    """The result of one check at one point."""

    verdict: str  # pass, fail or inconclusive
    reason: str
    checked: int = 0  # parameters
    worst: Sequence[Compared] = ()  # those nearest to their bound, or beyond it; the worst first
    kinks: Sequence[Compared] = ()  # the first parameters with a kink within the step
    kinked: int = 0  # number of them
    largest: Sequence[Compared] = ()  # those of the largest gradient, biases last: that is no matter of rounding


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, with its loss, penalty and point."""

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
        """The parameter with the largest error/bound, if any was compared."""
        return self.outcome.worst[0] if self.outcome.worst else None


def ratios(analytic: FloatArray | float, numerical: FloatArray | float, bound: FloatArray | float) -> FloatArray:
    """Return |analytic - numerical| / bound; 0 / 0 is 0, and infinite where a number is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(np.asarray(analytic, float) - np.asarray(numerical, float))
        ratio = np.where(error == 0, 0.0, error / np.asarray(bound, float))
    return np.where(np.isfinite(error) & np.isfinite(bound) & ~np.isnan(ratio), ratio, np.inf)


def worst_indices(ratio: FloatArray, n: int = SHOWN) -> list[Index]:
    """Return the row and column of the largest ratios, the worst first; ties in order of position."""
    flat = (-ratio).ravel().argsort(kind="stable")[:n]
    return [(int(row), int(column)) for row, column in zip(*np.unravel_index(flat, ratio.shape), strict=True)]


def failure(worst: Compared, ratio: FloatArray) -> str:
    """Describe a wrong gradient by the ratios of all parameters and the worst of them."""
    if np.isfinite(worst.ratio):
        how = f"the worst error is {worst.ratio:.3g} times its bound on truncation and rounding"
    elif np.isfinite(worst.analytic):
        how = f"one is {worst.analytic:.3g} where the gradient is 0"
    else:
        how = f"one is {worst.analytic}"
    return f"{int((ratio > 1).sum()):,} of {ratio.size:,} parameters are wrong: {how}"


def judge(findings: Sequence[Finding]) -> str:
    """Return fail if one check fails; pass if every check of every loss and penalty passes at some point.

    A check may be inconclusive at one point (a loss of 0, a kink at W = 0) if it passes at another.
    """
    if any(finding.verdict == "fail" for finding in findings):
        return "fail"
    groups: dict[tuple[str, float, float, str], set[str]] = {}
    for one in findings:
        groups.setdefault((one.loss, one.l2, one.l1, one.check), set()).add(one.verdict)
    return "pass" if groups and all("pass" in verdicts for verdicts in groups.values()) else "inconclusive"


def all_of(outcomes: Iterable[tuple[str, Outcome]]) -> Outcome:
    """Return the worst outcome of named parts, with its reason."""
    named = list(outcomes)
    name, worst = min(named, key=lambda one: VERDICTS.index(one[1].verdict))
    reason = f"all {len(named)} pass" if worst.verdict == "pass" else f"{name}: {worst.reason}"
    return Outcome(worst.verdict, reason)
