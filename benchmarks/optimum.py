"""Time to the optimum: imgclf with its config for CIFAR-10, and scikit-learn's L-BFGS."""

import time
import warnings
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest import mock

from images import Images
from ours import plan_of, train
from results import fenced, paragraph, progress
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, _logistic

from imgclf.arrays import FloatArray, IntArray
from imgclf.cli.console import table
from imgclf.config import resolve

CONFIG = resolve((Path(__file__).parents[1] / "configs" / "cifar10_softmax.yaml",)).config
EPOCHS, BATCH, L2 = CONFIG.train.epochs, CONFIG.train.batch_size, CONFIG.regularization.l2
NEAR = 1e-3  # what counts as at the optimum: 0.1 % above it
ROUNDS = 3
TOLERANCE, ITERATIONS = 1e-5, 250


class Seen(NamedTuple):
    """An iteration of L-BFGS: when it ended, and the objective it had reached."""

    seconds: float
    objective: float


def settings() -> list[str]:
    """Return the objective and the schedule as overrides of imgclf's config."""
    return [
        f"regularization.l2={L2}",
        f"train.epochs={EPOCHS}",
        f"train.batch_size={BATCH}",
        f"schedule.step_size={CONFIG.schedule.step_size}",
    ]


def measure_optimum(images: Images) -> tuple[str, float]:
    """Train with both; return the description and the lowest objective."""
    with TemporaryDirectory() as folder:
        plan = plan_of(images.save(Path(folder, "images.npz")), *settings())
        times, objective = [], 0.0
        for number in range(ROUNDS):
            progress(f"optimum: imgclf, run {number + 1} of {ROUNDS}")
            seconds, finished = train(plan.train, Path(folder, f"run-{number}"), *settings())
            times.append(seconds)
            objective = finished.train.objective
        progress("optimum: LogisticRegression, about a minute")
        seen = lbfgs(plan.preprocess.apply(images.pixels), images.y)
    optimum = min(one.objective for one in seen)
    return describe(sorted(times), objective, seen, optimum), optimum


def lbfgs(X: FloatArray, y: IntArray) -> list[Seen]:
    """Fit LogisticRegression to convergence, recording each iteration: X (N, D), y (N,).

    Its objective is ours: C = 1 / (l2 N), and b is free. A run that had been told to stop at one of the iterations
    would have taken as long as this one had by then.
    """
    seen: list[Seen] = []
    minimize = _logistic.optimize.minimize

    def watched(*arguments: Any, **options: Any) -> Any:
        def look(intermediate_result: Any) -> None:
            seen.append(Seen(time.perf_counter() - began, float(intermediate_result.fun)))

        return minimize(*arguments, **{**options, "callback": look})

    model = LogisticRegression(C=1 / (L2 * len(y)), tol=TOLERANCE, max_iter=ITERATIONS)
    with mock.patch.object(_logistic.optimize, "minimize", watched), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began = time.perf_counter()
        model.fit(X, y)
    return seen


def describe(times: list[float], objective: float, seen: list[Seen], optimum: float) -> str:
    """Compare the times to the same objective."""
    ours, most = median(times), (1 + NEAR) * optimum
    near = next(one for one in seen if one.objective <= most)
    last = seen[-1]
    same = next((one for one in seen if one.objective <= objective), last)

    def row(name: str, seconds: float, spread: str, reached: float) -> list[str]:
        above = f"{reached / optimum - 1:.3%}"
        return [name, f"{seconds:.2f} s", spread, f"{reached:.5f}", above, f"{ours / seconds:.3f}"]

    rows = [
        row(f"imgclf, {EPOCHS} epochs", ours, f"{times[0]:.2f} .. {times[-1]:.2f} s", objective),
        row("LogisticRegression, until imgclf's objective", same.seconds, "-", same.objective),
        row(f"LogisticRegression, until {NEAR:.1%} above the optimum", near.seconds, "-", near.objective),
        row(
            f"LogisticRegression, until its optimum ({len(seen)} iterations)", seen[-1].seconds, "-", seen[-1].objective
        ),
    ]
    reached = "It is" if objective <= most else "It is NOT"
    return (
        "## 2. To the optimum\n\n"
        + paragraph(
            f"The objective of configs/cifar10_softmax.yaml, l2 {L2:g}, over all images; imgclf with its default"
            f" kernel, its schedule, its batches of {BATCH:,} and its full pass at the end, the median of {ROUNDS};"
            f" L-BFGS once, on the numbers preprocessed before in float32, all cores, tol {TOLERANCE:g}, timed at each"
            " of its iterations."
        )
        + fenced(*table(["", "time", "least .. most", "objective", "above optimum", "imgclf over it"], rows))
        + paragraph(f"{reached} within {NEAR:.1%} of the optimum after {EPOCHS} epochs.")
    )
