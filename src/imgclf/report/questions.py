"""Questions of a diagnosis: what a run shows, what to try.

An answer is a function of the facts of a run that returns a Finding, or None where it does not hold. A question has one
answer at most, the first that holds, so no two contradict.
"""

import math

import numpy as np

from imgclf.errors import plural
from imgclf.metrics import Z_95, wilson_interval
from imgclf.report.findings import (
    Finding,
    Rule,
    again,
    larger_steps,
    number,
    percent,
    quoted,
    short_name,
    smaller_steps,
    told_apart,
)
from imgclf.report.run_facts import RunFacts, Split
from imgclf.report.trend import FEW, falls, is_straight, late_falls, longer, worthwhile

TRIFLE = 0.001  # of the loss of guessing: a fall that is not worth any steps
HEAVY = 0.1  # of all that the loss has fallen, in penalty: with less of it, the loss could fall about as much further
OTHER_PENALTY = 3  # the factor to the next one to try; by 10, the answer to too much of it would be too little
LARGE_L2 = 0.01  # where an l2 begins to tell
SMALL_EFFECT = 0.2  # Cohen's h: a smaller difference of two shares is hardly worth a word (Cohen 1988, section 6.2)
WIDE = 0.2  # of an interval of val accuracy: that of 15 right of 15, or of 46 right of 92
CHANCE = 0.05  # of a false alarm


def class_never_predicted(facts: RunFacts) -> Finding | None:
    """A class has examples, and none was predicted to be of it.

    Of enough: were n predictions of a class expected, there would be none with a probability of exp(-n), and for any of
    the C classes of C * exp(-n), which must be at most 5 % (the rule of three, Hanley and Lippman-Hand 1983, for C).
    """
    if facts.seen is None:
        return None
    enough = math.log(len(facts.class_names) / CHANCE)
    never = np.flatnonzero((facts.seen.predicted == 0) & (facts.seen.support >= enough))
    if not len(never):
        return None
    name, n = short_name(facts.class_names[never[0]]), int(facts.seen.support[never[0]])
    subject = f"{len(never)} classes were never predicted, such as" if len(never) > 1 else "Never predicted:"
    split = "val" if facts.val else "train"
    sentence = f"{subject} {name}, with {plural(n, f'{split} {facts.noun}')}"
    rare = 2 * n < facts.seen.support.sum() / len(facts.class_names)
    if not rare or facts.config.train.class_weight is not None:
        return Finding("class_never_predicted", f"{sentence}.", f"imgclf eval {quoted(facts)} --split {split}")
    cause = "a rare class counts for little (class imbalance)"
    return Finding("class_never_predicted", f"{sentence}; {cause}.", again(facts, "train.class_weight=balanced"))


def still_falling(facts: RunFacts) -> Finding | None:
    """Twice as many steps would lower the loss by a hundredth of all that it has fallen, on train and on val.

    See `trend.fall_to_come`. Where this is next to nothing, nobody needs to wait for it.
    """
    to_come = falls(facts)
    if not _may_go_on(facts) or not worthwhile(to_come, facts.learned):
        return None
    if facts.epochs >= FEW and to_come[-1] < TRIFLE * facts.guessing:
        return None
    where = " on train and val" if facts.val else ""
    more = f": twice as many steps may lower it by another {to_come[-1]:.2g}"
    if facts.epochs < FEW:
        since = facts.epochs // 2
        more = f", by {to_come[-1]:.2g} since {f'epoch {since}' if since else 'the start'}"
    sentence = f"The loss still falls{where}{more}"
    epochs = longer(facts)
    if epochs is None:  # the step size has become so small that more epochs lead nowhere
        remedy = again(facts, "schedule.name=cosine", f"train.epochs={2 * facts.epochs}")
        return Finding("still_falling", f"{sentence}, but the step size does not last.", remedy)
    remedy = f"imgclf train --resume {quoted(facts)} -s train.epochs={epochs}"
    return Finding("still_falling", f"{sentence}.", remedy)


def step_too_large(facts: RunFacts) -> Finding | None:
    """The mean loss of an epoch was above that of W = 0, where the run began: steps jumped over the valley.

    It may have come down since, as step sizes shrink.
    """
    losses = facts.column("train/loss")
    if facts.config.model.init_scale or not len(losses) or not facts.is_above_guessing(losses.max()):
        return None
    highest, guess = told_apart(number, losses.max(), facts.guessing)
    cause, _ = facts.scale_problem
    blame = cause or f"the step size (learning rate) of {facts.config.schedule.step_size:g} is too large"
    sentence = f"In epoch {losses.argmax() + 1} the loss was {highest}, above that of guessing, {guess}; {blame}."
    return Finding("step_too_large", sentence, again(facts, *smaller_steps(facts, most=math.inf)))


def step_too_small(facts: RunFacts) -> Finding | None:
    """The loss still falls nearly as along a straight line: see `trend.is_straight`.

    Gradient descent slows down as it comes near to a minimum: this one is still far from it. Of a few epochs nobody can
    tell.
    """
    if facts.epochs < FEW or not _may_go_on(facts):
        return None
    if not worthwhile(falls(facts), facts.learned) or not is_straight(facts):
        return None
    late = f"{sum(late_falls(facts)):.2g} of its fall of {facts.learned:.2g} came in the second half"
    blame = f"the step size (learning rate) of {facts.config.schedule.step_size:g} is too small"
    sentence = f"The loss has hardly begun to level off ({late}): {blame}."
    return Finding("step_too_small", sentence, again(facts, larger_steps(facts)))


