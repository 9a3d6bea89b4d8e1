"""Step-size schedules: functions of the step number, from 0.

The parameters of a factory are the step size, its keys in a config, and what it needs of a run's length in steps.
"""

import math
from collections.abc import Callable
from typing import Annotated, TypeAlias

Schedule: TypeAlias = Callable[[int], float]

Epochs: TypeAlias = Annotated[int, "The length of a stair, in epochs.", {"ge": 1}]
Factor: TypeAlias = Annotated[float, "What the step size is multiplied by, a stair or an epoch.", {"gt": 0, "le": 1}]


def constant(step_size: float) -> Schedule:
    """The same length for ever."""
    return lambda step: step_size


def step(step_size: float, every_epochs: Epochs = 10, factor: Factor = 0.1, *, steps_per_epoch: int) -> Schedule:
    """Stairs: step_size * factor**(epochs // every_epochs)."""
    return lambda step: step_size * factor ** (step // (every_epochs * steps_per_epoch))


def exponential(step_size: float, factor: Factor = 0.95, *, steps_per_epoch: int) -> Schedule:
    """A smooth decay: step_size * factor**epochs, between epochs too."""
    return lambda step: step_size * factor ** (step / steps_per_epoch)


def cosine(step_size: float, *, steps: int) -> Schedule:
    """Half a cosine: from step_size to 0, which comes after the last step (Loshchilov and Hutter 2017)."""
    return lambda step: step_size * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def linear(step_size: float, *, steps: int) -> Schedule:
    """A straight line: from step_size to 0, which comes after the last step."""
    return lambda step: step_size * (1 - min(1.0, step / steps))


def with_warmup(schedule: Schedule, steps: int) -> Schedule:
    """Start gently: the first `steps` steps take 1/steps, 2/steps, ... of what `schedule` says."""
    return lambda step: schedule(step) * min(1.0, (step + 1) / steps) if steps else schedule(step)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "linear": linear,
}
