"""Explain wrong losses and gradients by known mistakes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.penalty import EXACT
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS, LossFacts

LOGARITHMS = {1 / math.log(base): base for base in (2, 10)}  # the factor of a logarithm to a base, the base


class Evidence(NamedTuple):
    """The learner's gradient of the data term, and the right one at some parameters."""

    dW: FloatArray  # (D, C), all of the learner's
    rows: IntArray  # (K,)
    columns: IntArray  # (K,)
    right: FloatArray  # (K,)
    bound: FloatArray  # (K,), of the rounding of `right`

    @property
    def own(self) -> FloatArray:
        """The learner's gradient at these parameters, (K,)."""
        return self.dW[self.rows, self.columns]

    def fits(self, other: FloatArray, factor: float = 1.0) -> NDArray[np.bool_]:
        """Return where other (K,) is factor times the right gradient, (K,)."""
        size = float(np.abs(self.right).max(initial=0))
        room = max(1.0, abs(factor)) * (self.bound + EXACT * np.abs(self.right)) + EXACT * EXACT * size
        return np.asarray(np.abs(other - factor * self.right) <= room)


class ValuePair(NamedTuple):
    """The learner's loss and ours at one W, without penalty."""

    point: str
    theirs: float
    ours: float
    bound: float  # of the rounding of their difference


def explain_gradient(evidence: Evidence, N: int) -> str | None:
    """Name the mistake in the gradient of the data term; None if it is right, or the mistake unknown."""
    if not len(evidence.right) or evidence.fits(evidence.own).all():
        return None
    if not evidence.dW.any():
        return "your gradient of the data term is 0 everywhere: is dW filled, and returned?"
    for look in (_one_parameter, _one_column, _known_factor, _moved_columns, _reshaped, _constant_factor):
        sentence = look(evidence, N)
        if sentence:
            return sentence
    return None


def explain_values(
    pairs: Sequence[ValuePair], others: Mapping[str, Sequence[float]], with_margin: Callable[[float], FloatArray],
    classes: int, N: int, against: str,
) -> str | None:  # fmt: skip
    """Name the mistake in the losses.

    others: the values of our other losses at the same points; with_margin: those of ours with another margin.
    """
    theirs, right, bound = np.array([pair[1:] for pair in pairs]).T
    agrees = np.abs(theirs - right) <= bound
    if agrees.all():
        return None
    facts, room = LOSS_FACTS[against], 10 * bound
    for name, values in others.items():
        if name != against and (np.abs(theirs - np.array(values)) <= room + EXACT * EXACT).all():
            return f"your loss is {name}, not {against}"
    for factor, _ in [*_factors(N, classes), *((factor, "") for factor in LOGARITHMS)]:
        if factor != 1 and (np.abs(theirs - factor * right) <= max(1, abs(factor)) * room + EXACT * right).all():
            return _value_factor(factor, N, classes)
    difference = float(np.median(theirs - right))
    if (np.abs(theirs - right - difference) <= room + EXACT).all():
        return _value_offset(difference, facts)
    at_zero = pairs[0].point == "zero" and not agrees[0]
    if at_zero and facts.compares_scores and not facts.margins and abs(theirs[0] - math.log(N)) <= EXACT:
        return f"at W = 0 your loss is ln {N}, not ln {classes}: do you normalize over the images? sum over axis=1"
    if theirs.min() < 0:
        return f"your loss is negative ({theirs.min():.4g}): {against} never is"
    if at_zero and facts.margins:  # at equal scores, all margins are the same
        margin = (theirs[0] / facts.at_zero(classes)) ** (1 if facts.curve.jump else 0.5)
        if (np.abs(theirs - with_margin(margin)) <= room + EXACT * right).all():
            return f"at W = 0 your loss is {theirs[0]:.6g}, as with a margin of {margin:.4g}: the margin is 1"
    near = np.abs(theirs - right) <= EXACT * np.maximum(1, right)
    wide = np.array([pair.point == "wide" for pair in pairs])
    if not facts.margins and (near | wide).all() and (theirs[~near] < right[~near]).all():
        return "your loss is too small where p is small: is a number added inside the log, or p clipped?"
    return None


