"""Check of optimizer steps and step sizes against their formulas."""

import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.compose import Plan
from imgclf.gradcheck.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.layers import LayerFn
from imgclf.gradcheck.subject import Subject
from imgclf.gradcheck.verdict import Outcome
from imgclf.trainer import start

STEPS = 8


def steps_of(plan: Plan) -> LayerFn:
    """Return the layer that takes some steps and holds weights and step sizes against the formulas of the config."""

    def steps(subject: Subject, case: Case, l2: float, l1: float) -> Outcome:
        wrong = wrong_step(plan, subject, case, l2, l1) or wrong_step_size(plan, subject)
        if wrong:
            return Outcome("fail", wrong)
        chosen = plan.config
        return Outcome("pass", f"{STEPS} steps of {chosen.optimizer.name} and the {chosen.schedule.name} schedule")

    return steps


def wrong_step(plan: Plan, subject: Subject, case: Case, l2: float, l1: float) -> str:
    """Say which step did not lead where the optimizer's recurrence leads; nothing where all did."""
    N, objective = len(case.y), subject.objective(l2, l1)

    def images(step: int) -> tuple[FloatArray, IntArray]:
        rows = np.roll(np.arange(N), -step)[: N // 2 + 1]  # other ones at each step
        return case.X[rows], case.y[rows]

    settings = plan.config.optimizer.model_dump()
    follow = RECURRENCES[settings.pop("name")]
    seen: list[FloatArray] = []
    weights = case.weights
    steps = subject.descend(
        start(weights, subject.optimizer),
        sample=lambda step: Batch.of(*images(step)),
        objective=objective,
        evaluate_gradient=subject.gradient,
        optimizer=subject.optimizer,
        step_size=subject.step_size,
    )
    for step, (_, state) in enumerate(islice(steps, STEPS)):
        seen.append(subject.slope(*images(step), weights, l2, l1))
        if not np.isfinite(seen[-1]).all():
            # A descent may go too far to be followed; its first step may not.
            return "" if step else "the gradient before the first step is not finite"
        move = subject.step_size(step) * follow(seen, **settings)
        size = abs(subject.step_size(step)) * follow([np.abs(one) for one in seen], **settings)
        off = np.abs(state.weights - (weights - move))
        if not (off <= 64 * UNIT_ROUNDOFF * (np.abs(weights) + size)).all():
            name = plan.config.optimizer.name
            return f"step {step + 1} leads up to {off.max():.3g} away from where the formula of {name} leads"
        weights = state.weights
    return ""


def sgd(g: list[FloatArray]) -> FloatArray:
    """The gradient."""
    return g[-1]


def momentum(g: list[FloatArray], decay: float) -> FloatArray:
    """sum_k decay**k * g_(t-k)."""
    return sum((decay**k * one for k, one in enumerate(reversed(g))), np.zeros_like(g[0]))


def nesterov(g: list[FloatArray], decay: float) -> FloatArray:
    """g_t + decay * (the sum of momentum)."""
    return g[-1] + decay * momentum(g, decay)


def adagrad(g: list[FloatArray], epsilon: float) -> FloatArray:
    """g_t / (sqrt(sum_k g_k**2) + epsilon)."""
    return np.asarray(g[-1] / (np.sqrt(np.sum([one**2 for one in g], axis=0)) + epsilon))


def rmsprop(g: list[FloatArray], decay: float, epsilon: float) -> FloatArray:
    """g_t / (sqrt((1 - decay) * sum_k decay**k * g_(t-k)**2) + epsilon)."""
    squares = (1 - decay) * momentum([one**2 for one in g], decay)
    return np.asarray(g[-1] / (np.sqrt(squares) + epsilon))


def adam(g: list[FloatArray], decay: float, decay_square: float, epsilon: float) -> FloatArray:
    """Weighted means of g and of g**2, each divided by the sum of its weights."""
    t = len(g)
    mean = (1 - decay) * momentum(g, decay) / (1 - decay**t)
    squares = (1 - decay_square) * momentum([one**2 for one in g], decay_square) / (1 - decay_square**t)
    return np.asarray(mean / (np.sqrt(squares) + epsilon))


def wrong_step_size(plan: Plan, subject: Subject) -> str:
    """Say which step has another length than the schedule's formula; nothing where none has."""
    last, schedule = plan.steps - 1, plan.config.schedule
    stair = getattr(schedule, "every_epochs", 1) * plan.steps_per_epoch
    warm = round(schedule.warmup_epochs * plan.steps_per_epoch)
    for step in sorted({0, 1, max(0, warm - 2), warm, plan.steps_per_epoch, stair, last // 3, last // 2, last}):
        expected = _step_size(plan, step)
        given = subject.step_size(step)
        if not abs(given - expected) <= 64 * UNIT_ROUNDOFF * schedule.step_size:
            return f"step {step} has size {given:.17g}, the {schedule.name} schedule says {expected:.17g}"
    return ""


def _step_size(plan: Plan, step: int) -> float:
    """Return the length of a step by the formula in the config's own units, epochs."""
    schedule: Any = plan.config.schedule
    done = min(1.0, step / max(1, plan.steps - 1))
    epochs = step / plan.steps_per_epoch
    share: dict[str, Callable[[], float]] = {
        "constant": lambda: 1.0,
        "step": lambda: float(schedule.factor ** math.floor(epochs / schedule.every_epochs)),
        "exponential": lambda: float(schedule.factor**epochs),
        "cosine": lambda: math.cos(math.pi / 2 * done) ** 2,
        "linear": lambda: 1 - done,
    }
    warmup = round(schedule.warmup_epochs * plan.steps_per_epoch)
    return float(schedule.step_size * share[schedule.name]() * (min(1.0, (step + 1) / warmup) if warmup else 1.0))


RECURRENCES: dict[str, Callable[..., FloatArray]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
}
