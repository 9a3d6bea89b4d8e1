"""Alarms of a diagnosis: what ended is no result.

An alarm is a function of the facts of a run that returns a Finding, or None where it does not hold.
"""

import numpy as np

from imgclf.errors import plural
from imgclf.metrics import wilson_interval
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
from imgclf.report.run_facts import RunFacts
from imgclf.report.trend import FEW, falls, worthwhile


def diverged(facts: RunFacts) -> Finding | None:
    """The loss or a weight stopped being a finite number."""
    if facts.status != "diverged":
        return None
    known = [f"{loss:.4g} at step {step:,}" for step, loss in zip(*facts.steps, strict=True)] if facts.steps else []
    grew = f": the loss was {', '.join([*known[:1], *known[1:][-1:]])}, and soon no number" if known else ""
    size = facts.config.schedule.step_size
    cause, _ = facts.scale_problem
    step_size = "the step size (learning rate)"
    blame = f"{cause}; {step_size} is {size:g}" if cause else f"{step_size} of {size:g} is too large"
    return Finding("diverged", f"Training diverged{grew}; {blame}.", again(facts, *smaller_steps(facts)))


def unfinished(facts: RunFacts) -> Finding | None:
    """The run was interrupted, or goes on while this is asked."""
    if facts.status not in ("interrupted", "running"):
        return None
    epochs = f"{facts.epochs} of {plural(facts.config.train.epochs, 'epoch')}"
    return Finding("unfinished", f"The run is not finished: {epochs}.", f"imgclf train --resume {quoted(facts)}")


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
    naming = f"{percent(share)} by always naming {short_name(facts.class_names[largest])}"
    problem = f"Nothing was learned: train accuracy is {percent(accuracy)}{weighted}, {naming}"
    (cause, override), loss = facts.scale_problem, facts.train.objective
    if cause:
        remedy = again(facts, *smaller_steps(facts)) if override else ""
        return Finding("nothing_learned", f"{problem}; {cause}.", remedy)
    if facts.is_above_guessing(loss):
        start, end = told_apart(number, facts.guessing, loss)
        grew = f"the loss grew from {start} to {end}, so the step size is too large"
        return Finding("nothing_learned", f"{problem}; {grew}.", again(facts, *smaller_steps(facts)))
    labels = f"the labels do not belong to the {facts.noun}s"
    if facts.epochs >= FEW and not worthwhile(falls(facts), facts.learned):
        return Finding("nothing_learned", f"{problem}; {labels}, or these say nothing about the classes.")
    blame = f"the step size is too small, or {labels}"
    return Finding("nothing_learned", f"{problem}; {blame}.", again(facts, larger_steps(facts)))


def loss_above_guessing(facts: RunFacts) -> Finding | None:
    """The loss is above that of W = 0, which knows nothing, though the accuracy is not.

    The lowest loss is at most that at W = 0: a run that ends above it has gone the wrong way.
    """
    train = facts.train
    if train is None or not facts.is_above_guessing(train.objective):
        return None
    cause, _ = facts.scale_problem
    blame = cause or "the step size (learning rate) is too large, and so is W"
    end, guess = told_apart(number, train.objective, facts.guessing)
    problem = f"The train objective, {end}, is above that of guessing, {guess}"
    accuracy = f"though train accuracy is {percent(train.accuracy)}"
    return Finding("loss_above_guessing", f"{problem}, {accuracy}; {blame}.", again(facts, *smaller_steps(facts)))


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


ALARMS: tuple[Rule, ...] = (diverged, unfinished, nothing_learned, loss_above_guessing)