def explain_number(theirs: float, parts: FloatArray, penalty: float, usual: int) -> str | None:
    """Name the images that a function omits or counts wrongly; `usual`: of how many another set has.

    theirs: a loss, or dW along one direction; parts (N,): the terms of ours, one per image; penalty: its term.
    """
    N, sums = len(parts), np.concatenate([[0.0], np.cumsum(parts)])
    room = EXACT * 1e-3 * (float(np.abs(parts).mean()) + abs(penalty))
    if penalty and abs(theirs - sums[N] / N) <= room:
        return "the penalty is missing there"
    data = theirs - penalty
    if usual != N and abs(data - sums[N] / usual) <= room * max(1, N / usual):
        return f"it divides by {usual}, not by N = len(y)"
    fewer = np.arange(1, N)  # of the first images alone
    divisors = [(fewer, ""), (N, ""), (usual, f", and divides by {usual}, not by N = len(y)")]
    for divisor, also in divisors:
        left_out = N - fewer[np.abs(sums[1:N] / divisor - data) <= room]
        if len(left_out):
            images = "the last image" if left_out[-1] == 1 else f"the last {left_out[-1]} images"
            return f"it omits {images}{also}; a last, smaller batch counts too"
    return None


def matching_candidate(
    dW: FloatArray, candidates: Mapping[str, FloatArray], bound: FloatArray, N: int
) -> list[str]:  # fmt: skip
    """Return the known mistake with this gradient (D, C), within rounding; or one with a known factor, and both."""
    rows, columns = (index.ravel() for index in np.indices(dW.shape))
    same_shape = {sentence: gradient for sentence, gradient in candidates.items() if gradient.shape == dW.shape}
    for sentence, gradient in same_shape.items():
        if (np.abs(dW - gradient) <= 4 * bound + EXACT * EXACT * np.abs(gradient)).all():
            return [sentence]
    for sentence, gradient in same_shape.items():
        factor = _known_factor(Evidence(dW, rows, columns, gradient.ravel(), 4 * bound.ravel()), N)
        if factor:
            return [sentence, factor]
    return []


def _factors(N: int, classes: int) -> list[tuple[float, str]]:
    """Return the factors of known mistakes in a gradient or loss, the more likely first."""
    known = [
        (float(N), f"N = {N}"), (-1.0, ""), (2.0, ""), (0.5, ""), (1 / N, f"N = {N}"),
        (float(-N), f"N = {N}"), (-1 / N, f"N = {N}"),
        (float(classes), f"C = {classes}"), (1 / classes, f"C = {classes}"),
        (1 / (N * classes), f"N * C = {N * classes}"), (float(N * classes), f"N * C = {N * classes}"),
        (N / classes, "C, not N"),
        (classes - 1.0, f"C - 1 = {classes - 1}"), (1 / max(1, classes - 1), f"C - 1 = {classes - 1}"),
    ]  # fmt: skip
    if N > 1:
        known += [(N / (N - 1), "N - 1"), ((N - 1) / N, "N + 1")]
    return [(factor, words) for factor, words in known if factor != 1]


def _known_factor(evidence: Evidence, N: int) -> str | None:
    factor = _factor(evidence)
    near = ((known, words) for known, words in _factors(N, evidence.dW.shape[1]) if abs(factor / known - 1) < EXACT)
    known, words = next(near, (0.0, ""))
    return _gradient_factor(known, words, N) if known and evidence.fits(evidence.own, known).all() else None


def _constant_factor(evidence: Evidence, N: int) -> str | None:
    factor = _factor(evidence)
    if not factor or len(evidence.right) <= 10 or not evidence.fits(evidence.own, factor).all():
        return None
    return f"your gradient is {factor:.6g} times the right one, everywhere"


def _factor(evidence: Evidence) -> float:
    """Return the learner's gradient divided by the right one, where that is clear; 0 if it is nowhere."""
    clear = np.abs(evidence.right) > np.maximum(100 * evidence.bound, 1e-3 * np.abs(evidence.right).max())
    return float(np.median(evidence.own[clear] / evidence.right[clear])) if clear.sum() >= 2 else 0.0


