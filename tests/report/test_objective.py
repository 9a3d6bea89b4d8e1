"""The objective equals what others document, with the numbers that are printed for them."""

import re
from collections import Counter

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.config import resolve
from imgclf.gradients import analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.report.objective import describe_start, formula, translations
from imgclf.training.class_weights import loss_at_zero, weighted
from imgclf.training.plan import make_objective

N, D, C = 40, 6, 4
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, D)), RNG.integers(0, C, N)
WEIGHTS = RNG.standard_normal((D + 1, C))
W, B = WEIGHTS[:-1], WEIGHTS[-1]
S = X @ W + B
SIGNS = np.where(np.arange(C) == Y[:, None], 1, -1)  # (N, C), of the problems of one class against the rest
WORST = np.max(S + (SIGNS < 0) - S[np.arange(N), Y][:, None], axis=1)  # what Crammer and Singer's slack must be
L2_ONLY, BOTH = ("regularization.l2=0.25",), ("regularization.l2=0.25", "regularization.l1=0.125")


def config_of(loss, *overrides):
    return resolve(overrides=[f"model.loss={loss}", *overrides]).config


def ours(loss, *overrides):
    return evaluate_loss(make_objective(config_of(loss, *overrides)), Batch.of(X, Y), WEIGHTS)[0]


def printed(name, loss, *overrides, n=N):
    """Return the first number that is printed, and the ratio of l1, if there is one."""
    text = dict(translations(config_of(loss, *overrides), n))[name]
    ratio = re.search(r"l1_ratio=([\d.]+)", text)
    return float(text.split()[0].strip(",")), float(ratio[1]) if ratio else 0.0


@pytest.mark.parametrize("penalty", [L2_ONLY, BOTH])
def test_one_against_the_rest_is_the_sum_of_the_problems_of_sgd_classifier(penalty):
    alpha, r = printed("scikit-learn's alpha", "logistic_ovr", *penalty)
    problems = [
        np.log1p(np.exp(-SIGNS[:, c] * S[:, c])).mean()
        + alpha * ((1 - r) / 2 * (W[:, c] ** 2).sum() + r * np.abs(W[:, c]).sum())
        for c in range(C)
    ]
    assert ours("logistic_ovr", *penalty) == pytest.approx(sum(problems), rel=1e-5)


@pytest.mark.parametrize("penalty", [L2_ONLY, BOTH, ("regularization.l2=0", "regularization.l1=0.5")])
def test_softmax_is_logistic_regression_divided_by_n_and_c(penalty):
    inverse, r = printed("scikit-learn's C", "softmax", *penalty)
    losses = np.log(np.exp(S).sum(axis=1)) - S[np.arange(N), Y]
    theirs = inverse * losses.sum() + (1 - r) / 2 * (W**2).sum() + r * np.abs(W).sum()
    assert ours("softmax", *penalty) == pytest.approx(theirs / (N * inverse), rel=1e-4)


def test_the_hinge_of_the_worst_rival_is_crammer_singer_of_linear_svc_and_liblinear():
    for name in ("scikit-learn's C", "LIBLINEAR's C"):
        inverse, _ = printed(name, "svm_cs", *L2_ONLY)
        theirs = (W**2).sum() / 2 + inverse * np.maximum(0, WORST).sum()
        assert ours("svm_cs", *L2_ONLY) == pytest.approx(theirs / (N * inverse), rel=1e-4)


def test_one_against_the_rest_is_the_sum_of_the_problems_of_liblinear_divided_by_n_and_c():
    inverse, _ = printed("LIBLINEAR's C", "logistic_ovr", *L2_ONLY)
    problems = [(W[:, c] ** 2).sum() / 2 + inverse * np.log1p(np.exp(-SIGNS[:, c] * S[:, c])).sum() for c in range(C)]
    assert ours("logistic_ovr", *L2_ONLY) == pytest.approx(sum(problems) / (N * inverse), rel=1e-5)


@pytest.mark.parametrize(("loss", "p"), [("svm", 1), ("svm_squared", 2)])
def test_the_hinges_of_all_rivals_are_c_times_multi_margin_loss(loss, p):
    margins = np.maximum(0, 1 - S[np.arange(N), Y][:, None] + S) ** p
    margins[np.arange(N), Y] = 0
    decay, _ = printed("PyTorch's weight_decay", loss, *L2_ONLY)
    theirs = C * (margins.sum(axis=1) / C).mean() + decay / 2 * (W**2).sum()
    assert f"C * MultiMarginLoss(p={p})" in dict(translations(config_of(loss), N))["this loss"]
    assert ours(loss, *L2_ONLY) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_penalty_of_the_course_is_reg_times_the_squares(loss):
    reg, _ = printed("the course's reg", loss, *L2_ONLY)
    data_loss = LOSSES[loss](S, Y)[0].mean()
    assert ours(loss, *L2_ONLY) == pytest.approx(data_loss + reg * (W * W).sum(), rel=1e-12)


