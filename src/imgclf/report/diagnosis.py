"""Diagnosis of a run: sentences about it, and what to type next.

A finding is a small function of the facts of a run that returns a Finding, or None where it does not hold. `ALARMS` and
`QUESTIONS` name them all.
"""

import math
import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.errors import plural, printable
from imgclf.machine.terminal import display_width
from imgclf.metrics import Z_95, wilson_interval
from imgclf.report.labels import shorten
from imgclf.report.run_facts import RunFacts, Split
from imgclf.report.trend import FEW, WORTH_IT, falls, longer
from imgclf.training.evaluation import Evaluation

USUAL_STEP = 0.1  # the default step size, for x of a standard deviation near 1
HEAVY = 0.1  # of all that the loss has fallen, in penalty: with less of it, the loss could fall about as much further
OTHER_PENALTY = 3  # the factor to the next one to try; by 10, the answer to too much of it would be too little
LARGE_L2 = 0.01  # where an l2 begins to tell
SMALL_EFFECT = 0.2  # Cohen's h: a smaller difference of two shares is hardly worth a word (Cohen 1988, section 6.2)
CHANCE = 0.05  # of a false alarm
ROUNDING = 1e-5  # of a loss, in float32
LONGEST_NAME = 20  # columns of a terminal: two of them fit a line


class Finding(NamedTuple):
    """A sentence about a run, and what to type next, or "" if nothing; `name` is its key for programs."""

    name: str
    sentence: str
    remedy: str = ""


Rule: TypeAlias = Callable[[RunFacts], Finding | None]


def diagnose(facts: RunFacts) -> list[Finding]:
    """Return what there is to say about a run, the most important first; never nothing.

    The first alarm that holds is told alone. Else each question has one answer at most, so no two contradict.
    """
    answers = [ALARMS] if _first(ALARMS, facts) else QUESTIONS
    found = [finding for rules in answers if (finding := _first(rules, facts))]
    return found or [nothing_to_report(facts)]


def nothing_to_report(facts: RunFacts) -> Finding:
    """No other finding holds."""
    fell = "there is little to see"
    if facts.train and facts.class_names:
        fell = f"the loss fell from {facts.guessing:.5g} to {facts.train.objective:.4g}"
    return Finding("nothing_to_report", f"Nothing stands out: in {plural(facts.epochs, 'epoch')}, {fell}.")


def _first(rules: Sequence[Rule], facts: RunFacts) -> Finding | None:
    return next((finding for rule in rules if (finding := rule(facts))), None)


def diverged(facts: RunFacts) -> Finding | None:
    """The loss or a weight stopped being a finite number."""
    if facts.status != "diverged":
        return None
    grew = ""
    if facts.steps and len(facts.steps[0]):
        steps, losses = facts.steps
        ends = dict.fromkeys(f"{losses[i]:.4g} at step {steps[i]:,}" for i in (0, -1))  # once, where there is one step
        grew = f": the loss was {', '.join(ends)}, and soon no number"
    size = facts.config.schedule.step_size
    cause, _ = facts.scale_problem
    blame = cause or f"the step size (learning rate) of {size:g} is too large"
    return Finding("diverged", f"Training diverged{grew}; {blame}.", _again(facts, *_smaller_steps(facts)))


def unfinished(facts: RunFacts) -> Finding | None:
    """The run was interrupted, or goes on while this is asked."""
    if facts.status not in ("interrupted", "running"):
        return None
    epochs = f"{facts.epochs} of {plural(facts.config.train.epochs, 'epoch')}"
    return Finding("unfinished", f"The run is not finished: {epochs}.", f"imgclf train --resume {_quoted(facts)}")


