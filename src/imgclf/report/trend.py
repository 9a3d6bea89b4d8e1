"""Estimate whether more steps would lower the loss, and how many."""

import math

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.metrics import Z_95
from imgclf.report.run_facts import RunFacts
from imgclf.training.plan import make_schedule

WORTH_IT = 0.01  # of all that the loss has fallen: where as many steps again bring less, they are not worth their time
NOISE = 0.05  # of a fall: rounding, and the noise of batches
FEW = 5  # epochs that the curve of the loss can be fitted to


def fall_to_come(losses: FloatArray, step_sizes: FloatArray, way: FloatArray) -> float:
    """Estimate how much lower a loss would be after twice as many steps, at the least (95 %); all are (epochs,).

    way   the sum of the step sizes so far, as a share of that of the run

    Fits loss = a + b * step_size + c / way: the noise of batches leaves a part that grows with the step size (Bottou,
    Curtis and Nocedal 2018, theorem 4.6), and gradient descent comes as close to the minimum of a convex function as
    1 / way (Nesterov 2004, section 2.1.5). Twice the way takes off half of c. The first eighth of it is left out. As
    no loss is below 0, neither is a, and c is at most the last loss.
    """
    kept = way >= 1 / 8
    losses, step_sizes, way = losses[kept], step_sizes[kept], way[kept]
    terms = [np.ones_like(way), 1 / way, *([step_sizes / step_sizes.max()] if np.ptp(step_sizes) else [])]
    if len(losses) <= len(terms):
        return 0.0
    X = np.stack(terms, axis=1)
    inverse = np.linalg.pinv(X.T @ X)
    coefficients = inverse @ X.T @ losses
    variance = np.square(losses - X @ coefficients).sum() / (len(losses) - len(terms))
    least = coefficients[1] - Z_95 * math.sqrt(variance * inverse[1, 1])
    return float(min(least, losses[-1])) / 2


def falls(facts: RunFacts) -> list[float]:
    """Return `fall_to_come` of train, and of val if there is one; of a few epochs, the fall of their second half."""
    step_sizes, names = facts.column("step_size"), ["train/loss", *(["val/loss"] if facts.val else [])]
    columns, steps = [facts.column(name) for name in names], np.diff(facts.column("step"), prepend=0)
    if not len(step_sizes) or any(len(one) != len(step_sizes) for one in [steps, *columns]):
        return [0.0]
    if min(step_sizes.min(), steps.min()) <= 0:
        return [0.0]
    if len(step_sizes) < FEW:
        return [float(np.append(facts.guessing, one)[len(one) // 2] - one[-1]) for one in columns]
    if _is_settled(facts) or not _is_convex(facts):
        return [0.0]
    middle_sizes, middles, ends = _ways(facts)
    train = fall_to_come(columns[0], middle_sizes, middles)  # its losses are means over epochs
    return [train, *(fall_to_come(val, step_sizes, ends) for val in columns[1:])]


def worthwhile(to_come: list[float], learned: float) -> bool:
    """Whether losses would fall by more than a trifle of what has been learned, on train and on val."""
    return all(fall > WORTH_IT * learned > 0 for fall in to_come)


def is_straight(facts: RunFacts) -> bool:
    """Whether the train loss falls along the way nearly as along a straight line: the run has hardly left its start.

    Along a straight line, half of what it falls comes in the second half of the way; here, a third of it or more.
    """
    return sum(late_falls(facts)) >= facts.learned / 3 and _is_convex(facts)


def _is_convex(facts: RunFacts) -> bool:
    """Whether the train loss falls no more in the last quarter of the way than in the third.

    On a convex loss, gradient descent falls ever less (Nesterov 2004, section 2.1.5). One that falls ever more does so
    because the step size falls, and with it the noise of batches: it promises nothing of longer steps, or of more.
    """
    third, last = late_falls(facts)
    return last <= third * (1 + NOISE)


def late_falls(facts: RunFacts) -> tuple[float, float]:
    """Return how far the train loss fell over the third and the last quarter of the way."""
    _, way, _ = _ways(facts)
    end = facts.train.objective if facts.train else math.nan
    half, three_quarters = np.interp([1 / 2, 3 / 4], np.append(way, 1), np.append(facts.column("train/loss"), end))
    return float(half - three_quarters), float(three_quarters - end)


def _ways(facts: RunFacts) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the step sizes in the middle of epochs, the mean way before their steps, and the way until their ends.

    Momentum starts slowly: on a slope that stays, step t is 1 - momentum**t as long as later ones are.
    """
    step_sizes, after, momentum = facts.column("step_size"), facts.column("step"), _momentum(facts)
    sizes = (np.append(step_sizes[0], step_sizes[:-1]) + step_sizes) / 2
    start = (1 - momentum**after) / (1 - momentum)  # momentum**0 + ... of the steps so far
    length = after - momentum * start  # the sum of 1 - momentum**t
    sums = after * (after - 1) / 2 - momentum * (after - start) / (1 - momentum)  # of the lengths before each step
    means = np.diff(sums, prepend=0) / np.diff(after, prepend=0) - np.append(0, length[:-1])
    lengths = sizes * np.diff(length, prepend=0)
    ends = lengths.cumsum()
    return sizes, (ends - lengths + sizes * means) / ends[-1], ends / ends[-1]


def longer(facts: RunFacts) -> int | None:
    """Return how many epochs the run needs to go as far again, by the sum of its step sizes; None if no number does."""
    way = float(facts.column("step_size").sum())
    for times in range(2, 11):
        epochs = times * facts.epochs
        config = facts.config.model_copy(update={"train": facts.config.train.model_copy(update={"epochs": epochs})})
        step_size = make_schedule(config, 1)
        if sum(map(step_size, range(facts.epochs, epochs))) > 0.99 * way:
            return epochs
    return None


def _is_settled(facts: RunFacts) -> bool:
    """Whether l2 alone has led the loss to its minimum, but for noise.

    A function with l2/2 * sum(W**2) in it is strongly convex: a way of s leaves at most exp(-l2 * s) of its height
    above the minimum (Nesterov 2004, theorem 2.1.15). Steps with momentum are 1 / (1 - momentum) times as long.
    """
    chosen, steps = facts.config.optimizer, facts.column("step")
    longer = {"sgd": 1.0, "momentum": 1.0, "nesterov": 1.0}.get(chosen.name, 0.0)
    longer /= 1 - _momentum(facts)
    way = longer * float(steps[0] * facts.column("step_size").sum()) if len(steps) else 0.0
    return math.exp(-facts.config.regularization.l2 * way) < WORTH_IT


def _momentum(facts: RunFacts) -> float:
    return float(getattr(facts.config.optimizer, "momentum", 0))
