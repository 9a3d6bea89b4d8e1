"""Objective, gradient and descent of the page are those of the package."""

import numpy as np
import pytest

from browser.page import SMALL, read, write_page
from imgclf.arrays import Batch
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.training.class_weights import weighted


def X_of(run, rows):
    """The training images of the page as X in float64, by the formula."""
    preprocess, pixels = run.model.preprocess, run.train.pixels(rows).reshape(len(rows), -1).astype(np.float64)
    lengths = np.sqrt((pixels**2).sum(axis=1, keepdims=True))
    values = pixels / (np.where(lengths > 0, lengths, 1) if preprocess.norm else preprocess.scale)
    values = values if preprocess.mean is None else values - preprocess.mean.astype(np.float64)
    return values if preprocess.std is None else values / preprocess.std.astype(np.float64)


OBJECTIVE = """
const [W, b, options] = arguments, C = b.length, D = W.length / C;
const X = core.preprocessAll(data.train.pixels, data, D);
const seen = core.objective(X, data.train.y, Float64Array.from(W), Float64Array.from(b), options);
return [seen.loss, seen.accuracy, Array.from(seen.dW), Array.from(seen.db), seen.data + seen.penalty];
"""


@pytest.fixture(scope="module")
def plain(browser, run_directory, tmp_path_factory):
    """A run and its page, open in the browser, with the training images of the page as X, y."""
    run = read(run_directory(*SMALL))
    path = write_page(run, tmp_path_factory.mktemp("page") / "report.html")
    browser.open(path)
    rows = np.array(browser.run("return Array.from(data.train.index)"))
    return Batch.of(X_of(run, rows), run.train.y_of(rows))


@pytest.mark.parametrize("class_weights", [None, [0.5, 3.0, *8 * [1.0]]], ids=["", "weighted"])
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.1, 0.0), (0.01, 0.02)])
@pytest.mark.parametrize("loss", LOSSES)
def test_objective_and_gradient_are_those_of_analytic_gradient(browser, plain, loss, l2, l1, class_weights):
    weights = np.random.default_rng(3).normal(0, 0.1, (785, 10))
    weights[:2] = 0  # where |W| has its kink
    w = None if class_weights is None else np.array(class_weights)
    expected = analytic_gradient(Objective(weighted(LOSSES[loss], w), l2, l1), plain, weights)
    options = {"loss": loss, "l2": l2, "l1": l1, "classWeights": class_weights}
    found, accuracy, dW, db, summed = browser.run(
        OBJECTIVE, weights[:-1].ravel().tolist(), weights[-1].tolist(), options
    )
    assert found == pytest.approx(expected.loss, rel=1e-12)
    assert summed == pytest.approx(found, rel=1e-15)
    assert accuracy == expected.correct / len(plain)
    grad = np.vstack([np.reshape(dW, (784, 10)), db])
    assert np.linalg.norm(grad) == pytest.approx(np.linalg.norm(expected.grad), rel=1e-12)
    np.testing.assert_allclose(grad, expected.grad, atol=1e-12 * np.linalg.norm(expected.grad), rtol=0)


def test_twenty_steps_of_descent_end_at_the_same_weights(browser, plain):
    objective, weights = Objective(LOSSES["softmax"], 0.01), np.zeros((785, 10))
    for _ in range(20):
        weights = weights - 0.3 * analytic_gradient(objective, plain, weights).grad
    W, b = browser.run("""
    const C = data.b.length, D = data.W.length / C, X = core.preprocessAll(data.train.pixels, data, D);
    let W = new Float64Array(D * C), b = new Float64Array(C);
    for (let i = 0; i < 20; i++) {
      const { dW, db } = core.objective(X, data.train.y, W, b, { loss: "softmax", l2: 0.01 });
      W = W.map((w, at) => w - 0.3 * dW[at]);
      b = b.map((w, at) => w - 0.3 * db[at]);
    }
    return [Array.from(W), Array.from(b)];
    """)
    np.testing.assert_allclose(np.vstack([np.reshape(W, (784, 10)), b]), weights, atol=1e-10, rtol=0)