def overfitting(facts: RunFacts) -> Finding | None:
    """Train accuracy is above val accuracy, by more than chance and by more than a trifle.

    The difference is Cohen's h, 2 arcsin(sqrt(p)) of one share less that of the other, whose standard error is
    sqrt(1/n + 1/m) whatever the shares are (Cohen 1988, section 6.2).
    """
    gap = _gap(facts)
    if gap is None or gap[0] < SMALL_EFFECT or gap[0] < gap[1]:
        return None
    assert facts.train is not None
    assert facts.val is not None
    train, val = percent(facts.train.accuracy), percent(facts.val.accuracy)
    sentence = f"Train accuracy, {train}, is far above val accuracy, {val}: overfitting"
    if facts.penalty > HEAVY * facts.learned:
        return Finding("overfitting", f"{sentence}; only more training {facts.noun}s would help.")
    larger = max(OTHER_PENALTY * facts.config.regularization.l2, LARGE_L2)
    cure = f"more training {facts.noun}s would help, or a larger penalty"
    return Finding("overfitting", f"{sentence}; {cure}.", again(facts, f"regularization.l2={larger:.2g}"))


def strong_penalty(facts: RunFacts) -> Finding | None:
    """The penalty is a tenth of all that training has taken off the loss, and val is as good as train: underfitting.

    To first order, a penalty of half the weight lowers the lowest loss by half the penalty (the envelope theorem).
    """
    if not _is_equal(facts):
        return None
    assert facts.train is not None
    penalty = facts.penalty
    if not penalty > HEAVY * facts.learned > 0:
        return None
    chosen = facts.config.regularization.model_dump()
    smaller = [f"regularization.{name}={value / OTHER_PENALTY:.2g}" for name, value in chosen.items() if value]
    share = f"{penalty:.2g} of the loss, {facts.train.objective:.4g}, is the penalty on W"
    return Finding("strong_penalty", f"Train and val agree, but {share}: underfitting.", again(facts, *smaller))


def flat_and_equal(facts: RunFacts) -> Finding | None:
    """The loss no longer falls, and val is as good as train: all that a linear model can do.

    As good: the difference is below Cohen's small effect, at the upper end of its 95 % interval.
    """
    if not _is_equal(facts) or facts.epochs < FEW:
        return None
    assert facts.train is not None
    assert facts.val is not None
    if _has_hardly_a_mistake(facts.train):
        return None
    train, val = percent(facts.train.accuracy), percent(facts.val.accuracy)
    flat = f"Val loss no longer falls by much, and val accuracy, {val}, is close to train accuracy, {train}"
    what = "pixels" if facts.noun == "image" else "features"
    return Finding("flat_and_equal", f"{flat}: this is about what a linear model can do with these {what}.")


def few_val(facts: RunFacts) -> Finding | None:
    """Wilson's interval of val accuracy is wider than 20 points: it may be anything."""
    if facts.val is None:
        return None
    low, high = wilson_interval(facts.val.accuracy * facts.val.n, facts.val.n)
    if high - low <= WIDE:
        return None
    few = f"{plural(facts.val.n, f'val {facts.noun}')} {'is' if facts.val.n == 1 else 'are'} too few to tell"
    interval = f"{percent(low)} to {percent(high)}"
    return Finding(
        "few_val", f"{few}: the 95 % interval of val accuracy, {percent(facts.val.accuracy)}, is {interval}."
    )


def best_epoch_is_noise(facts: RunFacts) -> Finding | None:
    """The epoch with the best val accuracy and the last one differ by no more than chance makes them.

    As in `overfitting`, by Cohen's h. Both are measured on the same images, so their difference is surer than that; but
    the best of many epochs is the luckiest one, too.
    """
    accuracy = facts.column("val/accuracy").clip(0, 1)
    is_on_its_way = any(rule(facts) for rule in (step_too_large, step_too_small, still_falling))
    if facts.val is None or not len(accuracy) or is_on_its_way:
        return None
    n, best = facts.val.n, int(accuracy.argmax())
    gap = _angle(accuracy[best]) - _angle(accuracy[-1])
    if not 0 < gap <= Z_95 * math.sqrt(2 / n):
        return None
    highest, last = told_apart(percent, accuracy[best], accuracy[-1])
    which = f"Val accuracy was best after epoch {best + 1}, {highest}, and is {last} at the end"
    return Finding("best_epoch_is_noise", f"{which}: {plural(n, facts.noun)} cannot tell these apart.")


def _angle(share: float) -> float:
    return 2 * math.asin(math.sqrt(share))


def _may_go_on(facts: RunFacts) -> bool:
    """Whether a lower loss would be of use: there are mistakes, and early stopping has not ended the run."""
    makes_mistakes = not all(_has_hardly_a_mistake(split) for split in (facts.train, facts.val) if split)
    return makes_mistakes and facts.epochs >= facts.config.train.epochs


def _has_hardly_a_mistake(split: Split) -> bool:
    """Whether the accuracy and 100 % differ by less than Cohen's small effect: above 99 %."""
    return _angle(1) - _angle(split.accuracy) < SMALL_EFFECT


def _gap(facts: RunFacts) -> tuple[float, float] | None:
    """Return Cohen's h between train and val accuracy, and half of its 95 % interval."""
    if facts.train is None or facts.val is None:
        return None
    gap = _angle(facts.train.accuracy) - _angle(facts.val.accuracy)
    return gap, Z_95 * math.sqrt(1 / facts.train.n + 1 / facts.val.n)


def _is_equal(facts: RunFacts) -> bool:
    gap = _gap(facts)
    return gap is not None and gap[0] + gap[1] < SMALL_EFFECT


QUESTIONS: tuple[tuple[Rule, ...], ...] = (
    (class_never_predicted,),
    (step_too_large, step_too_small, still_falling, overfitting, strong_penalty, flat_and_equal),
    (few_val, best_epoch_is_noise),
)
