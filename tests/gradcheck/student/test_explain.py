"""A known mistake has its sentence, and nothing else has one."""

import numpy as np
import pytest

from imgclf.gradcheck.student.explain import (
    Evidence,
    ValuePair,
    explain_gradient,
    explain_number,
    explain_values,
    matching_candidate,
)

N, C, D = 64, 10, 12
RIGHT = np.random.default_rng(0).standard_normal((D, C))
W = np.random.default_rng(1).standard_normal((D, C))


def evidence(dW, keep=slice(None), slack=1e-12):
    rows, columns = (index.ravel()[keep] for index in np.indices(RIGHT.shape))
    return Evidence(dW, rows, columns, RIGHT[rows, columns], np.full(len(rows), slack))


def with_column(c, values):
    dW = RIGHT.copy()
    dW[:, c] = values
    return dW


def one_place_wrong(factor):
    dW = RIGHT.copy()
    dW[3, 7] *= factor
    return dW


@pytest.mark.parametrize(("dW", "sentence"), [
    (N * RIGHT, "your gradient is 64 times too large (N = 64): divide by N"),
    (RIGHT / N, "your gradient is 64 times too small (N = 64): one division by N too many?"),
    (C * RIGHT, "your gradient is 10 times too large (C = 10): divide by C"),
    (RIGHT / (C - 1), "your gradient is 9 times too small (C - 1 = 9): one division by C - 1 too many?"),
    (-RIGHT, "your gradient has the wrong sign"),
    (-N * RIGHT, "your gradient is 64 times too large, with the wrong sign (N = 64): divide by N"),
    (2 * RIGHT, "your gradient is twice what it should be"),
    (RIGHT / 2, "your gradient is half what it should be"),
    (RIGHT * N / (N - 1), "your gradient is divided by N - 1: the mean divides by N"),
    (RIGHT * N / C, "your gradient is divided by C, the classes: the mean over the images divides by N"),
    (RIGHT * (N - 1) / N, "your gradient is 63/64 of what it should be: is one image left out?"),
    (3.7 * RIGHT, "your gradient is 3.7 times the right one, everywhere"),
    (0 * RIGHT, "your gradient of the data term is 0 everywhere: is dW filled, and returned?"),
    (with_column(9, 0), "only the column of class 9, the last, is wrong: it is 0"),
    (with_column(2, 1), "only the column of class 2 is wrong"),
    (RIGHT[:, [0, 1, 5, 3, 4, 2, 6, 7, 8, 9]], "the columns of classes 2 and 5 are swapped"),
    (np.roll(RIGHT, 1, axis=1), "the columns are shifted: the gradient of class 0 is in column 1"),
    (RIGHT[:, ::-1], "the columns are in another order: that of class 0 is in column 9"),
    (RIGHT.T.copy().reshape(D, C), "dW is reshaped, but it must be transposed: use .T"),
])  # fmt: skip
@pytest.mark.parametrize("keep", [slice(None), slice(None, None, 3)])
def test_a_known_pattern_has_its_sentence(dW, sentence, keep):
    assert explain_gradient(evidence(dW, keep), N) == sentence


def test_one_wrong_place_is_named():
    sentence = explain_gradient(evidence(one_place_wrong(1.0001)), N)
    assert sentence.startswith("of all checked parameters only dW[3,7] is wrong: ")


@pytest.mark.parametrize("dW", [
    RIGHT, RIGHT + 1e-13, np.roll(RIGHT, 1, axis=0), RIGHT + 0.01 * W, np.abs(RIGHT), RIGHT * np.arange(1, C + 1),
])  # fmt: skip
def test_what_is_right_or_unknown_has_no_sentence(dW):
    assert explain_gradient(evidence(dW), N) is None


def test_a_factor_is_not_taken_for_another():
    for factor in (63.9, 0.501, 1.0001, -0.99):
        sentence = f"your gradient is {factor:g} times the right one, everywhere"
        assert explain_gradient(evidence(factor * RIGHT), N) == sentence


def test_nothing_tried_is_nothing_explained():
    assert explain_gradient(evidence(2 * RIGHT, slice(0)), N) is None


OURS = np.array([9.0, 8.5, 20.25])


def pairs(theirs):
    names = ("zero", "steps", "wide")
    return [ValuePair(name, float(t), o, 1e-12) for name, t, o in zip(names, theirs, OURS, strict=True)]


