"""Every kernel computes the gradient by the book, of whatever the batch reads, whoever shares the work."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from imgclf.arrays import Batch, Examples
from imgclf.config import resolve
from imgclf.config.schema import Train
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.machine import cores
from imgclf.numerics import products
from imgclf.numerics.products import LARGE_BLOCK
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed.folding import MIN_IMAGES_PER_CLASS
from imgclf.speed.kernels import KERNELS, helpful_threads_of
from imgclf.speed.threads import workers
from imgclf.training.epochs import Finished, first_snapshot, train
from imgclf.training.plan import make_plan

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
N, D, C = 5 * BLOCK + 3, 48, 4
SIZES = [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, MIN_IMAGES_PER_CLASS * C, 3 * BLOCK + 5, N]
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
IMAGES = RNG.integers(0, 256, (N, 4, 4, 3), dtype=np.uint8)
HERE = [name for name in KERNELS if name != "torch"]
ALL = [*HERE, pytest.param("torch", marks=pytest.mark.torch)]
SYNTHETIC = ("data.source=synthetic", "data.options={train: 400, classes: 3, size: 6}")
FEATURES = RNG.normal(size=(N, D)).astype(np.float32)


def batch_of(size, dtype, values=IMAGES):
    data = Dataset.of(values, RNG.integers(0, C, N), tuple("abcd"))
    scale = 255 if values is IMAGES else 1
    read = Reader(fit_preprocess(data, scale=scale, center="pixel", std="none", dtype=dtype), data)
    return Batch(RNG.permutation(N)[:size], read)


def assert_same(seen, expected, tolerance):
    assert np.abs(seen.grad - expected.grad).max() <= tolerance * np.abs(expected.grad).max()
    assert seen.loss == pytest.approx(expected.loss, rel=tolerance)
    assert seen.correct == expected.correct
    assert seen.grad.dtype == expected.grad.dtype


@pytest.mark.parametrize("kernel", ALL)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("values", [IMAGES, FEATURES], ids=["images", "features"])
def test_a_kernel_is_the_gradient_by_the_book_for_every_batch_size(kernel, loss, l2, l1, dtype, values):
    objective = Objective(LOSSES[loss], l2, l1)
    weights = np.asfortranarray(RNG.normal(size=(D + 1, C)).astype(dtype))
    evaluate_gradient = KERNELS[kernel](serial_sum)
    for size in SIZES:
        batch = batch_of(size, dtype, values)
        expected = analytic_gradient(objective, batch, weights)
        assert_same(evaluate_gradient(objective, batch, weights), expected, TOLERANCE[dtype])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_doubling_a_block_changes_no_bit(loss, dtype):
    batch, weights = batch_of(BLOCK, dtype), RNG.normal(size=(D + 1, C)).astype(dtype)
    twice = replace(batch, rows=np.concatenate([batch.rows, batch.rows]))
    one, two = (KERNELS["blocks"](serial_sum)(Objective(LOSSES[loss]), some, weights) for some in (batch, twice))
    assert one.grad.tobytes() == two.grad.tobytes()
    assert one.loss == two.loss


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("size", [1, 700, 4 * LARGE_BLOCK + 3])
@pytest.mark.parametrize("kernel", ALL[1:])
def test_of_many_weights_the_blocks_are_large_and_the_gradient_is_by_the_book(monkeypatch, kernel, loss, dtype, size):
    monkeypatch.setattr(products, "SMALL", 0)
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "PART", 10 * C)  # 10 rows at a time of 48
    assert products.block_of(D, C, size) == (LARGE_BLOCK if size > 700 else BLOCK)
    values, rng = np.tile(FEATURES, (4, 1)), np.random.default_rng(0)
    data = Dataset.of(values, rng.integers(0, C, len(values)), tuple("abcd"))
    read = Reader(fit_preprocess(data, scale=1, center="pixel", std="pixel", dtype=dtype), data)
    batch, weights = Batch(rng.permutation(len(values))[:size], read), rng.normal(size=(D + 1, C)).astype(dtype)
    objective = Objective(LOSSES[loss], 0.1, 0.2)
    alone = KERNELS[kernel](serial_sum)(objective, batch, weights)
    assert_same(alone, analytic_gradient(objective, batch, weights), TOLERANCE[dtype])
    with workers(3) as sum_blocks:
        shared = KERNELS[kernel](sum_blocks)(objective, batch, weights)
    assert shared.grad.tobytes() == alone.grad.tobytes()
    assert shared[:2] == alone[:2]


@pytest.mark.parametrize("kernel", ALL)
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(kernel, threads):
    batch, weights = batch_of(N, "float32"), RNG.normal(size=(D + 1, C)).astype(np.float32)
    objective = Objective(LOSSES["svm"], 0.1)
    alone = KERNELS[kernel](serial_sum)(objective, batch, weights)
    with workers(threads) as sum_blocks:
        shared = KERNELS[kernel](sum_blocks)(objective, batch, weights)
    assert shared.grad.tobytes() == alone.grad.tobytes()
    assert shared[:2] == alone[:2]


def mirrored(batch):
    """The batch whose images are mirrored, left and right."""

    def read(rows):
        X, y = batch.read(rows)
        return Examples(X.reshape(-1, 4, 4, 3)[:, :, ::-1].reshape(X.shape), y)

    return replace(batch, read=read)


@pytest.mark.parametrize("kernel", ALL)
@pytest.mark.parametrize("size", [7, N])
def test_who_replaces_the_reader_of_a_batch_gets_the_gradient_of_what_it_reads(kernel, size):
    batch, weights = batch_of(size, "float64"), RNG.normal(size=(D + 1, C))
    objective = Objective(LOSSES["softmax"], 0.1)
    X, y = batch
    by_hand = Batch.of(np.ascontiguousarray(X.reshape(-1, 4, 4, 3)[:, :, ::-1]).reshape(X.shape), y)
    evaluate_gradient = KERNELS[kernel](serial_sum)
    for given, expected in 2 * [(mirrored(batch), by_hand), (batch, batch)]:  # nothing of one is used for another
        seen = evaluate_gradient(objective, given, weights)
        assert_same(seen, analytic_gradient(objective, expected, weights), 1e-12)


@pytest.mark.parametrize("kernel", ALL[1:])
@pytest.mark.parametrize("size", [150, 300])
def test_training_with_one_kernel_is_training_with_another(kernel, size):
    found = []
    for name in ("plain", kernel):
        options = "data.options={train: 400, classes: 3, size: 6}"
        chosen = [
            options,
            "data.source=synthetic",
            f"train={{epochs: 2, batch_size: {size}, kernel: {name}, dtype: float64}}",
        ]
        plan = make_plan(resolve(overrides=chosen).config)
        *_, last = train(plan, serial_sum, first_snapshot(plan))
        assert isinstance(last, Finished)
        found.append(last.model.weights)
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-9 * np.abs(found[0]).max())
    assert found[1].tobytes() != found[0].tobytes(), "the kernel that was named was not used"


def test_a_config_can_choose_every_kernel_and_no_other():
    assert list(get_args(Train.model_fields["kernel"].annotation)) == list(KERNELS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_only_threads_of_machine_code_are_as_many_as_there_are_cores(monkeypatch, kernel):
    monkeypatch.setattr(cores, "available_cores", lambda: 16)
    assert helpful_threads_of(KERNELS[kernel], 16, 785, 10) == (16 if kernel == "compiled" else 1)
    assert helpful_threads_of(KERNELS[kernel], 2, 3073, 10) == 2