def nothing_learned(facts: RunFacts) -> Finding | None:
    """The training images are recognized no better than by naming the largest class always.

    Wilson's interval around the share of that class counts as no better. With class weights, each image counts as much
    as in the loss, and the interval is that of as many equal ones (Kish 1965).
    """
    guess = _guess(facts)
    if guess is None or facts.train is None:
        return None
    accuracy, share, n, largest = guess
    if facts.train.accuracy == 1 or accuracy > wilson_interval(share * n, n)[1]:
        return None
    weighted = "" if facts.class_weights is None else " (weighted by class)"
    naming = f"{_percent(share)} by always naming {_short(facts.class_names[largest])}"
    problem = f"Nothing was learned: train accuracy is {_percent(accuracy)}{weighted}, {naming}"
    (cause, override), loss = facts.scale_problem, facts.train.objective
    if cause:
        remedy = _again(facts, *_smaller_steps(facts)) if override else ""
        return Finding("nothing_learned", f"{problem}; {cause}.", remedy)
    if _is_above_guessing(facts, loss):
        grew = f"the loss grew from {facts.guessing:.4g} to {loss:.4g}, so the step size is too large"
        return Finding("nothing_learned", f"{problem}; {grew}.", _again(facts, *_smaller_steps(facts)))
    labels = "the step size is too small, or the labels do not belong to the images"
    larger = f"schedule.step_size={10 * facts.config.schedule.step_size:g}"
    return Finding("nothing_learned", f"{problem}; {labels}.", _again(facts, larger))


def loss_above_guessing(facts: RunFacts) -> Finding | None:
    """The loss is above that of W = 0, which knows nothing, though the accuracy is not.

    The lowest loss is at most that at W = 0: a run that ends above it has gone the wrong way.
    """
    train = facts.train
    if train is None or not _is_above_guessing(facts, train.objective):
        return None
    cause, _ = facts.scale_problem
    blame = cause or "the step size (learning rate) is too large, and so is W"
    problem = f"The train objective, {_number(train.objective)}, is above that of guessing, {facts.guessing:.5g}"
    accuracy = f"though train accuracy is {_percent(train.accuracy)}"
    return Finding("loss_above_guessing", f"{problem}, {accuracy}; {blame}.", _again(facts, *_smaller_steps(facts)))


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
    name, n = _short(facts.class_names[never[0]]), int(facts.seen.support[never[0]])
    subject = f"{len(never)} classes were never predicted, such as" if len(never) > 1 else "Never predicted:"
    split = "val" if facts.val else "train"
    sentence = f"{subject} {name}, with {plural(n, f'{split} {facts.noun}')}"
    rare = 2 * n < facts.seen.support.sum() / len(facts.class_names)
    if not rare or facts.config.train.class_weight is not None:
        return Finding("class_never_predicted", f"{sentence}.", f"imgclf eval {_quoted(facts)}")
    cause = "a rare class counts for little (class imbalance)"
    return Finding("class_never_predicted", f"{sentence}; {cause}.", _again(facts, "train.class_weight=balanced"))


def still_falling(facts: RunFacts) -> Finding | None:
    """Twice as many steps would lower the loss by a hundredth of all that it has fallen, on train and on val.

    See `trend.fall_to_come`. Under early stopping, val has said before that it no longer falls. Where there is hardly a
    mistake, a lower loss is of no use.
    """
    to_come, learned = falls(facts), _learned(facts)
    if all(_has_hardly_a_mistake(split) for split in (facts.train, facts.val) if split):
        return None
    if facts.epochs < facts.config.train.epochs or not all(fall > WORTH_IT * learned > 0 for fall in to_come):
        return None
    where = " on train and val" if facts.val else ""
    more = f": twice as many steps may lower it by another {to_come[-1]:.2g}"
    if facts.epochs < FEW:
        since = facts.epochs // 2
        more = f", by {to_come[-1]:.2g} since {f'epoch {since}' if since else 'the start'}"
    sentence = f"The loss still falls{where}{more}"
    epochs = longer(facts)
    if epochs is None:  # the step size has become so small that more epochs lead nowhere
        again = _again(facts, "schedule.name=cosine", f"train.epochs={2 * facts.epochs}")
        return Finding("still_falling", f"{sentence}, but the step size does not last.", again)
    remedy = f"imgclf train --resume {_quoted(facts)} -s train.epochs={epochs}"
    return Finding("still_falling", f"{sentence}.", remedy)


