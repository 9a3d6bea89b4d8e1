from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.data import splits
from imgclf.data.dataset import Dataset
from imgclf.data.splits import apportion, limit, match_classes, split_off_fold, split_off_test, split_off_validation
from imgclf.errors import DataError
from imgclf.numerics.indices import slices

labels = st.lists(st.integers(0, 4), min_size=1, max_size=60)
seeds = st.integers(0, 2**32)


def dataset_of(y, names=("a", "b", "c", "d", "e")):
    """Each example is its own number, so that it can be told from the others."""
    return Dataset.of(np.arange(len(y), dtype=float)[:, None], np.array(y, np.int64), names)


def members(dataset):
    return dataset.pixels(np.arange(len(dataset)))[:, 0].astype(int).tolist()


@given(labels, st.floats(0, 0.99), seeds)
def test_train_and_val_are_the_whole_each_in_its_order(y, fraction, seed):
    train, val = split_off_validation(dataset_of(y), fraction, seed)
    assert sorted(members(train) + members(val)) == list(range(len(y)))
    for part in (train, val):
        assert members(part) == sorted(members(part))
        assert part.y.tolist() == [y[member] for member in members(part)]


@given(labels, st.integers(2, 7), seeds)
def test_folds_deal_every_example_once_and_classes_evenly(y, folds, seed):
    parts = [split_off_fold(dataset_of(y), folds, fold, seed) for fold in range(1, folds + 1)]
    dealt = [members(val) for _, val in parts]
    lonely = [i for i, label in enumerate(y) if y.count(label) == 1]
    assert sorted([*lonely, *(i for val in dealt for i in val)]) == list(range(len(y)))
    for train, val in parts:
        assert sorted(members(train) + members(val)) == list(range(len(y)))
        assert members(val) == sorted(members(val))
        assert set(train.y) == set(y)
    for label in set(y):
        counts = [sum(y[i] == label for i in val) for val in dealt]
        assert max(counts) - min(counts) <= 1
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


@given(labels, st.floats(0, 0.99), seeds)
def test_every_class_keeps_an_example_in_train_and_gives_its_share(y, fraction, seed):
    train, val = split_off_validation(dataset_of(y), fraction, seed)
    assert set(train.y) == set(y)
    assert len(val) <= int(len(y) * fraction + 0.5)
    if all(y.count(label) * (1 - fraction) >= 2 for label in set(y)):  # no class is too small to give its share
        assert len(val) == int(len(y) * fraction + 0.5)
        for label in set(y):
            assert abs(val.y.tolist().count(label) - fraction * y.count(label)) < 1.5


@given(labels, st.floats(0, 0.99), seeds)
def test_images_to_test_on_are_as_many_of_each_class_as_those_to_validate_on(y, fraction, seed):
    dataset = dataset_of(y)
    rest, test = split_off_test(dataset, fraction, seed)
    assert sorted(members(rest) + members(test)) == members(dataset)
    assert len(test) == 0 or set(rest.y) == set(y)
    _, val = split_off_validation(dataset, fraction, seed)
    assert len(test) == len(val)


def test_images_to_test_on_and_to_validate_on_are_drawn_apart():
    dataset = dataset_of([0, 1] * 50)
    tested = members(split_off_test(dataset, 0.3, 5)[1])
    assert tested != members(split_off_validation(dataset, 0.3, 5)[1])
    assert tested == members(split_off_test(dataset, 0.3, 5)[1])


@given(labels, st.integers(1, 70), seeds)
def test_limit_keeps_exactly_n_and_each_class_its_share(y, n, seed):
    kept = limit(dataset_of(y), n, seed)
    assert len(kept) == min(n, len(y))
    assert members(kept) == sorted(set(members(kept)))
    for label in set(y):
        assert abs(kept.y.tolist().count(label) - len(kept) * y.count(label) / len(y)) < 1


