"""Step-size schedules: functions of the step number, which counts from 0.

A factory takes the step size, its keys in a config and, after the `*`, the length of a run or an epoch in steps.
"""

import math
from collections.abc import Callable
from typing import Annotated, TypeAlias

Schedule: TypeAlias = Callable[[int], float]

Epochs: TypeAlias = Annotated[int, "Epochs between two drops of the step size.", {"ge": 1}]
Factor: TypeAlias = Annotated[float, "Factor of the step size, at each drop or per epoch.", {"gt": 0, "le": 1}]


def constant(step_size: float) -> Schedule:
    """The same step size forever."""
    return lambda step: step_size


def step(step_size: float, every_epochs: Epochs = 10, factor: Factor = 0.1, *, steps_per_epoch: int) -> Schedule:
    """Stairs: step_size * factor**(epochs // every_epochs)."""
    return lambda step: step_size * factor ** (step // (every_epochs * steps_per_epoch))


def exponential(step_size: float, factor: Factor = 0.95, *, steps_per_epoch: int) -> Schedule:
    """Smooth decay: step_size * factor**epochs, with fractions of an epoch."""
    return lambda step: step_size * factor ** (step / steps_per_epoch)


def cosine(step_size: float, *, steps: int) -> Schedule:
    """Half a cosine, from step_size to 0 just after the last step (Loshchilov and Hutter 2017)."""
    return lambda step: step_size * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def linear(step_size: float, *, steps: int) -> Schedule:
    """A straight line, from step_size to 0 just after the last step."""
    return lambda step: step_size * (1 - min(1.0, step / steps))


def with_warmup(schedule: Schedule, steps: int) -> Schedule:
    """Start gently: the first `steps` steps take 1/steps, 2/steps, ... of the schedule's step size."""
    return lambda step: schedule(step) * min(1.0, (step + 1) / steps) if steps else schedule(step)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "linear": linear,
}
