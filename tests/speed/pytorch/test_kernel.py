"""What PyTorch reads, keeps, adds up and judges is what the book's lines do."""

import json
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.config import resolve
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.errors import StorageError
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.numerics.weighting import Weighted
from imgclf.run.session import train_run
from imgclf.speed.kernels import kernel_named
from imgclf.speed.ranks import on_ranks
from imgclf.speed.threads import workers
from imgclf.training.classifier import Model
from imgclf.training.epochs import first_snapshot, train
from imgclf.training.evaluation import evaluate
from imgclf.training.plan import make_plan
from ranks_in_threads import on_each

pytestmark = [pytest.mark.torch, pytest.mark.bits]

RNG = np.random.default_rng(0)
N, D, C = 3 * BLOCK + 7, 48, 5
Y = RNG.integers(0, C, N)
VALUES = {
    "uint8": RNG.integers(0, 256, (N, 4, 4, 3), dtype=np.uint8),
    **{name: (3 + RNG.normal(size=(N, D))).astype(name) for name in ("float16", "float32", "float64", "longdouble")},
}
WAYS = {
    "as it is": {"center": "none", "std": "none"},
    "centered": {"center": "channel", "std": "none"},
    "standardized": {"center": "pixel", "std": "pixel"},
    "of unit length": {"center": "pixel", "std": "pixel", "norm": "l2"},
}
SMALL = ("data.source=synthetic", "data.options={train: 700, classes: 3, size: 6}", "train.epochs=2")


@pytest.fixture
def kernel():
    return kernel_named("torch", "float32", "cpu")


@pytest.fixture
def room(monkeypatch):
    """Say how many bytes of examples a device may keep."""
    return lambda nbytes: monkeypatch.setattr("imgclf.speed.pytorch.examples.room_on", lambda device: nbytes)


def reader(stored="uint8", dtype="float32", **way):
    data = Dataset.of(VALUES[stored], Y, tuple("abcde"))
    return Reader(fit_preprocess(data, scale=255 if stored == "uint8" else 1, dtype=dtype, **way), data)


def weights_of(dtype="float32", order="C"):
    return np.array(RNG.normal(size=(D + 1, C)), dtype, order=order)


def assert_same(seen, expected, tolerance=1e-5):
    assert np.abs(seen.grad - expected.grad).max() <= tolerance * np.abs(expected.grad).max()
    assert seen.loss == pytest.approx(expected.loss, rel=tolerance)
    assert (seen.correct, seen.grad.dtype) == (expected.correct, expected.grad.dtype)


