"""Time an epoch and an evaluation with a thousand classes beside the matrix products alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from epochs import Spread, in_turn
from ours import plan_of
from results import cores, fenced, paragraph
from threadpoolctl import threadpool_limits

from imgclf.cli.console import table
from imgclf.numerics.sums import Summation
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch, first_snapshot, train
from imgclf.training.evaluation import evaluate
from imgclf.training.plan import Plan

N, D, C = 32_768, 768, 1_000
BATCHES = (256, 1024, 4096)
ROUNDS = 5


def measure_classes() -> str:
    """Time all four with batches of each size, in turn, and describe their ratios."""
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder, workers(cores()) as sum_blocks:
        file = Path(folder) / "features.npz"
        np.savez(file, X=rng.standard_normal((N, D), dtype=np.float32), y=np.arange(N) % C)
        plans = {batch: plan_of(file, f"train={{batch_size: {batch}, epochs: 1000}}") for batch in BATCHES}
        ways = {(batch, name): way for batch, plan in plans.items() for name, way in _ways(plan, sum_blocks).items()}
        return describe(in_turn(ways, "a thousand classes", ROUNDS))


def _ways(plan: Plan, sum_blocks: Summation) -> dict[str, Callable[[], object]]:
    """Return a function for each measured thing, by its name."""
    events = train(plan, sum_blocks, first_snapshot(plan))
    return {
        "epoch": lambda: next(event for event in events if isinstance(event, Epoch)),
        "both products": partial(_products, plan, both=True),
        "evaluation": lambda: evaluate(plan.model(plan.weights), plan.train, sum_blocks),
        "one product": partial(_products, plan, both=False),
    }


def _products(plan: Plan, both: bool) -> None:
    """Multiply each batch of X by W, and its transpose by dscores, on as many threads as BLAS takes."""
    X, size = plan.train.images, plan.batch_size
    rng = np.random.default_rng(0)
    W, dscores = rng.standard_normal((D, C), dtype=np.float32), rng.standard_normal((size, C), dtype=np.float32)
    scores, dW = np.empty_like(dscores), np.empty_like(W)
    with threadpool_limits(cores(), user_api="blas"):
        for start in range(0, len(X), size):
            np.matmul(X[start : start + size], W, out=scores)
            if both:
                np.matmul(X[start : start + size].T, dscores, out=dW)


def describe(times: dict[tuple[int, str], Spread]) -> str:
    """Return the table of medians and ratios."""
    rows = []
    for batch in BATCHES:
        epoch, both, evaluation, one = (
            times[batch, name].median for name in ("epoch", "both products", "evaluation", "one product")
        )
        seconds = [f"{value:.3f} s" for value in (epoch, both)] + [f"{epoch / both:.2f}"]
        rows.append([f"{batch:,}", *seconds, f"{evaluation:.3f} s", f"{one:.3f} s", f"{evaluation / one:.2f}"])
    return (
        "## 6. A thousand classes\n\n"
        + paragraph(
            f"{N:,} feature vectors of {D} numbers, {C:,} classes, softmax, momentum, float32; medians of {ROUNDS}"
            " rounds in turn. An epoch of training beside its two matrix products, X @ W and X.T @ dscores for the same"
            " batches in order and with nothing between, on as many threads of BLAS; an evaluation beside the first of"
            " them."
        )
        + fenced(*table(["batch", "epoch", "products", "ratio", "evaluation", "product", "ratio"], rows))
    )
