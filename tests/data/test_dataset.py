"""A data set is checked when built; its fingerprint depends on its content only."""

import numpy as np
import pytest

from imgclf.data.dataset import Dataset

IMAGES = np.arange(5 * 2 * 2, dtype=np.uint8).reshape(5, 2, 2, 1)
LABELS = np.array([0, 1, 0, 1, 1])


def test_a_subset_is_a_view_by_row_numbers():
    data = Dataset.of(IMAGES, LABELS, ("a", "b"))
    part = data.subset(np.array([4, 1, 0])).subset(np.array([2, 0]))
    assert part.images is data.images
    assert part.y.tolist() == [0, 1]
    np.testing.assert_array_equal(part.pixels(np.array([1, 0])), IMAGES[[4, 0]])
    np.testing.assert_array_equal(part.y_of(np.array([1])), [1])


def test_the_first_example_of_each_class_is_found_by_its_row_in_the_split():
    data = Dataset.of(IMAGES, LABELS + 1, ("none", "a", "b"))
    assert data.first_of_classes() == {1: 0, 2: 1}
    assert data.subset(np.array([4, 3, 0])).first_of_classes() == {1: 2, 2: 0}
    assert data.subset(np.array([], int)).first_of_classes() == {}


def test_equal_data_has_equal_fingerprints_however_it_is_held():
    data = Dataset.of(IMAGES, LABELS, ("a", "b"))
    copied = Dataset.of(np.asfortranarray(IMAGES[[4, 3, 1]]), LABELS[[4, 3, 1]].astype(np.uint8), ("a", "b"))
    assert data.subset(np.array([4, 3, 1])).fingerprint == copied.fingerprint


def test_any_difference_changes_the_fingerprint():
    prints = {Dataset.of(IMAGES, LABELS, ("a", "b")).fingerprint}
    other = IMAGES.copy()
    other[3, 1, 1] ^= 1
    prints.add(Dataset.of(other, LABELS, ("a", "b")).fingerprint)
    prints.add(Dataset.of(IMAGES, LABELS[::-1], ("a", "b")).fingerprint)
    prints.add(Dataset.of(IMAGES, LABELS, ("a", "c")).fingerprint)
    prints.add(Dataset.of(IMAGES.reshape(5, 4, 1, 1), LABELS, ("a", "b")).fingerprint)
    prints.add(Dataset.of(IMAGES[:4], LABELS[:4], ("a", "b")).fingerprint)
    assert len(prints) == 6


@pytest.mark.parametrize(("images", "labels", "names"), [
    (IMAGES.astype(float), LABELS, ("a", "b")), (IMAGES[..., 0], LABELS, ("a", "b")),
    (IMAGES.reshape(5, 1, 1, 4), LABELS, ("a", "b")), (IMAGES, LABELS[:4], ("a", "b")),
    (IMAGES, LABELS + 1, ("a", "b")), (IMAGES, LABELS - 1, ("a", "b")), (IMAGES, LABELS, ("a", "a")),
    (IMAGES.reshape(5, 4), LABELS, ("a", "b")),
])  # fmt: skip
def test_inconsistent_arrays_are_refused(images, labels, names):
    with pytest.raises(ValueError, match=r"."):
        Dataset.of(images, labels, names)


def test_small_labels_are_widened_before_they_can_wrap():
    data = Dataset.of(np.zeros((2, 1, 1, 1), np.uint8), np.array([250, 251], np.uint8), tuple(map(str, range(252))))
    assert (data.y * 252).tolist() == [250 * 252, 251 * 252]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_labels_are_held_as_they_come_and_handed_out_wide(dtype):
    data = Dataset.of(IMAGES, LABELS.astype(dtype), ("a", "b"))
    assert data.labels.dtype == dtype
    assert data.y.dtype == data.y_of(np.array([1])).dtype == np.int64
    assert data.fingerprint == Dataset.of(IMAGES, LABELS, ("a", "b")).fingerprint


def test_classes_are_counted_in_this_split_only():
    data = Dataset.of(IMAGES, LABELS, ("a", "b", "none"))
    assert data.class_counts().tolist() == [2, 3, 0]
    assert data.subset(np.array([4, 1, 0])).class_counts().tolist() == [1, 2, 0]


def test_labels_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="not integers"):
        Dataset.of(IMAGES, LABELS.astype(float), ("a", "b"))
