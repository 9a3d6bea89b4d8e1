"""Advice after a sweep: ends of ranges, the next sweep."""

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from imgclf.config import Config, ConfigError
from imgclf.config.resolve import with_values
from imgclf.sweep.results import Candidate, indistinguishable
from imgclf.sweep.trials import listed, rounded

BORDER = 0.1  # of a range's logarithm: as near its end, a drawn value is on the border

MANY = 6  # candidates

STEP_SIZE, EPOCHS = "schedule.step_size", "train.epochs"  # they say how far a run goes


class Border(NamedTuple):
    """A best value on the border of its range, which ends at `end`.

    side     largest or smallest
    wider    the range that goes on beyond the border; None where that would be of no use
    as_good  a value off this border, inside if there is one, that cannot be told from the best; None if there is none
    """

    key: str
    value: Any
    end: Any
    side: str
    wider: Any
    as_good: Any


def advise(config: Config, finished: Sequence[Candidate]) -> tuple[list[Border], dict[str, Any]]:
    """Return the best values that lie on a border of their range, and the ranges of the next sweep, by key.

    finished   the best first

    Where a value off that border is as good, within the interval of the best, the way beyond it leads nowhere, and the
    range stays: a penalty that hardly counts could be made smaller for ever. Not so a step size: too small, it does not
    arrive, and too large, it jumps; unless many were tried, and all are as good. A range that cannot be widened has no
    border. Where values on both sides of the best are as good, a finer search would be one of chance: the range stays.
    """
    assert config.sweep is not None
    best, equal, found = finished[0].values, finished[: indistinguishable(finished)], []
    params: dict[str, Any] = {**config.sweep.params}
    ranges = dict(params)
    settled = MANY <= len(equal) == len(finished)
    for key, given in params.items():
        following, end, as_good = next_range(config, key, best[key]), end_of(given, best[key]), None
        good = [one.values[key] for one in equal]
        if end is None and following != given and min(good) < best[key] < max(good):
            continue
        if end is not None and following != given:
            others = [value for value in good if (settled or key != STEP_SIZE) and end_of(given, value) != end]
            as_good = min(others, key=lambda value: end_of(given, value) is not None, default=None)  # inside, if any is
            side = "largest" if end == _largest(given) else "smallest"
            found.append(Border(key, best[key], end, side, following if as_good is None else None, as_good))
        if as_good is None:
            ranges[key] = following
    return found, ranges


def go_farther(config: Config, finished: Sequence[Candidate]) -> tuple[list[Border], dict[str, Any]]:
    """Return what `advise` does where the loss of the best still falls: larger steps, or more epochs.

    Runs that have not arrived say nothing of the other keys: their ranges stay. A step size goes beyond its largest
    value where that is as good as the best; otherwise `longer` has more epochs.
    """
    assert config.sweep is not None
    params: dict[str, Any] = config.sweep.params
    best, equal, found, ranges = finished[0].values, finished[: indistinguishable(finished)], [], dict(params)
    for key in (key for key in (STEP_SIZE, EPOCHS) if key in params):
        largest = max(one.values[key] for one in equal)
        end, following = end_of(params[key], largest), next_range(config, key, largest)
        if end is None or end != _largest(params[key]) or following == params[key]:
            continue
        ranges[key] = following
        if end_of(params[key], best[key]) == end:
            found.append(Border(key, best[key], end, "largest", following, None))
        break  # one at a time
    return found, ranges


def longer(config: Config, ranges: dict[str, Any], step_size: float | None = None) -> dict[str, Any]:
    """Return settings of the next sweep that let its runs go farther, where its ranges do not.

    step_size   a better one, if that of the best run is too small
    """
    assert config.sweep is not None
    if ranges != config.sweep.params:
        return {}
    if step_size is not None and STEP_SIZE not in ranges:
        return {STEP_SIZE: rounded(step_size)}
    return {} if EPOCHS in ranges else {EPOCHS: 2 * config.train.epochs}


