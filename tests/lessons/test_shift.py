"""Changes of images: what they do to pixels, and to a model that is blind to them."""

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.lessons.shift import invert, mirror, move, study


def test_moving_down_repeats_the_upper_border():
    image = np.arange(6, dtype=np.uint8).reshape(1, 3, 2, 1)
    assert move(image, 1, 0)[0, :, :, 0].tolist() == [[0, 1], [0, 1], [2, 3]]
    assert move(image, 0, 1)[0, :, :, 0].tolist() == [[0, 0], [2, 2], [4, 4]]
    assert move(image, -1, 0)[0, :, :, 0].tolist() == [[2, 3], [4, 5], [4, 5]]
    assert move(image, 0, 0).tolist() == image.tolist()


@pytest.mark.parametrize("change", [mirror, invert])
def test_mirroring_and_inverting_twice_change_nothing(change):
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3)).astype(np.uint8)
    assert (change(images) != images).any()
    assert (change(change(images)) == images).all()


def test_a_mirror_exchanges_left_and_right_and_black_becomes_white():
    image = np.array([[0, 1], [2, 255]], np.uint8).reshape(1, 2, 2, 1)
    assert mirror(image)[0, :, :, 0].tolist() == [[1, 0], [255, 2]]
    assert invert(image)[0, :, :, 0].tolist() == [[255, 254], [253, 0]]


def test_the_further_images_are_moved_the_fewer_are_known(material):
    seen = study(material("data.options={train: 300, val: 200, classes: 4, size: 12, noise: 60}")).numbers
    down = [seen["accuracy"][change] for change in ("none", "1 down", "2 down", "3 down", "4 down")]
    assert down == sorted(down, reverse=True)
    assert down[0] > down[-1] + 0.1
    assert seen["images"] == 200


def test_without_a_change_the_accuracy_is_that_of_the_model(material):
    one = material()
    *_, (_, state) = one.train_for(10)
    assert study(one).numbers["accuracy"]["none"] == one.accuracy(one.val, state.weights)


def test_feature_vectors_are_refused(material, tmp_path):
    np.savez(tmp_path / "x.npz", X_train=np.random.default_rng(0).normal(size=(40, 3)), y_train=np.arange(40) % 2)
    with pytest.raises(DataError, match="feature vectors"):
        study(material(data=["data.source=npz", f"data.path={tmp_path / 'x.npz'}"]))
