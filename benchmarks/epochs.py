"""Time an epoch of each program, in turn and in rounds, so that load on the machine affects all."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import sklearn
from contenders import BATCH, L2, contenders
from images import Images
from results import fenced, paragraph, progress
from threadpoolctl import threadpool_limits

from imgclf.cli.console import table

ROUNDS = 7

Key = TypeVar("Key")


class Spread(NamedTuple):
    """Seconds of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Spread":
        """Summarize the rounds."""
        return cls(median(seconds), min(seconds), max(seconds))


def measure_epochs(images: Images) -> str:
    """Time everyone's epoch, in every way, and describe the fastest way of each."""
    # BLAS on one thread: so imgclf wants it, so the floor has it; PyTorch brings its own, which this does not touch.
    with (
        TemporaryDirectory() as folder,
        threadpool_limits(limits=1, user_api="blas"),
        sklearn.config_context(assume_finite=True),
        ExitStack() as stack,
    ):
        everyone = contenders(images, Path(folder), stack)
        ways = {(one.name, name): way for one in everyone for name, way in one.ways.items()}
        times = in_turn(ways, "epochs", ROUNDS)
    best = {one.name: min(one.ways, key=lambda way: times[one.name, way].median) for one in everyone}
    return describe(best, {name: times[name, way] for name, way in best.items()})


def in_turn(ways: Mapping[Key, Callable[[], object]], what: str, rounds: int) -> dict[Key, Spread]:
    """Time each way once a round, after a round that does not count."""
    times: dict[Key, list[float]] = {key: [] for key in ways}
    for number in range(rounds + 1):
        progress(f"{what}: round {number} of {rounds}" if number else f"{what}: warm-up")
        for key, way in ways.items():
            began = time.perf_counter()
            way()
            times[key].append(time.perf_counter() - began)
    return {key: Spread.of(found[1:]) for key, found in times.items()}


def describe(best: dict[str, str], times: dict[str, Spread]) -> str:
    """Return the table and the ratios."""
    ours, *loops, loader, classifier, floor, reading = times
    rows = [
        [
            f"{name} ({best[name]})",
            *(f"{seconds:.3f} s" for seconds in spread),
            f"{times[ours].median / spread.median:.2f}",
        ]
        for name, spread in times.items()
    ]
    others = {
        "PyTorch's fastest loop in memory": min(loops, key=lambda name: times[name].median),
        "its DataLoader": loader,
        "SGDClassifier": classifier,
        "the floor": floor,
        "reading the pixels": reading,
    }
    ratios = [f"{times[ours].median / times[name].median:.2f} over {text}" for text, name in others.items()]
    return (
        "## 1. An epoch\n\n"
        + paragraph(
            f"Softmax, momentum, batches of {BATCH}, l2 {L2:g}, float32, a new order every epoch, images in memory;"
            f" {ROUNDS} rounds in turn after a warm-up. Everyone was tried in several ways (threads, workers, with and"
            " without autograd); shown is the fastest of each. SGDClassifier learns one-vs-all, image by image. The"
            " floor is what imgclf cannot avoid: to make the pixels numbers, X @ W and X.T @ dscores, in the order of"
            " the images and with nothing between."
        )
        + fenced(*table(["an epoch of", "median", "least", "most", "imgclf over it"], rows))
        + paragraph(f"Time of imgclf: {', '.join(ratios)}.")
    )
