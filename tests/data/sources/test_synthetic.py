import numpy as np
import pytest

from imgclf.data.sources.synthetic import load
from imgclf.errors import UsageError

ALL = ("train", "val", "test")


def test_each_split_is_the_same_whether_or_not_others_are_asked_for():
    together = load(None, ALL, seed=3, train=300, val=40, test=50)
    assert {split: len(part) for split, part in together.items()} == {"train": 300, "val": 40, "test": 50}
    for split in ALL:
        alone = load(None, [split], seed=3, train=300, val=40, test=50)
        assert list(alone) == [split]
        assert alone[split].fingerprint == together[split].fingerprint


def test_seeds_and_splits_differ():
    found = [load(None, ALL, seed=seed, train=100, val=100, test=100) for seed in (0, 1)]
    assert len({one[split].fingerprint for one in found for split in ALL}) == 6


def test_without_noise_and_movement_a_class_is_one_pattern():
    train = load(None, ["train"], noise=0, shift=0, train=100, channels=3, size=9)["train"]
    assert train.example_shape == (9, 9, 3)
    for label in range(10):
        assert len(np.unique(train.images[train.y == label], axis=0)) == 1
    assert len(np.unique(train.images, axis=0)) == 10


def test_a_movement_is_a_roll_of_the_pattern_by_at_most_shift_pixels():
    options = {"classes": 2, "train": 200, "noise": 0, "size": 12, "seed": 0}
    still = load(None, ["train"], shift=0, **options)["train"]
    moved = load(None, ["train"], shift=1, **options)["train"]
    pattern = still.images[still.y == 0][0]
    rolls = {np.roll(pattern, (a, b), (0, 1)).tobytes() for a in (-1, 0, 1) for b in (-1, 0, 1)}
    assert len(rolls) == 9
    assert {image.tobytes() for image in moved.images[moved.y == 0]} == rolls


def test_the_noise_has_the_standard_deviation_that_was_asked_for():
    options = {"classes": 2, "train": 500, "shift": 0, "size": 16}
    clean = load(None, ["train"], noise=0, **options)["train"].images.astype(float)
    noisy = load(None, ["train"], noise=5, **options)["train"].images.astype(float)
    assert abs((noisy - clean).std() - 5) < 0.1
    assert abs((noisy - clean).mean()) < 0.1


def test_no_two_splits_share_their_noise():
    options = {"classes": 2, "train": 100, "test": 100, "shift": 0}
    clean = load(None, ALL, noise=0, **options)
    noisy = load(None, ALL, noise=5, **options)
    train, test = (noisy[split].images.astype(float) - clean[split].images for split in ("train", "test"))
    assert abs(np.corrcoef(train.ravel(), test.ravel())[0, 1]) < 0.05


def test_imbalance_is_how_often_the_first_class_is_as_the_last():
    counts = np.bincount(load(None, ["train"], classes=3, train=2100, imbalance=4)["train"].y)
    assert counts.tolist() == [1200, 600, 300]
    assert np.bincount(load(None, ["train"], train=50)["train"].y).tolist() == [5] * 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clases": 3}, "unknown option 'clases'"),
        ({"classes": 1}, "classes"),
        ({"classes": 2.5}, "classes"),
        ({"classes": True}, "classes"),
        ({"channels": 2}, "channels"),
        ({"size": 0}, "size"),
        ({"noise": -1}, "noise"),
        ({"noise": float("nan")}, "noise"),
        ({"noise": "much"}, "noise"),
        ({"imbalance": 0.5}, "imbalance"),
        ({"train": 5}, "without one"),
        ({"size": 10**6}, "memory"),
        ({"path": "x"}, "unknown option 'path'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(options, words):
    with pytest.raises(UsageError, match=words) as caught:
        load(None, ["train"], **options)
    assert caught.value.where == "data.options"