def test_the_choice_depends_on_the_seed_alone():
    dataset = dataset_of([0, 1] * 50)
    assert members(split_off_validation(dataset, 0.3, 5)[1]) == members(split_off_validation(dataset, 0.3, 5)[1])
    assert members(split_off_validation(dataset, 0.3, 5)[1]) != members(split_off_validation(dataset, 0.3, 6)[1])
    assert members(limit(dataset, 30, 5)) == members(limit(dataset, 30, 5))
    assert members(limit(dataset, 30, 5)) != members(limit(dataset, 30, 6))
    assert members(limit(dataset, 30, 5)) != members(split_off_validation(dataset, 0.3, 5)[1])


def test_a_part_of_a_part_is_split_by_its_own_rows():
    dataset = dataset_of([0, 0, 0, 0, 1, 1, 1, 1]).subset(np.array([7, 6, 1, 0]))
    train, val = split_off_validation(dataset, 0.5, 0)
    assert sorted(members(train) + members(val)) == [0, 1, 6, 7]
    assert sorted(val.y) == [0, 1]


@given(st.integers(0, 200), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_the_largest_remainder_gives_each_its_quota_rounded_up_or_down(total, shares):
    given_out = apportion(total, np.array(shares))
    quota = total * np.array(shares) / sum(shares)
    assert given_out.sum() == total
    assert (np.abs(given_out - quota) < 1).all()


def test_the_largest_remainder_by_hand():
    assert apportion(10, np.array([5, 3, 3])).tolist() == [4, 3, 3]  # 4.54, 2.73, 2.73
    assert apportion(10, np.array([5, 3, 3]), np.array([2, 9, 9])).tolist() == [2, 4, 4]
    assert apportion(10, np.array([5, 3, 3]), np.array([2, 1, 1])).tolist() == [2, 1, 1]


def test_classes_are_matched_by_name():
    matched = match_classes(dataset_of([0, 1, 1], ("dog", "cat")), ("ant", "cat", "dog"))
    assert matched.y.tolist() == [2, 1, 1]
    assert matched.class_names == ("ant", "cat", "dog")


def test_a_class_without_examples_need_not_be_known():
    matched = match_classes(dataset_of([1, 1], ("unicorn", "cat")), ("ant", "cat"))
    assert matched.y.tolist() == [1, 1]


def test_unknown_classes_are_named():
    with pytest.raises(DataError, match=r"'eel', 'fox' not among .* 'ant', 'cat'") as caught:
        match_classes(dataset_of([0, 1, 2], ("eel", "cat", "fox")), ("ant", "cat"), "there")
    assert str(caught.value).startswith("there: ")


def test_which_of_equal_classes_give_up_an_image_depends_on_the_seed():
    data = Dataset.of(np.zeros((90, 1, 1, 1), np.uint8), np.repeat(np.arange(30), 3), tuple(map(str, range(30))))
    chosen = [set(split_off_validation(data, 0.1, seed)[1].y) for seed in range(8)]
    assert all(len(classes) == 9 for classes in chosen)
    assert len(set.union(*chosen)) > 20
    assert len({int(limit(data, 1, seed).y[0]) for seed in range(20)}) > 5


@given(labels, st.floats(0, 0.99), seeds)
def test_choosing_in_pieces_chooses_the_same(y, fraction, seed):
    once = split_off_validation(dataset_of(y), fraction, seed), limit(dataset_of(y), 5, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "slices", partial(slices, step=3))
        pieces = split_off_validation(dataset_of(y), fraction, seed), limit(dataset_of(y), 5, seed)
    for one, other in zip((*once[0], once[1]), (*pieces[0], pieces[1]), strict=True):
        assert members(one) == members(other)


def test_examples_of_a_part_are_matched_whatever_is_outside_of_it():
    part = dataset_of([0, 1, 2], ("eel", "cat", "fox")).subset(np.array([1]))
    assert match_classes(part, ("ant", "cat")).y.tolist() == [1]
