"""Run imgclf in the benchmarks: make a plan, start a run, train an epoch."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from imgclf.config import resolve
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch, Event, Finished
from imgclf.training.plan import Plan, make_plan


def plan_of(file: Path, *settings: str) -> Plan:
    """Load an .npz file for training on all of it; settings are overrides of the config."""
    source = ["data.source=npz", f"data.path={json.dumps(str(file))}", "data.val_fraction=0.0"]
    return make_plan(resolve(overrides=[*source, *settings]).config)


@contextmanager
def epochs(plan: Plan, directory: Path, threads: int) -> Iterator[Callable[[], Epoch]]:
    """Start a run; return a function that trains one more epoch at each call."""
    with _events(plan, directory, threads) as events:
        yield lambda: next(event for event in events if isinstance(event, Epoch))


def train(plan: Plan, directory: Path, threads: int) -> Finished:
    """Train a whole run: all epochs, and the evaluation at the end."""
    with _events(plan, directory, threads) as events:
        return next(event for event in events if isinstance(event, Finished))


@contextmanager
def _events(plan: Plan, directory: Path, threads: int) -> Iterator[Iterator[Event]]:
    directory.mkdir(parents=True)
    with workers(threads) as blocks, closing(run(plan, directory, blocks)) as events:
        yield events
