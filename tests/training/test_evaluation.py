"""A full pass sees what one would count by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.losses import LOSSES
from imgclf.metrics import per_class
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed.threads import workers
from imgclf.training import evaluation
from imgclf.training.classifier import Model
from imgclf.training.evaluation import PairCounts, evaluate, rank_of, score_images, softmax_probabilities

pytestmark = pytest.mark.bits


def case(N=3 * BLOCK + 11, C=4, loss="softmax"):
    rng = np.random.default_rng(0)
    data = Dataset.of(rng.integers(0, 256, (N, 5, 5, 1), dtype=np.uint8), rng.integers(0, C, N), tuple("abcdefgh"[:C]))
    preprocess = Preprocess((5, 5, 1), 255.0, None, None, "float64")
    return Model(rng.standard_normal((26, C)), preprocess, data.class_names, loss, 0.5, 0.25), data


@pytest.mark.parametrize("loss", LOSSES)
def test_a_full_pass_is_what_loops_count(loss):
    model, data = case(loss=loss)
    seen = evaluate(model, data, serial_sum)
    X = data.images.reshape(len(data), -1) / 255
    s = X @ model.weights[:-1] + model.weights[-1]
    losses, _ = LOSSES[loss](s, data.y)
    W = model.weights[:-1]
    confusion = np.zeros((4, 4), int)
    top2 = 0
    for n in range(len(data)):
        confusion[data.y[n], s[n].argmax()] += 1
        top2 += data.y[n] in s[n].argsort()[-2:]
    np.testing.assert_array_equal(seen.confusion, confusion)
    assert seen.n == len(data)
    assert seen.accuracy == np.trace(confusion) / len(data)
    assert seen.top_k(1) == seen.accuracy
    assert seen.top_k(2) == top2 / len(data)
    assert seen.top_k(4) == 1
    assert seen.data_loss == pytest.approx(losses.mean(), rel=1e-12)
    assert seen.objective == pytest.approx(losses.mean() + 0.25 * (W**2).sum() + 0.25 * np.abs(W).sum(), rel=1e-12)


def test_threads_change_nothing():
    model, data = case()
    alone = evaluate(model, data, serial_sum)
    with workers(3) as sum_blocks:
        shared = evaluate(model, data, sum_blocks)
    assert (shared.objective, shared.confusion.tolist()) == (alone.objective, alone.confusion.tolist())


def test_the_order_of_the_examples_changes_no_count():
    model, data = case()
    shuffled = data.subset(np.random.default_rng(1).permutation(len(data)))
    confusion = evaluate(model, data, serial_sum).confusion
    assert evaluate(model, shuffled, serial_sum).confusion.tolist() == confusion.tolist()


def test_thousands_of_classes_need_no_matrix_of_them():
    C = 20_000  # a matrix would take 3.2 GB
    data = Dataset.of(np.zeros((3, 1, 1, 1), np.uint8), np.array([7, 7, C - 1]), tuple(map(str, range(C))))
    weights = np.zeros((2, C))
    weights[-1, 7] = 1
    seen = evaluate(Model(weights, Preprocess((1, 1, 1), 255.0, None, None, "float64"), data.class_names, "svm", 0, 0),
                    data, serial_sum)  # fmt: skip
    assert (seen.confusion, seen.accuracy) == (None, 2 / 3)
    assert seen.pairs.pairs.tolist() == [7 * C + 7, (C - 1) * C + 7]
    assert seen.pairs.counts.tolist() == [2, 1]


def test_of_equal_scores_the_first_class_comes_first():
    s = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    assert rank_of(s, np.array([0, 1, 0])).tolist() == [0, 1, 2]


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_the_rank_is_the_place_in_the_order_of_the_scores(n, C, seed):
    rng = np.random.default_rng(seed)
    s, y = rng.integers(0, 9, (n, C)).astype(np.float32), rng.integers(0, C, n)
    order = (-s).argsort(axis=1, kind="stable")
    assert rank_of(s, y).tolist() == [order[i].tolist().index(y[i]) for i in range(n)]


def test_a_rank_may_be_larger_than_two_bytes_hold():
    C = 70_000
    assert rank_of(np.arange(C, 0, -1.0)[None], np.array([C - 1])).tolist() == [C - 1]


def test_an_image_has_the_same_scores_alone_and_among_others_but_for_the_rounding_of_sums():
    model, data = case()
    together = score_images(model, data.images)
    for n in (0, 130, len(data) - 1):
        np.testing.assert_allclose(score_images(model, data.images[n : n + 1])[0], together[n], rtol=0, atol=1e-13)


def test_probabilities_are_shares_and_keep_the_order():
    s = np.array([[1e4, 0, -1e4], [0.0, np.log(2), np.log(5)]])
    p = softmax_probabilities(s)
    np.testing.assert_allclose(p, [[1, 0, 0], [1 / 8, 2 / 8, 5 / 8]], rtol=1e-12)


COUNTS = [[5, 1, 0], [2, 2, 0], [0, 0, 0]]


def pairs_of(counts):
    """The examples that a confusion matrix counts: y and predicted."""
    cells = [(y, p) for y, row in enumerate(counts) for p, n in enumerate(row) for _ in range(n)]
    return np.array(cells, np.int64).reshape(-1, 2).T


def test_pairs_are_counted_as_a_matrix_counts_them():
    y, predicted = pairs_of(COUNTS)
    assert PairCounts.of(y, predicted, 3).matrix(3).tolist() == COUNTS


@pytest.mark.parametrize("cut", [0, 1, 4, 10])
def test_counts_of_parts_add_up_to_those_of_the_whole(cut):
    y, predicted = pairs_of(COUNTS)[:, np.random.default_rng(0).permutation(10)]
    parts = PairCounts.of(y[:cut], predicted[:cut], 3) + PairCounts.of(y[cut:], predicted[cut:], 3)
    assert parts.matrix(3).tolist() == COUNTS


@pytest.mark.parametrize("most", [1, 10, 10**6])
def test_few_pairs_wait_to_be_merged(monkeypatch, most):
    monkeypatch.setattr(evaluation, "UNMERGED", most)
    y, predicted = np.random.default_rng(0).integers(0, 3, (2, 500))
    total = PairCounts.of(y[:1], predicted[:1], 3)
    for n in range(1, 500):
        total += PairCounts.of(y[n : n + 1], predicted[n : n + 1], 3)
        assert len(total.pairs) <= max(most, 9)
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (y, predicted), 1)
    assert total.matrix(3).tolist() == total.merged().matrix(3).tolist() == expected.tolist()
    assert per_class(*total.totals(3)) == per_class(*total.merged().totals(3))
    assert total.merged().pairs.tolist() == sorted(set(total.pairs.tolist()))


def test_counts_take_no_memory_for_pairs_that_did_not_occur():
    C = 10**5  # a matrix would take 80 GB
    found = PairCounts.of(np.array([0, C - 1]), np.array([C - 1, C - 1]), C)
    assert found.pairs.tolist() == [C - 1, C * C - 1]
    assert per_class(*found.totals(C))[-1] == (1 / 2, 1, 2 / 3, 1)