@pytest.mark.parametrize("nbytes", [0, 1 << 30], ids=["streamed", "kept"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stored", VALUES)
def test_examples_are_preprocessed_as_by_the_book(kernel, room, stored, way, dtype, nbytes):
    room(nbytes)
    read, objective = reader(stored, dtype, **WAYS[way]), Objective(LOSSES["softmax"], 0.1)
    weights = (weights_of(dtype) / 100).astype(dtype)
    for size in (1, N):
        batch = Batch(RNG.permutation(N)[:size], read)
        expected = analytic_gradient(objective, batch, weights)
        rounded = 1e-4 if dtype == "float32" else 1e-6 if "norm" in WAYS[way] else 1e-11  # lengths are in float32
        assert_same(kernel(serial_sum)(objective, batch, weights), expected, rounded)


def test_what_fits_is_sent_once_and_has_the_bytes_of_what_is_streamed(kernel, room, monkeypatch):
    read, objective, sent = reader(**WAYS["standardized"]), Objective(LOSSES["softmax"]), []
    batches = [Batch(np.array(rows), read) for rows in ([3, 1], [1, 4, 1], [3, 4, 1], range(N))]
    weights, pixels = weights_of(), Dataset.pixels
    monkeypatch.setattr(Dataset, "pixels", lambda self, rows: sent.append(len(rows)) or pixels(self, rows))
    room(0)
    streamed = [kernel(serial_sum)(objective, batch, weights) for batch in batches]
    assert sum(sent) == sum(map(len, batches))
    room(VALUES["uint8"].nbytes)
    sent.clear()
    fresh = kernel_named("torch", "float32", "cpu")
    kept = [fresh(serial_sum)(objective, batch, weights) for batch in batches]
    assert sum(sent) == N
    assert [one.grad.tobytes() for one in kept] == [one.grad.tobytes() for one in streamed]
    assert [one[:2] for one in kept] == [one[:2] for one in streamed]


def test_what_is_a_byte_too_large_is_streamed(kernel, room, monkeypatch):
    room(VALUES["uint8"].nbytes - 1)
    read, sent, pixels = reader(**WAYS["centered"]), [], Dataset.pixels
    monkeypatch.setattr(Dataset, "pixels", lambda self, rows: sent.append(len(rows)) or pixels(self, rows))
    for _ in range(2):
        kernel(serial_sum)(Objective(LOSSES["svm"]), Batch(np.arange(N), read), weights_of())
    assert sum(sent) == 2 * N


def test_of_many_data_sets_the_first_is_forgotten_and_no_other_taken_for_it(kernel, room):
    room(1 << 30)
    objective, weights = Objective(LOSSES["softmax"]), weights_of()
    for seed in range(20):
        images = np.random.default_rng(seed).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
        data = Dataset.of(images, Y[:50], tuple("abcde"))
        read = Reader(fit_preprocess(data, scale=255, dtype="float32", **WAYS["centered"]), data)
        batch = Batch(np.arange(50), read)
        assert_same(kernel(serial_sum)(objective, batch, weights), analytic_gradient(objective, batch, weights))
    assert len(kernel._reader._made) <= 8


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("loss", LOSSES)
def test_the_blocks_of_a_card_are_large_and_its_sums_its_own(kernel, loss, order):
    """On the processor's memory, as on a card's."""
    kernel.is_card = True
    assert kernel._rows(768, 1000, 4096) >= 4096
    assert kernel._rows(150_528, 1_000_000, 4096) == BLOCK
    read, weights = reader(**WAYS["standardized"]), weights_of(order=order)
    batch, objective = Batch(RNG.permutation(N), read), Objective(LOSSES[loss], 0.1, 0.2)
    expected = analytic_gradient(objective, batch, weights)
    assert_same(kernel(serial_sum)(objective, batch, weights), expected)
    kernel._rows = lambda *shape: BLOCK // 4
    alone = kernel(serial_sum)(objective, batch, weights)
    assert_same(alone, expected)
    assert alone.grad.strides == weights.strides
    with workers(3) as sum_blocks:
        found = [kernel(sum_blocks)(objective, batch, weights)]
    for ranks in (2, 3):
        found += on_each(ranks, lambda comm: kernel(on_ranks(serial_sum, comm))(objective, batch, weights))[0]
    assert {seen.grad.tobytes() for seen in found} == {alone.grad.tobytes()}
    assert {seen[:2] for seen in found} == {alone[:2]}


def test_a_new_thread_adds_in_the_same_order(kernel):
    """Its PyTorch would multiply on all cores, and add in another order, until it is told."""
    import torch

    torch.set_num_threads(1)  # on this thread alone
    kernel._rows = lambda *shape: BLOCK // 4
    weights = weights_of(order="F")
    objective, batch = Objective(LOSSES["svm"]), Batch(np.arange(N), reader(**WAYS["standardized"]))
    seen = [kernel(serial_sum)(objective, batch, weights)]
    for _ in range(3):
        thread = Thread(target=lambda: seen.append(kernel(serial_sum)(objective, batch, weights)))
        thread.start()
        thread.join()
    assert len({one.grad.tobytes() for one in seen}) == 1


def test_the_penalty_has_the_same_bits_on_a_thread_that_computed_no_block(kernel):
    import torch

    def elsewhere(term, n):
        found = []
        thread = Thread(target=lambda: found.append(serial_sum(term, n)))
        thread.start()
        thread.join()
        return found[0]

    many = 40_000  # weights of which PyTorch adds some on each thread
    data = Dataset.of(RNG.normal(size=(2, many)).astype(np.float32), np.array([0, 1]), ("a", "b"))
    batch = Batch(np.arange(2), Reader(fit_preprocess(data, scale=1, dtype="float32", **WAYS["as it is"]), data))
    objective, weights = Objective(LOSSES["svm"], 0.1), RNG.normal(size=(many + 1, 2)).astype(np.float32)
    torch.set_num_threads(2)
    seen = kernel(elsewhere)(objective, batch, weights)
    assert seen.loss == kernel(serial_sum)(objective, batch, weights).loss


def test_a_loss_that_pytorch_does_not_know_is_called_in_python(kernel):
    called = []

    def doubled(s, y):
        called.append(type(s))
        losses, dscores = LOSSES["softmax"](s, y)
        return 2 * losses, 2 * dscores

    read, weights = reader(**WAYS["centered"]), weights_of()
    batch = Batch(np.arange(N), read)
    for loss_fn in (doubled, Weighted(doubled, np.arange(1.0, C + 1))):
        objective = Objective(loss_fn, 0.1)
        assert_same(kernel(serial_sum)(objective, batch, weights), analytic_gradient(objective, batch, weights))
    assert set(called) == {np.ndarray}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_split_is_judged_as_in_blocks(kernel, loss):
    read, weights = reader(dtype="float64", **WAYS["standardized"]), weights_of("float64")
    weights[:, 3] = weights[:, 1]  # of equal scores the first class comes first
    model = Model(weights, read.preprocess, tuple("abcde"), loss, 0.1, 0.2, np.arange(1.0, C + 1))
    expected, seen = (evaluate(model, read.dataset, serial_sum, how) for how in (None, kernel.judging))
    assert seen.confusion.tolist() == expected.confusion.tolist()
    assert seen.ranks.tolist() == expected.ranks.tolist()
    assert seen.objective == pytest.approx(expected.objective, rel=1e-12)
    with workers(3) as sum_blocks:
        again = evaluate(model, read.dataset, sum_blocks, kernel.judging)
    assert (again.objective, again.confusion.tolist()) == (seen.objective, seen.confusion.tolist())


def run_of(*overrides, threads=1):
    plan = make_plan(resolve(overrides=[*SMALL, *overrides]).config)
    with workers(threads) as sum_blocks:
        *_, last = train(plan, sum_blocks, first_snapshot(plan))
    return last


@pytest.mark.parametrize("chosen", [
    "augment={flip: 0.5, shift: 1}", "train.class_weight=balanced", "preprocess.std=pixel", "preprocess.norm=l2",
    "regularization.l1=0.001", "optimizer.name=adam", "train.batch_size=1",
])  # fmt: skip
def test_training_is_that_of_the_book_whatever_the_config_says(chosen):
    found = [run_of("train.dtype=float64", "data.limit=150", f"train.kernel={name}", chosen)
             for name in ("plain", "torch")]  # fmt: skip
    np.testing.assert_allclose(found[1].model.weights, found[0].model.weights, rtol=0, atol=1e-9)
    for split in ("train", "val"):
        book, by_torch = (getattr(one, split) for one in found)
        assert by_torch.ranks.tolist() == book.ranks.tolist()
        assert by_torch.objective == pytest.approx(book.objective, rel=1e-9)


def test_a_run_has_the_same_bytes_twice_on_any_number_of_threads_and_evaluates_on_the_device(monkeypatch):
    from imgclf.speed.pytorch.kernel import TorchKernel

    judged, judging = [], TorchKernel.judging
    monkeypatch.setattr(TorchKernel, "judging", lambda *given: judged.append(1) or judging(*given))
    found = [run_of("train.kernel=torch", threads=threads) for threads in (1, 1, 2, 3)]
    assert len({one.model.weights.tobytes() for one in found}) == 1
    assert len({json.dumps(one.metrics()) for one in found}) == 1
    assert len(judged) == 4 * 4  # val after each of two epochs, and both splits at the end


def test_memory_that_is_full_is_told_as_such(kernel):
    import torch

    from imgclf.speed.pytorch.kernel import _memory_told

    words = r"memory of the graphics card is full - .*train\.device: cpu"
    with pytest.raises(StorageError, match=words) as stop, _memory_told("cuda"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert stop.value.exit_code == 6
    with pytest.raises(MemoryError), _memory_told("cpu"):
        torch.empty(1 << 60)
    with pytest.raises(RuntimeError, match="something else"), _memory_told("cuda"):
        raise RuntimeError("something else")


def test_the_environment_of_a_run_names_pytorch_and_the_device(tmp_path):
    import torch

    config = resolve(overrides=[*SMALL, "train={kernel: torch, device: cpu}"]).config
    environment = json.loads((train_run(config, tmp_path / "run").directory / "environment.json").read_bytes())
    assert (environment["kernel"], environment["device"]) == ("torch", "cpu")
    assert environment["packages"]["torch"].startswith(torch.__version__.partition("+")[0])


def test_a_read_only_or_strided_array_is_sent_as_it_is():
    from imgclf.speed.pytorch.examples import send

    array = np.arange(24.0).reshape(4, 6)
    array.flags.writeable = False
    for given in (array, array[::-1, ::2], array.T):
        assert send(given, "cpu").numpy().tolist() == given.tolist()


def test_who_changes_weights_in_place_gets_the_gradient_of_what_they_are_now(kernel):
    read, objective = reader(**WAYS["centered"]), Objective(LOSSES["softmax"])
    batch, weights = Batch(np.arange(N), read), weights_of()
    evaluate_gradient = kernel(serial_sum)
    evaluate_gradient(objective, batch, weights)
    weights *= -1
    assert_same(evaluate_gradient(objective, batch, weights), analytic_gradient(objective, batch, weights))
    other = replace(batch, rows=batch.rows[::2])
    assert_same(evaluate_gradient(objective, other, weights), analytic_gradient(objective, other, weights))


def test_the_difference_of_float64_from_its_mean_is_taken_before_it_is_rounded(kernel):
    values = 1e9 + RNG.normal(size=(N, D))  # float32 steps by 64 there
    data = Dataset.of(values, Y, tuple("abcde"))
    read = Reader(fit_preprocess(data, scale=1, center="pixel", std="none", dtype="float32"), data)
    seen, _ = kernel._read(read, np.arange(N))
    np.testing.assert_allclose(seen.numpy(), read(np.arange(N)).X, rtol=0, atol=1e-6)