def step_too_large(facts: RunFacts) -> Finding | None:
    """The mean loss of an epoch was above that of W = 0, where the run began: steps jumped over the valley.

    It may have come down since, as step sizes shrink.
    """
    losses = facts.column("train/loss")
    if facts.config.model.init_scale or not len(losses) or not _is_above_guessing(facts, losses.max()):
        return None
    highest = f"In epoch {losses.argmax() + 1} the loss was {_number(losses.max())}, above that of guessing"
    cause, _ = facts.scale_problem
    blame = cause or f"the step size (learning rate) of {facts.config.schedule.step_size:g} is too large"
    sentence = f"{highest}, {facts.guessing:.5g}; {blame}."
    return Finding("step_too_large", sentence, _again(facts, *_smaller_steps(facts)))


def step_too_small(facts: RunFacts) -> Finding | None:
    """Over the second half of its way, the loss has fallen by a third of all that it has fallen.

    Along a straight line it would be half. Gradient descent slows down as it comes near to a minimum: this one is still
    far from it. Of a few epochs nobody can tell.
    """
    if facts.epochs < FEW or still_falling(facts) is None:
        return None
    losses, step_sizes = facts.column("train/loss"), facts.column("step_size")
    fall = float(np.interp(0.5, step_sizes.cumsum() / step_sizes.sum(), losses) - losses[-1])
    if fall < _learned(facts) / 3:
        return None
    size = facts.config.schedule.step_size
    sentence = f"The loss falls nearly as fast as at first: the step size (learning rate) of {size:g} is too small"
    return Finding("step_too_small", f"{sentence}.", _again(facts, f"schedule.step_size={10 * size:g}"))


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
    train, val = _percent(facts.train.accuracy), _percent(facts.val.accuracy)
    sentence = f"Train accuracy, {train}, is far above val accuracy, {val}: overfitting"
    if _penalty(facts) > HEAVY * _learned(facts):
        return Finding("overfitting", f"{sentence}; only more training {facts.noun}s would help.")
    larger = max(OTHER_PENALTY * facts.config.regularization.l2, LARGE_L2)
    cure = f"more training {facts.noun}s would help, or a larger penalty"
    return Finding("overfitting", f"{sentence}; {cure}.", _again(facts, f"regularization.l2={larger:.2g}"))


def strong_penalty(facts: RunFacts) -> Finding | None:
    """The penalty is a tenth of all that training has taken off the loss, and val is as good as train: underfitting.

    To first order, a penalty of half the weight lowers the lowest loss by half the penalty (the envelope theorem).
    """
    if not _is_equal(facts):
        return None
    assert facts.train is not None
    penalty = _penalty(facts)
    if not penalty > HEAVY * _learned(facts) > 0:
        return None
    chosen = facts.config.regularization.model_dump()
    smaller = [f"regularization.{name}={value / OTHER_PENALTY:.2g}" for name, value in chosen.items() if value]
    share = f"{penalty:.2g} of the loss, {facts.train.objective:.4g}, is the penalty on W"
    return Finding("strong_penalty", f"Train and val agree, but {share}: underfitting.", _again(facts, *smaller))


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
    train, val = _percent(facts.train.accuracy), _percent(facts.val.accuracy)
    flat = f"Val loss no longer falls by much, and val accuracy, {val}, is close to train accuracy, {train}"
    what = "pixels" if facts.noun == "image" else "features"
    return Finding("flat_and_equal", f"{flat}: this is about what a linear model can do with these {what}.")


def best_epoch_is_noise(facts: RunFacts) -> Finding | None:
    """The epoch with the best val accuracy and the last one have Wilson intervals that overlap.

    Both are measured on the same images, so their difference is surer than that; but the best of many epochs is the
    luckiest one, too.
    """
    accuracy = facts.column("val/accuracy").clip(0, 1)
    if facts.val is None or not len(accuracy) or step_too_large(facts) or still_falling(facts):
        return None
    n, best = facts.val.n, int(accuracy.argmax())
    (low, _), (_, high) = (wilson_interval(p * n, n) for p in (accuracy[best], accuracy[-1]))
    if accuracy[best] <= accuracy[-1] or low > high:
        return None
    highest, last = _percent(accuracy[best]), _percent(accuracy[-1])
    which = f"Val accuracy was best after epoch {best + 1}, {highest}, and is {last} at the end"
    return Finding("best_epoch_is_noise", f"{which}: {plural(n, facts.noun)} cannot tell these apart.")


