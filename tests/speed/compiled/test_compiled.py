"""Compiled loops, for all that they treat apart; tests/speed/test_kernels.py holds every kernel to the book."""

import ast
import inspect
import os
import threading

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.errors import DataError
from imgclf.files import npy
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES, softmax, svm
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed.compiled import block_rows, compiled, loops, sharing
from imgclf.speed.compiled.starting import loops_for
from imgclf.speed.threads import workers
from imgclf.training.class_weights import weighted

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
N = 2 * BLOCK + 7
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def batch_of(values, dtype, size, **chosen):
    data = Dataset.of(values, np.arange(len(values)) % 3, ("a", "b", "c"))
    settings = {"scale": 255 if values.dtype == np.uint8 else 1, "center": "pixel", "std": "none"} | chosen
    return Batch(RNG.permutation(len(values))[:size], Reader(fit_preprocess(data, dtype=dtype, **settings), data))


def assert_by_the_book(objective, batch, weights):
    seen, expected = compiled(serial_sum)(objective, batch, weights), analytic_gradient(objective, batch, weights)
    tolerance = TOLERANCE[weights.dtype.name]
    np.testing.assert_allclose(seen.grad, expected.grad, rtol=0, atol=tolerance * np.abs(expected.grad).max())
    assert seen.loss == pytest.approx(expected.loss, rel=tolerance)
    assert seen.correct == expected.correct
    assert (seen.grad.dtype, seen.grad.strides) == (weights.dtype, weights.strides)


@pytest.mark.parametrize("kind", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("chosen", [{}, {"std": "pixel"}, {"center": "none"}, {"norm": "l2"}], ids=str)
def test_rows_of_every_type_are_preprocessed_as_by_the_book(kind, dtype, chosen):
    values = RNG.integers(0, 256, (N, 3, 3, 3), dtype=np.uint8) if kind == "uint8" else RNG.normal(size=(N, 27))
    batch = batch_of(values.astype(kind), dtype, N, **chosen)
    assert_by_the_book(Objective(softmax, 0.1, 0.2), batch, np.asfortranarray(RNG.normal(size=(28, 3)).astype(dtype)))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("D", "C"), [(1, 2), (15, 3), (16, 10), (1100, 31)])
@pytest.mark.parametrize("size", [1, 2, 33, N])
def test_every_shape_fits_the_loops(loss, D, C, size):
    batch = Batch.of(RNG.normal(size=(size, D)), RNG.integers(0, C, size))
    assert_by_the_book(Objective(LOSSES[loss], 0.1), batch, RNG.normal(size=(D + 1, C)) / D)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.69, 0.71, 1.0])
@pytest.mark.parametrize("size", [5, 32, N])
def test_dscores_that_are_0_may_be_left_out(share, size):
    def some(scores, y):
        dscores = np.where(RNG.random(scores.shape) < share, scores, 0)
        seen.append(dscores)
        return scores[:, 0], dscores

    X, y, weights, seen = RNG.normal(size=(size, 20)), np.zeros(size, int), RNG.normal(size=(21, 4)), []
    grad = compiled(serial_sum)(Objective(some), Batch.of(X, y), weights).grad
    expected = np.hstack([X, np.ones((size, 1))]).T @ np.concatenate(seen) / size
    np.testing.assert_allclose(grad, expected, rtol=0, atol=1e-14)


