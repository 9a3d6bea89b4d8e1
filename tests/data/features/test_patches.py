"""Patches: equal to their definition in loops; a mirror image has the same features."""

import math

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.patches import draw, halved, mirrored, standardized, unit, whitening
from imgclf.data.features.pooling import windows
from imgclf.errors import UsageError

RNG = np.random.default_rng(0)


def smooth(n, height=14, width=12, channels=3):
    """Images whose neighboring pixels are alike, as those of photographs are."""
    noise = RNG.integers(0, 256, (n, height // 2, width // 2, channels)).repeat(2, axis=1).repeat(2, axis=2)
    return (noise // 2 + RNG.integers(0, 128, (n, height, width, channels))).astype(np.uint8)


TRAIN = Dataset.of(smooth(60), np.arange(60) % 2, ("a", "b"))
patches = FEATURES["patches"]
SMALL = {"number": 3, "patch": 4, "stride": 2, "pool": 2}


def of_patch(patch, learned):
    """z of unit length of one patch, (height, width, channels)."""
    p = patch.astype(np.float64).ravel()
    p = (p - p.mean()) / math.sqrt(p.var() + 10)
    z = p @ learned["whitening0"] - learned["shift0"]  # to take off the mean once more changes nothing
    return z / np.linalg.norm(z)


def in_loops(image, learned, filters, number, patch, stride, pool):
    """The means of what is beyond the threshold, not yet their roots: (2, pool, pool, number)."""
    height, width, _ = image.shape
    rows, columns = ((side - patch) // stride + 1 for side in (height, width))
    sums = np.zeros((2, pool, pool, number))
    for y in range(rows):
        for x in range(columns):
            z = of_patch(image[y * stride : y * stride + patch, x * stride : x * stride + patch], learned)
            cosines = z @ filters[:, :number]
            for r in range(pool):
                for c in range(pool):
                    share = windows(rows, pool)[r, y] * windows(columns, pool)[c, x]
                    sums[0, r, c] += share * np.maximum(cosines - 0.2, 0)
                    sums[1, r, c] += share * np.maximum(-cosines - 0.2, 0)
    return sums


def test_the_features_are_their_definition_in_loops():
    kind = patches(**SMALL, mirror=False)
    learned = kind.learn(TRAIN, 0)
    for image in smooth(2):
        expected = np.sqrt(in_loops(image, learned, learned["filters0"], **SMALL))
        np.testing.assert_allclose(kind.compute(image[None], learned)[0], expected.ravel(), atol=2e-3)
        assert expected.any()


def test_with_mirror_they_are_those_of_the_image_and_of_its_mirror_image_together():
    kind = patches(**SMALL)
    learned = kind.learn(TRAIN, 0)
    for image in smooth(2):
        parts = [in_loops(one, learned, learned["filters0"], **SMALL) for one in (image, image[:, ::-1])]
        np.testing.assert_allclose(kind.compute(image[None], learned)[0], np.sqrt(sum(parts)).ravel(), atol=2e-3)


def test_a_mirror_image_has_the_same_features_only_with_mirror():
    images = smooth(4)
    for mirror in (True, False):
        kind = patches(**SMALL, mirror=mirror)
        learned = kind.learn(TRAIN, 0)
        seen, other = kind.compute(images, learned), kind.compute(images[:, :, ::-1], learned)
        assert np.allclose(seen, other, atol=1e-3) == mirror


def test_filters_are_of_unit_length_and_the_second_half_are_their_mirror_images():
    learned = patches(**SMALL).learn(TRAIN, 0)
    F = learned["filters0"]
    np.testing.assert_allclose(np.linalg.norm(F, axis=0), 1, atol=1e-5)
    for number, patch in enumerate(draw(TRAIN, 3, 4, 0, 0)[:3]):
        np.testing.assert_allclose(of_patch(patch, learned), F[:, number], atol=1e-5)
        np.testing.assert_allclose(of_patch(patch[:, ::-1], learned), F[:, number + 3], atol=1e-5)


def test_whitened_patches_are_uncorrelated_and_vary_equally():
    drawn = draw(TRAIN, 3, 4, 0, 0).reshape(600, -1)
    both = np.concatenate([drawn, drawn[:, mirrored(4, 3)]])
    W, mu, E = whitening(drawn, mirrored(4, 3))
    z = standardized(both) @ W - mu
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-4)
    covariance = z.T @ z / len(z)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-4
    assert 0.5 < np.median(np.diag(covariance)) < 1
    np.testing.assert_allclose(E.T @ E, np.eye(48), atol=1e-9)


def test_a_second_scale_is_that_of_images_of_half_the_size():
    kind, one = patches(number=3, patch=3, stride=1, pool=3, scales=2), patches(number=3, patch=3, stride=1, pool=2)
    learned = kind.learn(TRAIN, 0)
    image = smooth(1)
    small = {f"{name}0": learned[f"{name}1"] for name in ("whitening", "shift", "filters")}
    whole = image[0].astype(np.float32).reshape(7, 2, 6, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved(image.astype(np.float32))[0], whole)
    seen = kind.compute(image, learned)
    assert seen.shape == (1, kind.size(image.shape[1:])) == (1, 2 * 3 * (9 + 4))
    np.testing.assert_allclose(seen[0, 54:], one.compute(whole[None], small)[0], atol=1e-6)


def test_what_is_learned_depends_on_the_seed_and_on_the_images_alone():
    learn = patches(**SMALL).learn
    first, again, other = (learn(TRAIN, seed) for seed in (0, 0, 1))
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert all(first[name].tobytes() != other[name].tobytes() for name in first)
    fewer = learn(TRAIN.subset(np.arange(40)), 0)
    assert fewer["filters0"].tobytes() != first["filters0"].tobytes()


def test_an_image_without_an_edge_is_finite():
    kind = patches(**SMALL)
    assert np.isfinite(kind.compute(np.zeros((1, 14, 12, 3), np.uint8), kind.learn(TRAIN, 0))).all()


def test_a_zero_stays_one():
    assert not unit(np.zeros((2, 3))).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"patch": 13}, "12 x 14 pixels have too few patches of 13 x 13"),
     ({"scales": 2, "patch": 7}, "6 x 7 pixels at scale 2 have too few patches of 7 x 7"),
     ({"pool": 8}, "too few patches of 4 x 4 for 8 parts a side")],
)  # fmt: skip
def test_images_that_are_too_small_are_one_clear_error(options, words):
    with pytest.raises(UsageError, match=words):
        patches(**SMALL | {"stride": 4} | options).size((14, 12, 3))


def test_more_patches_than_the_images_give_are_refused():
    with pytest.raises(UsageError, match="60 training images give 600 patches, 601 are wanted"):
        patches(**SMALL | {"number": 601}).learn(TRAIN, 0)