ALARMS: tuple[Rule, ...] = (diverged, unfinished, nothing_learned, loss_above_guessing)
QUESTIONS: tuple[tuple[Rule, ...], ...] = (
    (class_never_predicted,),
    (step_too_large, step_too_small, still_falling, overfitting, strong_penalty, flat_and_equal),
    (best_epoch_is_noise,),
)


def confused_pairs(seen: Evaluation, class_names: Sequence[str], most: int = 3) -> list[str]:
    """Return the most frequent mistakes in words: `Shirt taken for T-shirt/top (18 of 60)`."""
    _, support, _ = seen.pairs.totals(len(class_names))
    return [
        f"{_short(class_names[true])} taken for {_short(class_names[predicted])} ({count:,} of {support[true]:,})"
        for true, predicted, count in seen.most_confused(most)
    ]


def _short(name: str) -> str:
    return shorten(printable(name), lambda text: display_width(text) <= LONGEST_NAME)


def _angle(share: float) -> float:
    return 2 * math.asin(math.sqrt(share))


def _has_hardly_a_mistake(split: Split) -> bool:
    """Whether the accuracy and 100 % differ by less than Cohen's small effect: above 99 %."""
    return _angle(1) - _angle(split.accuracy) < SMALL_EFFECT


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(loss: float) -> str:
    return f"{loss:,.0f}" if 1000 <= loss < 1e9 else f"{loss:.5g}"


def _is_above_guessing(facts: RunFacts, loss: float) -> bool:
    return loss > facts.guessing * (1 + ROUNDING)


def _learned(facts: RunFacts) -> float:
    """Return how far the loss has fallen since W = 0."""
    return facts.guessing - facts.train.objective if facts.train else 0.0


def _penalty(facts: RunFacts) -> float:
    return facts.train.objective - facts.train.data_loss if facts.train else 0.0


def _guess(facts: RunFacts) -> tuple[float, float, float, int] | None:
    """Return train accuracy, the largest class's share, the number of images and the class, weighted as the loss is.

    What only the caller can count is taken from the confusion matrix: val has the same shares of the classes as train.
    """
    counts = facts.of_train or facts.seen
    if counts is None or facts.train is None or (facts.of_train is None and facts.class_weights is not None):
        return None
    w = np.ones(len(counts.support)) if facts.class_weights is None else facts.class_weights
    weights = w * counts.support
    total = float(weights.sum())
    if facts.of_train is None:
        return facts.train.accuracy, float(weights.max()) / total, facts.train.n, int(weights.argmax())
    n = total**2 / float(w**2 @ counts.support)
    return float(w @ counts.right) / total, float(weights.max()) / total, n, int(weights.argmax())


def _gap(facts: RunFacts) -> tuple[float, float] | None:
    """Return Cohen's h between train and val accuracy, and half of its 95 % interval."""
    if facts.train is None or facts.val is None:
        return None
    gap = _angle(facts.train.accuracy) - _angle(facts.val.accuracy)
    return gap, Z_95 * math.sqrt(1 / facts.train.n + 1 / facts.val.n)


def _is_equal(facts: RunFacts) -> bool:
    gap = _gap(facts)
    return gap is not None and gap[0] + gap[1] < SMALL_EFFECT


def _smaller_steps(facts: RunFacts) -> list[str]:
    """Return overrides for a run whose steps were too long."""
    size, (_, override) = facts.config.schedule.step_size, facts.scale_problem
    is_usual = bool(override) and size <= USUAL_STEP
    steps = [] if is_usual else [f"schedule.step_size={min(size / 10, USUAL_STEP):g}"]
    return [*([override] if override else []), *steps]


def _again(facts: RunFacts, *overrides: str) -> str:
    """Return the command that repeats a run with some settings changed."""
    config = shlex.quote(str(facts.directory / "config.yaml"))
    return f"imgclf train -c {config}" + "".join(f" -s {shlex.quote(override)}" for override in overrides)


def _quoted(facts: RunFacts) -> str:
    return shlex.quote(str(facts.directory))
