"""Check of optimizer steps and step sizes against their formulas."""

import math
from collections.abc import Callable
from itertools import islice

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks import CheckFn
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.verdict import Outcome
from imgclf.trainer import start
from imgclf.training.plan import Plan

STEPS = 8


def steps_of(plan: Plan) -> CheckFn:
    """Return the check of some steps: weights and step sizes against the config's formulas."""

    def steps(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
        optimizer, schedule = plan.config.optimizer.name, plan.config.schedule.name
        for name, formulas in ((optimizer, RECURRENCES), (schedule, FACTORS)):
            if name not in formulas:
                return Outcome("inconclusive", f"not checked: there is no formula of {name}")
        wrong = wrong_step(plan, code, case, l2, l1) or wrong_step_size(plan, code)
        if wrong:
            return Outcome("fail", wrong)
        return Outcome("pass", f"{STEPS} steps of {optimizer} and the {schedule} schedule")

    return steps


def wrong_step(plan: Plan, code: Implementation, case: Case, l2: float, l1: float) -> str:
    """Describe the first step that differs from the optimizer's recurrence; "" if none does."""
    N, objective = len(case.y), code.objective(l2, l1)

    def images(step: int) -> tuple[FloatArray, IntArray]:
        rows = np.roll(np.arange(N), -step)[: N // 2 + 1]  # different at each step
        return case.X[rows], case.y[rows]

    settings = plan.config.optimizer.model_dump()
    follow = RECURRENCES[settings.pop("name")]
    seen: list[FloatArray] = []
    weights = case.weights
    steps = code.descend(
        start(weights, code.optimizer),
        sample=lambda step: Batch.of(*images(step)),
        objective=objective,
        evaluate_gradient=code.gradient,
        optimizer=code.optimizer,
        step_size=code.step_size,
    )
    for step, (_, state) in enumerate(islice(steps, STEPS)):
        seen.append(code.gradient_at(*images(step), weights, l2, l1))
        if not np.isfinite(seen[-1]).all():
            # Training may diverge later, but not before its first step.
            return "" if step else "the gradient before the first step is not finite"
        move = code.step_size(step) * follow(np.array(seen), **settings)
        size = abs(code.step_size(step)) * follow(np.abs(seen), **settings)
        off = np.abs(state.weights - (weights - move))
        if not (off <= 64 * UNIT_ROUNDOFF * (np.abs(weights) + size)).all():
            name = plan.config.optimizer.name
            return f"step {step + 1} differs by up to {off.max():.3g} from the formula of {name}"
        weights = state.weights
    return ""


def wrong_step_size(plan: Plan, code: Implementation) -> str:
    """Describe the first step size that differs from the schedule's formula; "" if none does."""
    last, per_epoch, schedule = plan.steps - 1, plan.steps_per_epoch, plan.config.schedule
    settings = schedule.model_dump(exclude={"name", "step_size", "warmup_epochs"})
    stair = settings.get("every_epochs", 1) * per_epoch
    warmup = round(schedule.warmup_epochs * per_epoch)
    for step in sorted({0, 1, max(0, warmup - 2), warmup, per_epoch, stair, last // 3, last // 2, last}):
        epochs = step / per_epoch
        share = FACTORS[schedule.name](epochs, epochs / plan.config.train.epochs, **settings)
        expected = schedule.step_size * share * min(1.0, (step + 1) / max(1, warmup))
        given = code.step_size(step)
        if not abs(given - expected) <= 64 * UNIT_ROUNDOFF * schedule.step_size:
            return f"step {step} has step size {given:.17g}, by the {schedule.name} schedule it is {expected:.17g}"
    return ""


def adam(g: FloatArray, beta1: float, beta2: float, epsilon: float) -> FloatArray:
    """Weighted means of g and of g**2, each divided by the sum of its weights."""
    t = len(g)
    mean = (1 - beta1) * decayed_sum(g, beta1) / (1 - beta1**t)
    squares = (1 - beta2) * decayed_sum(g**2, beta2) / (1 - beta2**t)
    return np.asarray(mean / (np.sqrt(squares) + epsilon))


def decayed_sum(terms: FloatArray, decay: float) -> FloatArray:
    """sum_k decay**k * term_(t-k); terms (t, D+1, C)."""
    return np.tensordot(decay ** np.arange(len(terms))[::-1], terms, axes=1)


# The factor of the step size after `epochs` epochs, which are the share `part` of the run.
FACTORS: dict[str, Callable[..., float]] = {
    "constant": lambda epochs, part: 1.0,
    "step": lambda epochs, part, every_epochs, factor: factor ** math.floor(epochs / every_epochs),
    "exponential": lambda epochs, part, factor: factor**epochs,
    "cosine": lambda epochs, part: math.cos(math.pi / 2 * part) ** 2,
    "linear": lambda epochs, part: 1 - part,
}
# The direction of a step by the gradients so far, (t, D+1, C).
RECURRENCES: dict[str, Callable[..., FloatArray]] = {
    "sgd": lambda g: g[-1],
    "momentum": lambda g, momentum: decayed_sum(g, momentum),
    "nesterov": lambda g, momentum: g[-1] + momentum * decayed_sum(g, momentum),
    "adagrad": lambda g, epsilon: g[-1] / (np.sqrt((g**2).sum(axis=0)) + epsilon),
    "rmsprop": lambda g, decay, epsilon: g[-1] / (np.sqrt((1 - decay) * decayed_sum(g**2, decay)) + epsilon),
    "adam": adam,
}
