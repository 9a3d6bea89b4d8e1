"""Time each kernel with a thousand classes, beside matrix products alone."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from epochs import Spread, in_turn
from ours import epochs, kernels, plan_of
from results import Ratio, fenced, paragraph
from threadpoolctl import threadpool_limits

from imgclf.arrays import FloatArray
from imgclf.cli.console import table
from imgclf.machine.cores import available_cores
from imgclf.speed.threads import workers
from imgclf.training.evaluation import evaluate

N, D, C = 64_000, 768, 1_000
BATCHES = (256, 1024, 4096)
BOTH, ONE, EVALUATION = "both products", "one product", "evaluation"
ROUNDS = 3
OVER_PRODUCTS = 1.35


def measure_classes() -> tuple[str, list[Ratio]]:
    """Time all with batches of each size, in turn, and describe their ratios."""
    rng = np.random.default_rng(0)
    # Plans are made and workers begin and end in the order of a stack.
    with TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "features.npz"
        np.savez(file, X=rng.standard_normal((N, D), dtype=np.float32), y=np.arange(N) % C)
        plan = plan_of(file)
        sum_blocks = stack.enter_context(workers(available_cores()))
        ways: dict[tuple[int, str], Callable[[], object]] = {}
        for batch in BATCHES:
            for kernel in kernels():
                own = epochs(stack, plan.train, Path(folder), f"train={{kernel: {kernel}, batch_size: {batch}}}")
                (ways[batch, kernel],) = own.values()
            ways[batch, BOTH] = partial(products, plan.train.images, batch, both=True)
        ways[batch, ONE] = partial(products, plan.train.images, batch, both=False)
        ways[batch, EVALUATION] = lambda: evaluate(plan.model(plan.weights), plan.train, sum_blocks)
        times = in_turn(ways, "a thousand classes", ROUNDS)
    return describe(times), ratios(times)


def products(X: FloatArray, size: int, *, both: bool) -> None:
    """Multiply each batch of X by W, and its transpose by dscores, on as many threads as BLAS takes."""
    rng = np.random.default_rng(0)
    W, dscores = rng.standard_normal((D, C), dtype=np.float32), rng.standard_normal((size, C), dtype=np.float32)
    scores, dW = np.empty_like(dscores), np.empty_like(W)
    with threadpool_limits(available_cores(), user_api="blas"):
        for start in range(0, len(X), size):
            batch = X[start : start + size]
            np.matmul(batch, W, out=scores[: len(batch)])
            if both:
                np.matmul(batch.T, dscores[: len(batch)], out=dW)


def ratios(times: dict[tuple[int, str], Spread]) -> list[Ratio]:
    """Compare each kernel with the products."""
    return [
        Ratio(
            f"{C:,} classes, batches of {batch:,}, over both products",
            {kernel: times[batch, kernel].median / times[batch, BOTH].median for kernel in kernels()},
            OVER_PRODUCTS,
            ("blocks",),
        )
        for batch in BATCHES
    ]


def describe(times: dict[tuple[int, str], Spread]) -> str:
    """Return the table of seconds and ratios."""
    rows = [
        [
            name if name in (BOTH, ONE, EVALUATION) else f"an epoch, {name}",
            f"{batch:,}",
            *(f"{seconds:.3f} s" for seconds in spread),
            f"{spread.median / times[batch, ONE if name in (ONE, EVALUATION) else BOTH].median:.2f}",
        ]
        for (batch, name), spread in times.items()
    ]
    return (
        "## 7. A thousand classes\n\n"
        + paragraph(
            f"{N:,} feature vectors of {D} numbers, {C:,} classes, softmax, momentum, float32; medians of {ROUNDS}"
            " rounds in turn. An epoch of training beside its two matrix products, X @ W and X.T @ dscores for the same"
            " batches in order and with nothing between, on as many threads of BLAS as there are cores; an evaluation"
            " beside the first of them."
        )
        + fenced(*table(["", "batch", "median", "least", "most", "over products"], rows))
    )
