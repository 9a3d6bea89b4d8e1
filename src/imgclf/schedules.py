"""Step-size schedules: functions of the step number, from 0."""

import math
from collections.abc import Callable
from typing import TypeAlias

Schedule: TypeAlias = Callable[[int], float]


def constant(step_size: float) -> Schedule:
    """The same length for ever."""
    return lambda step: step_size


def step(step_size: float, every: int, factor: float) -> Schedule:
    """Stairs: step_size * factor**(step // every); `every` is in steps."""
    return lambda step: step_size * factor ** (step // every)


def exponential(step_size: float, every: int, factor: float) -> Schedule:
    """A smooth decay by `factor` over `every` steps: step_size * factor**(step / every)."""
    return lambda step: step_size * factor ** (step / every)


def cosine(step_size: float, steps: int) -> Schedule:
    """Half a cosine, from step_size at step 0 to 0 at the last of `steps` (Loshchilov and Hutter 2017)."""
    return lambda step: step_size * (1 + math.cos(math.pi * _progress(step, steps))) / 2


def linear(step_size: float, steps: int) -> Schedule:
    """A straight line from step_size at step 0 to 0 at the last of `steps`."""
    return lambda step: step_size * (1 - _progress(step, steps))


def with_warmup(schedule: Schedule, steps: int) -> Schedule:
    """Start gently: the first `steps` steps take 1/steps, 2/steps, ... of what `schedule` says."""
    return lambda step: schedule(step) * min(1.0, (step + 1) / steps) if steps else schedule(step)


def _progress(step: int, steps: int) -> float:
    """Return 0 at step 0 and 1 from the last step on; a run of one step takes it whole."""
    return min(1.0, step / max(1, steps - 1))


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "linear": linear,
}
