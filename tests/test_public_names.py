"""The Python that others may rely on: these names, called this way."""

import inspect

import numpy as np
import pytest

import imgclf
from imgclf.arrays import Batch
from imgclf.gradients import Objective, analytic_gradient, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.run.trained import TrainedClassifier
from imgclf.schedules import SCHEDULES
from imgclf.sklearn import LinearImageClassifier
from imgclf.trainer import TrainState, descend, start


def test_the_dicts_have_the_names_of_the_config():
    assert list(LOSSES) == ["softmax", "svm", "svm_squared", "svm_cs", "logistic_ovr"]
    assert list(OPTIMIZERS) == ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
    assert list(SCHEDULES) == ["constant", "step", "exponential", "cosine", "linear"]


def test_a_few_lines_of_python_train_a_classifier():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    X = rng.standard_normal((200, 4)) + 3 * np.eye(3, 4)[y]
    batch = Batch.of(X, y)
    assert len(batch) == 200
    assert [part.shape for part in batch] == [(200, 4), (200,)]
    optimizer = OPTIMIZERS["momentum"]()
    steps = descend(
        start(np.zeros((5, 3)), optimizer),
        sample=lambda step: batch,
        objective=Objective(LOSSES["softmax"], l2=1e-3),
        evaluate_gradient=analytic_gradient,
        optimizer=optimizer,
        step_size=SCHEDULES["constant"](0.1),
    )
    seen, state = [next(steps) for _ in range(100)][-1]
    assert seen.correct > 180
    assert isinstance(state, TrainState)
    assert state.step == 100


@pytest.mark.parametrize("gradient", [analytic_gradient, numerical_gradient])
def test_gradients_are_of_one_type(gradient):
    assert list(inspect.signature(gradient).parameters) == ["objective", "batch", "weights"]
    seen = gradient(Objective(LOSSES["svm"]), Batch.of(np.ones((2, 3)), np.array([0, 1])), np.zeros((4, 2)))
    assert seen._fields == ("loss", "correct", "grad")


def test_the_wiring_has_the_names_of_the_design():
    assert TrainState._fields == ("step", "weights", "memory")
    assert list(Objective.__dataclass_fields__) == ["loss_fn", "l2", "l1"]
    assert OPTIMIZERS["adam"]()._fields == ("init", "direction")


def test_a_trained_model_answers_in_one_line():
    assert list(inspect.signature(imgclf.load).parameters) == ["run"]
    assert {"classes", "predict", "scores", "probabilities"} <= set(dir(TrainedClassifier))
    assert list(TrainedClassifier.__dataclass_fields__) == ["where", "model"]


def test_the_estimator_has_the_names_of_scikit_learn():
    methods = "fit partial_fit predict predict_proba decision_function score from_run to_run get_params set_params"
    assert set(methods.split()) <= set(dir(LinearImageClassifier))
    model = LinearImageClassifier(epochs=1).fit(np.eye(4), [0, 1, 2, 2])
    shapes = {name: np.shape(getattr(model, f"{name}_")) for name in ("coef", "intercept", "classes", "loss_curve")}
    assert shapes == {"coef": (3, 4), "intercept": (3,), "classes": (3,), "loss_curve": (1,)}
    assert (model.n_iter_, model.n_features_in_) == (1, 4)