def _gradient_factor(factor: float, words: str, N: int) -> str:
    if factor == -1:
        return "your gradient has the wrong sign"
    if factor in (2, 0.5) and words == "":
        return f"your gradient is {'twice' if factor == 2 else 'half'} what it should be"
    if words == "C, not N":
        return "your gradient is divided by C, the classes: the mean over the images divides by N"
    if words == "N - 1":
        return "your gradient is divided by N - 1: the mean divides by N"
    if words == "N + 1":
        return f"your gradient is {N - 1}/{N} of what it should be: is one image left out?"
    sign = ", with the wrong sign" if factor < 0 else ""
    name = words.split(" = ")[0]
    if abs(factor) > 1:
        return f"your gradient is {abs(factor):g} times too large{sign} ({words}): divide by {name}"
    return f"your gradient is {1 / abs(factor):g} times too small{sign} ({words}): one division by {name} too many?"


def _one_parameter(evidence: Evidence, N: int) -> str | None:
    wrong = np.flatnonzero(~evidence.fits(evidence.own))
    if len(wrong) != 1 or len(evidence.right) < 10:
        return None
    i = wrong[0]
    name = f"dW[{evidence.rows[i]},{evidence.columns[i]}]"
    return f"of all checked parameters only {name} is wrong: {evidence.own[i]:.6g}, not {evidence.right[i]:.6g}"


def _one_column(evidence: Evidence, N: int) -> str | None:
    wrong = ~evidence.fits(evidence.own)
    columns = np.unique(evidence.columns[wrong])
    if len(columns) != 1 or evidence.dW.shape[1] < 3:
        return None
    c = int(columns[0])
    there = evidence.columns == c
    if 2 * wrong[there].sum() < there.sum():
        return None
    empty = ": it is 0" if not evidence.dW[:, c].any() else ""
    last = ", the last," if c == evidence.dW.shape[1] - 1 else ""
    return f"only the column of class {c}{last} is wrong{empty}"


def _moved_columns(evidence: Evidence, N: int) -> str | None:
    """Find columns that hold the gradient of another class."""
    wrong = ~evidence.fits(evidence.own)
    classes = evidence.dW.shape[1]
    fits = [evidence.fits(evidence.dW[evidence.rows, j]) for j in range(classes)]  # (K,) each
    source: dict[int, int] = {}
    for c in map(int, np.unique(evidence.columns[wrong])):
        fitting = [j for j in range(classes) if fits[j][evidence.columns == c].all()]
        if len(fitting) != 1:
            return None
        source[c] = fitting[0]
    if len(source) == 2 and all(source.get(j) == c for c, j in source.items()):
        return "the columns of classes {} and {} are swapped".format(*source)
    shifts = {(j - c) % classes for c, j in source.items()}
    if len(source) == classes and len(shifts) == 1:
        return f"the columns are shifted: the gradient of class 0 is in column {source[0]}"
    return f"the columns are in another order: that of class {min(source)} is in column {source[min(source)]}"


def _reshaped(evidence: Evidence, N: int) -> str | None:
    turned = evidence.dW.reshape(evidence.dW.shape[::-1]).T
    if evidence.fits(turned[evidence.rows, evidence.columns]).all():
        return "dW is reshaped, but it must be transposed: use .T"
    return None


def _value_factor(factor: float, N: int, classes: int) -> str:
    known = {  # of equal factors, the more likely last
        1 / classes: f"ours divided by C = {classes}: sum over the classes, and take the mean over the images only",
        0.5: "half ours",
        2.0: "twice ours",
        1 / N: f"ours divided by N = {N}: the mean is taken twice",
        float(N): f"N = {N} times ours: take the mean over the images",
        **{factor: f"ours divided by log {base}: use np.log, not np.log{base}" for factor, base in LOGARITHMS.items()},
        -1.0: "minus ours: it should be positive",
    }
    return f"your loss is {known.get(factor, f'{factor:.6g} times ours')}"


def _value_offset(difference: float, facts: LossFacts) -> str:
    if facts.margins and facts.compares_scores and abs(difference - 1) < EXACT:
        return "your loss is larger by exactly 1: the right class counts as a violation; exclude it"
    return f"your loss is {'larger' if difference > 0 else 'smaller'} than ours by {abs(difference):.6g} at every W"
