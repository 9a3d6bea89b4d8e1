"""Estimate whether more steps would lower the loss, and how many."""

import math

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.metrics import Z_95
from imgclf.report.run_facts import RunFacts
from imgclf.training.plan import make_schedule

WORTH_IT = 0.01  # of all that the loss has fallen: where as many steps again bring less, they are not worth their time
TRIFLE = 0.05  # of a fall: rounding, and the first steps with momentum, which are shorter
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
    terms = [np.ones_like(way), 1 / way, *([step_sizes / step_sizes.max()] if np.ptp(step_sizes) else [])]
    X, y = np.stack(terms, axis=1)[kept], losses[kept]
    if len(y) <= len(terms):
        return 0.0
    inverse = np.linalg.pinv(X.T @ X)
    coefficients = inverse @ X.T @ y
    variance = np.square(y - X @ coefficients).sum() / (len(y) - len(terms))
    least = coefficients[1] - Z_95 * math.sqrt(variance * inverse[1, 1])
    return float(min(least, losses[-1])) / 2


def falls(facts: RunFacts) -> list[float]:
    """Return `fall_to_come` of train, and of val if there is one; of a few epochs, the fall of their second half."""
    step_sizes, names = facts.column("step_size"), ["train/loss", *(["val/loss"] if facts.val else [])]
    columns = [facts.column(name) for name in names]
    if not len(step_sizes) or any(len(one) != len(step_sizes) for one in columns) or not (step_sizes > 0).all():
        return [0.0]
    if len(step_sizes) < FEW:
        return [float(np.append(facts.guessing, one)[len(one) // 2] - one[-1]) for one in columns]
    if _is_settled(facts) or (_has_jumped(facts) and not _is_convex(facts)):
        return [0.0]
    ends = step_sizes, step_sizes.cumsum() / step_sizes.sum()
    return [fall_to_come(one, *at) for one, at in zip(columns, (_middles(step_sizes), ends), strict=False)]


def still_falls(facts: RunFacts) -> bool:
    """Whether twice as many steps would lower the loss by more than a trifle, on train and on val."""
    return all(fall > WORTH_IT * facts.learned > 0 for fall in falls(facts))


def is_straight(facts: RunFacts) -> bool:
    """Whether the train loss falls along the way nearly as along a straight line: the run has hardly left its start.

    Along a straight line, half of what it falls comes in the second half of the way; here, a third of it or more. On a
    convex loss it falls ever less (Nesterov 2004, section 2.1.5): one that falls more in the last quarter than in the
    third fell because the step size did, and with it the noise of batches. So did one that was above that of guessing
    in a step: it jumps over a valley that is steep in some direction, and longer steps would jump farther.
    """
    return sum(late_falls(facts)) >= facts.learned / 3 and _is_convex(facts) and not _has_jumped(facts)


def _is_convex(facts: RunFacts) -> bool:
    """Whether the train loss falls no more in the last quarter of the way than in the third."""
    third, last = late_falls(facts)
    return last <= third * (1 + TRIFLE)


def _has_jumped(facts: RunFacts) -> bool:
    """Whether the loss was above that of guessing in a step, as far as steps are known."""
    return facts.steps is not None and facts.is_above_guessing(facts.steps[1].max(initial=0))


def late_falls(facts: RunFacts) -> tuple[float, float]:
    """Return how far the train loss fell over the third and the last quarter of the way."""
    _, way = _middles(facts.column("step_size"))
    end = facts.train.objective if facts.train else math.nan
    half, three_quarters = np.interp([1 / 2, 3 / 4], np.append(way, 1), np.append(facts.column("train/loss"), end))
    return float(half - three_quarters), float(three_quarters - end)


def _middles(step_sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the step sizes in the middle of epochs, and the way until there: train losses are means over epochs."""
    middle = (np.append(step_sizes[0], step_sizes[:-1]) + step_sizes) / 2
    return middle, (middle.cumsum() - middle / 2) / middle.sum()


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
    longer /= 1 - float(getattr(chosen, "momentum", 0))
    way = longer * float(steps[0] * facts.column("step_size").sum()) if len(steps) else 0.0
    return math.exp(-facts.config.regularization.l2 * way) < WORTH_IT
