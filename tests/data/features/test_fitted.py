"""All features alike: an image has the same ones alone and in company; vectors keep the identity of their images."""

from pathlib import Path

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.fitted import Features, FeatureVectors

pytestmark = pytest.mark.bits

OPTIONS = {"hog": {"mirror": True, "interpolate": True}, "patches": {"number": 8, "scales": 2, "patch": 4}}
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 17, 20, 3), dtype=np.uint8)
TRAIN = Dataset.of(IMAGES, np.arange(40) % 3, ("a", "b", "c"))


def fit(name, **options):
    return Features.fit(name, OPTIONS.get(name, {}) | options, TRAIN, 0, "squash")


@pytest.mark.parametrize("name", FEATURES)
def test_an_image_has_the_same_features_alone_and_in_company_to_the_bit(name):
    features = fit(name)
    together = features.kind.compute(IMAGES, features.learned)
    assert together.shape == (40, features.size)
    for start, n in ((0, 1), (3, 5), (7, 16)):
        part = features.kind.compute(IMAGES[start : start + n], features.learned)
        assert part.tobytes() == together[start : start + n].tobytes()
    assert features(IMAGES).dtype == np.float16
    assert np.isfinite(features(IMAGES)).all()


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("shape", [(17, 20, 3), (32, 32, 3), (16, 23, 3)])
def test_the_size_is_that_of_what_is_computed(name, shape):
    kind = FEATURES[name](**OPTIONS.get(name, {}))
    images = np.random.default_rng(1).integers(0, 256, (12, *shape), dtype=np.uint8)
    learned = kind.learn(Dataset.of(images, np.zeros(12, int), ("a",)), 0)
    assert kind.compute(images[:2], learned).shape == (2, kind.size(shape))
    assert {name: one.shape for name, one in learned.items()} == kind.shapes(shape)


def test_what_was_learned_must_fit():
    learned = fit("patches").learned
    for wrong in ({}, learned | {"more": np.zeros(3)}, learned | {"shift0": np.zeros(3)}):
        with pytest.raises(ValueError, match="in the right shapes"):
            Features("patches", OPTIONS["patches"], (17, 20, 3), learned=wrong)


def test_equal_features_have_equal_fingerprints_and_others_other_ones():
    prints = {fit(name, mirror=mirror).fingerprint for name in FEATURES for mirror in (True, False)}
    assert len(prints) == 2 * len(FEATURES)
    assert fit("patches", mirror=True).fingerprint in prints
    other = TRAIN.subset(np.arange(30))
    assert Features.fit("patches", OPTIONS["patches"] | {"mirror": True}, other, 0, "squash").fingerprint not in prints


def test_vectors_have_the_identity_the_labels_and_the_names_of_their_images():
    paths = [Path(f"{number}.png") for number in range(40)]
    with_paths = Dataset(IMAGES, TRAIN.labels, TRAIN.class_names, np.arange(40), (), lambda: paths)
    rows = np.array([7, 3, 30])
    for images in (with_paths.subset(rows), TRAIN.subset(rows)):
        vectors = FeatureVectors.of_images(images, np.eye(3, 5, dtype=np.float16))
        assert vectors.fingerprint == images.fingerprint
        assert vectors.y.tolist() == images.y.tolist()
        some = vectors.subset(np.array([2, 0]))
        assert some.pixels(slice(None)).argmax(axis=1).tolist() == [2, 0]
        assert some.y.tolist() == images.y[[2, 0]].tolist()
        for one in (vectors, some):
            assert one.names_of(np.arange(len(one))) == one.pictures.names_of(np.arange(len(one)))
        assert some.fingerprint == images.subset(np.array([2, 0])).fingerprint
        assert some.unit == "example"