def test_a_loss_that_has_no_loop_is_called():
    def doubled(scores, y):
        losses, dscores = softmax(scores, y)
        return 2 * losses, 2 * dscores

    assert_by_the_book(
        Objective(doubled, 0.1), batch_of(RNG.normal(size=(N, 9)), "float64", N), RNG.normal(size=(10, 3))
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("class_weights", [None, np.array([0.1, 0.7, 3.3])])
def test_around_a_loss_that_is_called_the_scores_and_the_gradient_have_the_same_bits(dtype, class_weights):
    batch, weights = batch_of(RNG.normal(size=(N, 700)), dtype, N), RNG.normal(size=(701, 3)).astype(dtype)
    ours, called = (
        compiled(serial_sum)(Objective(weighted(loss_fn, class_weights)), batch, weights)
        for loss_fn in (svm, lambda s, y: svm(s, y))
    )
    assert ours.grad.tobytes() == called.grad.tobytes()  # its dscores are whole numbers
    assert ours.correct == called.correct


def test_a_gradient_is_not_used_again():
    batch, weights = batch_of(RNG.normal(size=(N, 9)), "float64", N), RNG.normal(size=(10, 3))
    evaluate_gradient = compiled(serial_sum)
    first = evaluate_gradient(Objective(softmax), batch, weights).grad
    kept = first.copy()
    second = evaluate_gradient(Objective(softmax), batch, weights).grad
    assert not np.shares_memory(first, second)
    assert first.tobytes() == second.tobytes() == kept.tobytes()


def test_every_thread_has_arrays_of_its_own():
    met = threading.Barrier(2, timeout=60)

    def waits(scores, y):
        met.wait()  # both threads have read their images by now
        return softmax(scores, y)

    N = 2 * block_rows(1)
    batch, weights = batch_of(RNG.normal(size=(N, 9)), "float64", N), RNG.normal(size=(10, 3))
    with workers(2) as sum_blocks:
        seen = compiled(sum_blocks)(Objective(waits), batch, weights)
    expected = analytic_gradient(Objective(softmax), batch, weights)
    np.testing.assert_allclose(seen.grad, expected.grad, rtol=0, atol=1e-12)


def test_rows_of_a_large_mapped_file_are_read(tmp_path, monkeypatch):
    values, rows, weights = RNG.normal(size=(N, 9)).astype(np.float32), RNG.permutation(N), np.ones((10, 3), np.float32)
    np.save(tmp_path / "x.npy", values)
    monkeypatch.setattr(npy, "LARGEST_TOUCHED", 0)
    one, other = (
        compiled(serial_sum)(Objective(svm), Batch(rows, batch_of(some, "float32", N).read), weights)
        for some in (values, npy.map_npy(tmp_path / "x.npy", ""))
    )
    assert one.grad.tobytes() == other.grad.tobytes()


def test_numbers_that_are_not_finite_are_gone_with_their_batch():
    weights = np.zeros((10, 3), np.float32)
    for loss in LOSSES.values():
        evaluate, batch = compiled(serial_sum), Batch.of(RNG.normal(size=(4, 9)).astype(np.float32), np.arange(4) % 3)
        alone = compiled(serial_sum)(Objective(loss), batch, weights)
        evaluate(Objective(loss), Batch.of(np.full((32, 9), np.nan, np.float32), np.arange(32) % 3), weights)
        assert evaluate(Objective(loss), batch, weights).grad.tobytes() == alone.grad.tobytes()


@pytest.mark.parametrize("kernel", [analytic_gradient, compiled(serial_sum)])
@pytest.mark.parametrize("y", [3, 5, 10**7])
def test_a_class_that_is_not_there_is_an_error(kernel, y):
    with pytest.raises(IndexError):
        kernel(Objective(softmax), Batch.of(RNG.normal(size=(5, 9)), np.array([0, 1, y, 2, 0])), np.ones((10, 3)))


@pytest.mark.parametrize("kernel", [analytic_gradient, compiled(serial_sum)])
@pytest.mark.parametrize("batch", [Batch.of(RNG.normal(size=(5, 9)), np.zeros(5, int)),
                                   batch_of(RNG.normal(size=(5, 9)), "float64", 5)], ids=["X", "data"])  # fmt: skip
@pytest.mark.parametrize("D", [8, 10])
def test_weights_for_examples_of_another_size_are_an_error(kernel, batch, D):
    with pytest.raises(ValueError, match="9"):
        kernel(Objective(softmax), batch, np.ones((D + 1, 3)))


def test_one_machine_code_reads_images_in_memory_and_in_files(tmp_path):
    """For other images it would be compiled in the first step, which takes seconds."""
    np.save(tmp_path / "x.npy", RNG.integers(0, 256, (N, 3, 3, 1), dtype=np.uint8))
    weights = np.ones((10, 3), np.float32)
    loops_for(np.dtype(np.uint8), weights.dtype)
    ready = [len(function.signatures) for function in (loops.block, sharing.take_turns)]
    for values in (np.load(tmp_path / "x.npy"), npy.map_npy(tmp_path / "x.npy", "")):
        compiled(serial_sum)(Objective(svm), batch_of(values, "float32", N), weights)
        assert [len(function.signatures) for function in (loops.block, sharing.take_turns)] == ready


def test_machine_code_allocates_no_memory():
    called = {
        node.func.attr
        for module in (loops, sharing)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "np"
    }
    assert called == {"float64"}


def test_a_batch_has_some_blocks_which_are_not_too_small():
    assert [block_rows(N) for N in (1, 128, 255, 256, 512, 100_000)] == [32, 32, 32, 64, 128, 128]


def test_numbers_that_are_not_finite_are_seen():
    batch, weights = batch_of(RNG.normal(size=(N, 9)), "float32", N), np.full((10, 3), 3e38, np.float32)
    for loss in LOSSES.values():
        assert not np.isfinite(compiled(serial_sum)(Objective(loss), batch, weights).loss)


def test_a_file_that_became_shorter_is_an_error_and_no_bus_error(tmp_path):
    np.save(tmp_path / "x.npy", RNG.normal(size=(N, 90)).astype(np.float32))
    mapped = npy.map_npy(tmp_path / "x.npy", "")
    batch = batch_of(mapped, "float32", N)
    assert npy.in_place(mapped)
    os.truncate(tmp_path / "x.npy", 1000)
    with pytest.raises(DataError, match="shorter"):
        compiled(serial_sum)(Objective(svm), batch, np.ones((91, 3), np.float32))