def _largest(given: Any) -> Any:
    return max(listed(given) or given["log_uniform"])


def end_of(given: Any, value: Any) -> Any:
    """Return the end of a range on which a value lies, or None."""
    values = listed(given)
    if values is None:
        low, high = given["log_uniform"]
        place = math.log(value / low) / math.log(high / low)
        return low if place <= BORDER else high if place >= 1 - BORDER else None
    if len(values) < 2 or not _are_positive(values):
        return None
    return value if value in (min(values), max(values)) else None


def next_range(config: Config, key: str, best: Any) -> Any:
    """Return the range of the next sweep: beyond a border where the best value lies on one, else finer around it.

    Words, flags and numbers that are not above 0 stay as they are, and so does what the config would refuse.
    """
    assert config.sweep is not None
    given: Any = config.sweep.params[key]
    values = listed(given)
    if values is None:
        low, high = given["log_uniform"]
        wider = _next_ends(low, high, best)
        low, high = (end if _is_valid(config, key, end) else old
                     for end, old in zip(wider, given["log_uniform"], strict=True))  # fmt: skip
        return {"log_uniform": [low, high]}
    if not _are_positive(values) or len(values) < 2:
        return given
    found = [value for value in dict.fromkeys(_next_values(sorted(values), best)) if _is_valid(config, key, value)]
    if set(found) <= set(values):
        return given
    return found if isinstance(given, list) else {"choice": found}


def _next_ends(low: float, high: float, best: float) -> tuple[float, float]:
    """Return the ends of a range around the best value: as wide where that lies on the border, else half as wide."""
    ratio = high / low
    on_border = end_of({"log_uniform": [low, high]}, best) is not None
    reach = ratio ** (1 / 2 if on_border else 1 / 4)
    is_whole = isinstance(low, int) and isinstance(high, int)
    lower, upper = best / reach, best * reach
    if not on_border:
        lower, upper = max(lower, low), min(upper, high)
    return _whole(lower, upper) if is_whole else (rounded(lower), rounded(upper))


def _whole(low: float, high: float) -> tuple[int, int]:
    first = max(1, round(low))
    return first, max(first + 1, round(high))


def _next_values(values: list[Any], best: Any) -> Iterator[Any]:
    """Yield values around the best one: two more beyond a border, or one between it and each neighbor."""
    i = values.index(best)
    before, after = values[max(i - 1, 0)], values[min(i + 1, len(values) - 1)]
    if i == 0:
        ratio = after / best
        new = [best / ratio**2, best / ratio, best, after]
    elif i == len(values) - 1:
        ratio = best / before
        new = [before, best, best * ratio, best * ratio**2]
    else:
        new = [math.sqrt(before * best), best, math.sqrt(best * after)]
    whole = all(isinstance(value, int) for value in values)
    for value in new:
        yield value if value in values else max(1, round(value)) if whole else rounded(value)


def _are_positive(values: list[Any]) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) and one > 0 for one in values)


def _is_valid(config: Config, key: str, value: Any) -> bool:
    try:
        with_values(config, {key: value})
    except ConfigError:
        return False
    return True


def next_command(
    config: Config, directory: Path, ranges: dict[str, Any], others: Mapping[str, Any] = MappingProxyType({})
) -> str | None:
    """Return the command of the next sweep: these ranges and other settings; None if nothing changes."""
    assert config.sweep is not None
    changed = [(key, found) for key, found in ranges.items() if found != config.sweep.params[key]]
    options = [word for key, found in changed for word in ("-s", f"sweep.params.{key}={flow(found)}")]
    options += [word for key, value in others.items() for word in ("-s", f"{key}={value}")]
    return shlex.join(["imgclf", "sweep", "-c", str(directory / "config.yaml"), *options]) if options else None


def flow(given: Any) -> str:
    """Return a range as YAML on one line."""
    if isinstance(given, dict):
        ((kind, values),) = given.items()
        return f"{{{kind}: {flow(values)}}}"
    return "[" + ", ".join(json.dumps(value) for value in given) + "]"
