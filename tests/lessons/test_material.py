"""The material of a lesson: which images it has, and what stops it."""

import numpy as np
import pytest

from imgclf.errors import DivergedError
from imgclf.gradients import evaluate_loss
from imgclf.lessons import material as module
from imgclf.lessons.material import lowest


def test_the_lowest_loss_is_a_finite_one():
    assert lowest([np.nan, 3.0, np.inf, 2.0, -np.inf]) == 3
    assert lowest([1.0, 1.0]) == 0


def test_without_val_the_training_images_are_looked_at(material):
    one = material(
        data=["data.source=synthetic", "data.options={train: 90, classes: 3, size: 4}", "data.val_fraction=0"]
    )
    assert one.held_out == "train"
    assert one.val is one.train
    assert material().held_out == "val"
    assert len(material().val) == 200


def test_of_many_images_some_are_taken_by_class(material, monkeypatch):
    monkeypatch.setattr(module, "MOST", 40)
    one = material()
    _, y = one.train
    assert np.bincount(y).tolist() == [10, 10, 10, 10]
    assert len(one.val) == 40


def test_training_takes_the_epochs_that_it_was_asked_for(material):
    one = material()
    *_, (_, state) = one.train_for(3)
    assert state.step == 3 * 2  # 300 images in batches of 256
    assert evaluate_loss(one.objective, one.train, state.weights)[0] < np.log(4)
    with pytest.raises(DivergedError, match="diverges at step"):
        list(material("preprocess.scale=1e-6", "model.loss=svm_squared").train_for(3))