def adam(grad):
    """Return Adam's first step, of size 1: both means are unbiased by what they were multiplied with."""
    return grad / (np.abs(grad) + 1e-8)


@pytest.mark.parametrize(("name", "step"), [("sgd", lambda grad: grad), ("adam", adam)])
def test_weight_decay_is_added_to_the_gradient_in_sgd_and_adam_and_not_in_adamw(name, step):
    decay, _ = printed("PyTorch's weight_decay", "softmax", *L2_ONLY)
    batch = Batch.of(X, Y)
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True) - (SIGNS > 0)
    dW = X.T @ p / N
    config = config_of("softmax", *L2_ONLY, f"optimizer.name={name}")
    optimizer = OPTIMIZERS[name]()
    grad = analytic_gradient(make_objective(config), batch, WEIGHTS).grad
    direction, _ = optimizer.direction(grad, optimizer.init(WEIGHTS))
    np.testing.assert_allclose(direction[:-1], step(dW + decay * W), rtol=1e-9)
    apart = step(dW) + decay * W  # AdamW, and SGD with its decay apart
    assert np.allclose(direction[:-1], apart) == (name == "sgd")
    np.testing.assert_allclose(direction[-1], step(p.sum(axis=0) / N), rtol=1e-9)  # b is free


def test_without_the_number_of_images_it_is_written_as_n():
    assert dict(translations(config_of("softmax", *L2_ONLY)))["scikit-learn's C"].startswith("4 / N = 1 / (N * l2)")


def test_without_a_penalty_no_number_is_made_up():
    said = dict(translations(config_of("softmax", "regularization.l2=0"), N))
    assert said["scikit-learn's alpha"] == "none: SGDClassifier(penalty=None)"
    assert said["scikit-learn's C"] == "infinite: LogisticRegression(C=numpy.inf)"
    assert said["LIBLINEAR's C"].startswith("none")
    assert said["PyTorch's weight_decay"].startswith("0 ")
    assert said["the course's reg"].startswith("0,")


def test_class_weights_are_those_of_scikit_learn_and_not_divided_by_their_sum():
    assert "class weights" not in dict(translations(config_of("softmax")))
    said = dict(translations(config_of("softmax", "train.class_weight=balanced")))
    assert "divides by their sum" in said["class weights"]


def test_the_formula_has_the_terms_that_there_are():
    assert formula(config_of("svm", "regularization.l2=0")) == "L(W, b) = mean loss"
    weights = ("train.class_weight=balanced", *BOTH)
    assert formula(config_of("svm", *weights)).endswith(
        "mean of weight[y] * loss + 0.25/2 * sum(W**2) + 0.125 * sum(|W|)"
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_loss_at_zero_is_the_loss_of_equal_scores_and_its_formula_gives_it(loss, classes):
    y = np.arange(classes).repeat(np.arange(classes) + 1)
    support = np.bincount(y)
    losses, _ = LOSSES[loss](np.zeros((len(y), classes)), y)
    assert loss_at_zero(loss, support) == pytest.approx(losses.mean(), rel=1e-12)
    value, _, rest = describe_start(loss, support).partition(" = ")
    words = rest.partition(":")[0].replace("the margin", "1").replace("C", str(classes))
    text = re.sub(r"ln (\d+)", r"np.log(\1)", words)
    text = re.sub(r"(\d) np", r"\1 * np", text)
    assert float(value) == pytest.approx(losses.mean(), rel=1e-4)
    assert eval(text, {"np": np}) == pytest.approx(losses.mean(), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_class_weights_multiply_the_loss_at_zero_by_their_mean(loss):
    y = np.repeat([0, 1, 2], [10, 20, 70])
    w = np.array([5.0, 1.0, 0.5])
    losses, _ = weighted(LOSSES[loss], w)(np.zeros((100, 3)), y)
    said = describe_start(loss, np.bincount(y), w)
    assert float(said.partition(" = ")[0]) == pytest.approx(losses.mean(), rel=1e-4)
    assert f"{w[y].mean():.4g} is the mean class weight" in said
    balanced = 100 / (3 * np.bincount(y))
    assert describe_start(loss, np.bincount(y), balanced) == describe_start(loss, np.bincount(y))


def test_a_loss_of_ones_own_is_said_without_a_reason(monkeypatch):
    monkeypatch.setitem(LOSSES, "toy", LOSSES["svm"])
    assert describe_start("toy", np.array([3, 4])) == "1"
    assert "this loss" not in dict(translations(config_of("toy")))


def test_names_are_different():
    for loss in LOSSES:
        assert max(Counter(name for name, _ in translations(config_of(loss, *BOTH))).values()) == 1