@pytest.mark.parametrize(("theirs", "sentence"), [
    (OURS, None),
    (OURS + 1e-13, None),
    (N * OURS, "your loss is N = 64 times ours: take the mean over the images"),
    (OURS / N, "your loss is ours divided by N = 64: the mean is taken twice"),
    (OURS / C, "your loss is ours divided by C = 10: sum over the classes, and take the mean over the images only"),
    (OURS / 2, "your loss is half ours"),
    (-OURS, "your loss is minus ours: it should be positive"),
    (OURS / np.log(2), "your loss is ours divided by log 2: use np.log, not np.log2"),
    (OURS / np.log(10), "your loss is ours divided by log 10: use np.log, not np.log10"),
    (OURS + 1, "your loss is larger by exactly 1: the right class counts as a violation; exclude it"),
    (OURS - 0.5, "your loss is smaller than ours by 0.5 at every W"),
    ([4, 5, 6], "your loss is softmax, not svm"),
    ([0, 3, 4], "at W = 0 your loss is 0, as with a margin of 0: the margin is 1"),
    ([9, -1, 4], "your loss is negative (-1): svm never is"),
    ([8.1, 3, 4], "at W = 0 your loss is 8.1, as with a margin of 0.9: the margin is 1"),
    ([8.1, 3, 3.9], None),  # at the other W not as with that margin
    (OURS - [0, 1e-9, 5], None),
    ([9, 3, 4], None),
])  # fmt: skip
def test_a_wrong_value_is_named(theirs, sentence):
    others = {"svm": OURS, "softmax": [4, 5, 6]}
    assert explain_values(pairs(theirs), others, lambda margin: np.array([9 * margin, 3, 4]), C, N, "svm") == sentence


def test_a_small_p_has_its_sentence_where_there_is_one():
    sentence = "your loss is too small where p is small: is a number added inside the log, or p clipped?"
    assert explain_values(pairs(OURS - [0, 1e-9, 5]), {}, lambda _: OURS, C, N, "softmax") == sentence


def test_a_candidate_that_gives_this_gradient_is_the_mistake():
    candidates = {"another": W, "this": RIGHT + 1e-13}
    assert matching_candidate(RIGHT, candidates, np.full(RIGHT.shape, 1e-13), N) == ["this"]
    assert matching_candidate(RIGHT, {"another": W}, np.full(RIGHT.shape, 1e-13), N) == []
    assert matching_candidate(RIGHT, {}, 0 * RIGHT, N) == []
    assert matching_candidate(RIGHT, {"another shape": RIGHT[:1]}, 0 * RIGHT, N) == []


def test_a_candidate_with_a_known_factor_is_two_mistakes():
    found = matching_candidate(-RIGHT, {"another": W, "this": RIGHT}, np.full(RIGHT.shape, 1e-13), N)
    assert found == ["this", "your gradient has the wrong sign"]
    assert matching_candidate(3.7 * RIGHT, {"this": RIGHT}, np.full(RIGHT.shape, 1e-13), N) == []


PARTS = np.random.default_rng(2).random(61)


@pytest.mark.parametrize(("theirs", "penalty", "sentence"), [
    (PARTS.sum() / 64, 0.0, "it divides by 64, not by N = len(y)"),
    (PARTS.sum() / 64 + 3, 3.0, "it divides by 64, not by N = len(y)"),
    (PARTS[:32].mean(), 0.0, "it omits the last 29 images; a last, smaller batch counts too"),
    (PARTS[:32].sum() / 61, 0.0, "it omits the last 29 images; a last, smaller batch counts too"),
    (PARTS[:60].mean() + 3, 3.0, "it omits the last image; a last, smaller batch counts too"),
    (PARTS[:32].sum() / 64, 0.0, "it omits the last 29 images, and divides by 64, not by N = len(y); a last, smaller "
                                 "batch counts too"),
    (PARTS.mean(), 3.0, "the penalty is missing there"),
])  # fmt: skip
def test_which_images_count_is_told(theirs, penalty, sentence):
    assert explain_number(theirs, PARTS, penalty, 64) == sentence


@pytest.mark.parametrize("theirs", [PARTS.mean(), 1.01 * PARTS.mean(), PARTS[1:].mean(), PARTS[::2].mean(), 0.0])
def test_other_wrong_sums_have_no_sentence(theirs):
    assert explain_number(theirs, PARTS, 0.0, 64) is None
