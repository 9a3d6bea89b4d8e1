"""The plane holds start and end of the path exactly, and is a valley."""

import numpy as np
import pytest

from imgclf.errors import DivergedError
from imgclf.gradients import evaluate_loss
from imgclf.lessons.surface import IMAGES, study


def test_start_and_end_lie_on_the_plane(material):
    one = material("regularization.l2=0.01")
    seen = study(one).numbers
    states = [state for _, state in one.train_for(5)]
    assert seen["steps"][0] == 0
    assert seen["steps"][-1] == len(states)
    for k, weights in ((0, one.weights), (-1, states[-1].weights)):
        exact, _ = evaluate_loss(one.objective, one.few(IMAGES), weights.astype(np.float64))
        assert seen["path"][k] == pytest.approx(exact, rel=1e-12)
        assert seen["shadow"][k] == pytest.approx(exact, rel=1e-6)


def test_the_path_falls_and_strays_from_the_plane_a_little(material):
    seen = study(material()).numbers
    assert seen["path"][-1] < seen["path"][0] == pytest.approx(np.log(4))
    assert 0.8 < seen["share_inside"] <= 1 + 1e-9
    assert seen["lowest_drawn"] <= min(seen["shadow"]) + 1e-3


def test_training_that_diverges_or_stands_still_has_no_plane(material):
    with pytest.raises(DivergedError, match="try a smaller"):
        study(material("preprocess.scale=1e-6", "model.loss=svm_squared"))
    with pytest.raises(DivergedError, match="try a larger"):
        study(material("schedule.step_size=1e-300"))
