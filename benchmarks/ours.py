"""Run imgclf in the benchmarks: kernels, plans, runs, epochs."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp

from results import progress

from imgclf.config import resolve
from imgclf.data.dataset import Dataset
from imgclf.errors import UsageError
from imgclf.run.session import Planned, SessionEvent, session
from imgclf.run.targets import NewRun
from imgclf.speed.kernels import KERNELS
from imgclf.training.epochs import Epoch, Finished
from imgclf.training.plan import Plan, make_kernel, make_plan

Ways = dict[int, Callable[[], object]]  # by the number of threads


@cache
def kernels() -> tuple[str, ...]:
    """Return the names of all kernels but those whose extra is missing, which are named."""
    return tuple(filter(_is_there, KERNELS))


def _is_there(kernel: str) -> bool:
    try:
        make_kernel(resolve(overrides=[f"train.kernel={kernel}"]).config)
    except UsageError as error:
        progress(f"passed over: {error}")
        return False
    return True


def plan_of(file: Path, *settings: str) -> Plan:
    """Load an .npz file for training on all of it; settings are overrides of the config."""
    source = ["data.source=npz", f"data.path={json.dumps(str(file))}", "data.val_fraction=0.0"]
    return make_plan(resolve(overrides=[*source, *settings]).config)


def epochs(stack: ExitStack, train: Dataset, folder: Path, *settings: str, also: tuple[int, ...] = ()) -> Ways:
    """Start runs; return functions that train one more epoch at each call, by the number of threads.

    The first number is the one that `imgclf train` takes here; `also` names others. `stack` ends the runs.
    """
    ways: Ways = {}
    for asked in (None, *also):
        if asked not in ways:
            directory = Path(mkdtemp(dir=folder))
            threads, events = stack.enter_context(_run(train, directory, [*settings, "train.epochs=1000000"], asked))
            ways[threads] = partial(_epoch, events)
    return ways


def train(examples: Dataset, directory: Path, *settings: str) -> tuple[float, Finished]:
    """Train a whole run: all epochs, and the evaluation at the end; return its seconds, once it was planned, too."""
    with _run(examples, directory, settings, None) as (_, events):
        began = time.perf_counter()
        finished = next(event for event in events if isinstance(event, Finished))
        return time.perf_counter() - began, finished


def _epoch(events: Iterator[SessionEvent]) -> Epoch:
    return next(event for event in events if isinstance(event, Epoch))


@contextmanager
def _run(
    train: Dataset, directory: Path, settings: Sequence[str], threads: int | None
) -> Iterator[tuple[int, Iterator[SessionEvent]]]:
    """Plan a run as `imgclf train` does; provide its number of threads and the events that follow."""
    config = resolve(overrides=["data.source=npz", *settings]).config
    with closing(session(NewRun(config, directory), threads, plots=False, load=lambda _: (train, None))) as events:
        planned = next(events)
        assert isinstance(planned, Planned)
        yield planned.threads, events
