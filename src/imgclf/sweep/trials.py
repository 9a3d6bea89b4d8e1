"""Trials of a sweep: which values are tried, in which runs."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from imgclf.config import Config
from imgclf.config.resolve import with_values
from imgclf.config.schema import MOST_RUNS, Sweep
from imgclf.errors import UsageError
from imgclf.numerics.random_streams import SWEEP, stream, uniform

DIGITS = 3  # of a drawn number: it is read, typed again and compared


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    name       that of its directory
    candidate  the number of its values, from 0; runs that differ only in seed or fold share it
    values     of the swept keys
    config     that of its run
    """

    name: str
    candidate: int
    values: dict[str, Any]
    config: Config


def sweep_of(config: Config) -> Sweep:
    """Return the sweep of a config; raises UsageError if it describes none."""
    if config.sweep is None or not config.sweep.params:
        remedy = "such as -s 'sweep.params.schedule.step_size={log_uniform: [0.01, 1]}', or see --preset"
        raise UsageError(
            "sweep.params", "the config does not say what to search", f"name keys and their values, {remedy}"
        )
    return config.sweep


def trials(config: Config) -> list[Trial]:
    """Return the runs of a config's sweep, a pure function of the config; raises ConfigError for impossible ones."""
    sweep = sweep_of(config)
    base = config.model_copy(update={"sweep": None})
    if sweep.method == "halving" and "train.epochs" in sweep.params:
        raise UsageError("sweep.params.train.epochs", "halving decides on the epochs", "set train.epochs, or use grid")
    found = grid(sweep) if takes_all(sweep) else drawn(sweep, config.seed)
    repeats = [
        {"seed": config.seed + i} | ({"data.folds": sweep.folds, "data.fold": fold} if sweep.folds > 1 else {})
        for i in range(sweep.seeds)
        for fold in range(1, sweep.folds + 1)
    ]
    if len(found) * len(repeats) > MOST_RUNS:
        problem = f"{len(found) * len(repeats):,} runs, more than {MOST_RUNS:,}"
        raise UsageError("sweep.params", problem, "list fewer values, or draw some of them: sweep.method: random")
    tried = [
        (candidate, values, with_values(base, values | repeat))
        for candidate, values in enumerate(found)
        for repeat in repeats
    ]
    width = max(3, len(str(len(tried))))
    return [Trial(f"{number:0{width}}", *one) for number, one in enumerate(tried, 1)]


def listed(given: Any) -> list[Any] | None:
    """Return the values that a key's range lists; None for a range of numbers."""
    return given if isinstance(given, list) else given.get("choice")


def takes_all(sweep: Sweep) -> bool:
    """Whether all combinations of values are tried: by grid, or of lists, where drawing would try no more of them."""
    columns = [listed(given) for given in sweep.params.values()]
    if sweep.method == "grid" or None in columns:
        return sweep.method == "grid"
    return sweep.method == "halving" or math.prod(len(values or []) for values in columns) <= sweep.runs


def grid(sweep: Sweep) -> list[dict[str, Any]]:
    """Return all combinations of the listed values; the last key changes fastest."""
    columns = [listed(given) or [] for given in sweep.params.values()]
    if math.prod(map(len, columns)) > MOST_RUNS:
        raise UsageError(
            "sweep.params", f"a grid of more than {MOST_RUNS:,} runs", "list fewer values, or set sweep.method: random"
        )
    return [dict(zip(sweep.params, values, strict=True)) for values in itertools.product(*columns)]


def drawn(sweep: Sweep, seed: int) -> list[dict[str, Any]]:
    """Return as many random combinations as `runs`; equal ones are tried once.

    Combination i depends on the seed and on i alone: with more runs, the first ones stay.
    """
    found = []
    for i in range(sweep.runs):
        shares = uniform(stream(seed, SWEEP, i), (len(sweep.params),)).tolist()
        found.append({key: _pick(given, u) for (key, given), u in zip(sweep.params.items(), shares, strict=True)})
    return list({repr(values): values for values in found}.values())


def _pick(given: Any, u: float) -> Any:
    """Return the value of a range for u in [0, 1): low * (high / low)**u for log_uniform."""
    values = listed(given)
    if values is not None:
        return values[int(u * len(values))]
    low, high = given["log_uniform"]
    value = low * (high / low) ** u
    if isinstance(low, int) and isinstance(high, int):
        return min(max(low, round(value)), high)
    return min(max(low, rounded(value)), high)


def rounded(value: float) -> float:
    """Round a number to the digits that a sweep writes."""
    return float(f"{value:.{DIGITS}g}")
