"""Preprocessing against its formula; every image becomes pixels in one way."""

import numpy as np
import pytest
from PIL import Image

from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import (
    SPREAD_SAMPLE,
    Preprocess,
    default_scale,
    default_std,
    fit_preprocess,
    spread,
    tiny_range,
    widest_range,
)
from imgclf.errors import DataError
from imgclf.speed.threads import workers

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (300, 4, 3, 3), dtype=np.uint8)
IMAGES[:, 0, 0, :] = 7  # never changes
DATA = Dataset.of(IMAGES, RNG.integers(0, 2, 300), ("a", "b"))


def by_hand(images, center, std):
    x = images.astype(np.float64)
    axes = {"pixel": 0, "channel": (0, 1, 2)}
    mean = 0 if center == "none" else x.mean(axis=axes[center], keepdims=True)
    deviation = 1.0
    if std != "none":
        deviation = x.std(axis=axes[std], keepdims=True) / 255
        deviation[deviation == 0] = 1
    return ((x - mean) / 255 / deviation).reshape(len(x), -1)


@pytest.mark.parametrize("center", ["none", "pixel", "channel"])
@pytest.mark.parametrize("std", ["none", "pixel", "channel"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-11)])
def test_preprocessing_is_its_formula(center, std, dtype, tolerance):
    fitted = fit_preprocess(DATA, scale=255, center=center, std=std, dtype=dtype)
    X = fitted.apply(IMAGES)
    assert X.dtype == dtype
    assert X.flags.c_contiguous
    np.testing.assert_allclose(X, by_hand(IMAGES, center, std), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("std", ["none", "pixel", "channel"])
def test_any_number_of_threads_fits_the_same_bits(std):
    chosen = {"scale": 255, "center": "pixel", "std": std, "dtype": "float64"}
    alone = fit_preprocess(DATA, **chosen)
    with workers(3) as sum_blocks:
        shared = fit_preprocess(DATA, **chosen, sum_blocks=sum_blocks)
    assert shared.mean.tobytes() == alone.mean.tobytes()
    assert std == "none" or shared.std.tobytes() == alone.std.tobytes()


def test_the_mean_of_whole_numbers_is_that_of_python():
    white = Dataset.of(np.full((1000, 2, 2, 1), 255, np.uint8), np.zeros(1000, int), ("a", "b"))
    assert fit_preprocess(white, scale=1, center="pixel", std="none", dtype="float64").mean.tolist() == [255.0] * 4
    fitted = fit_preprocess(DATA, scale=1, center="pixel", std="none", dtype="float64")
    assert fitted.mean.tolist() == [sum(map(int, column)) / 300 for column in IMAGES.reshape(300, -1).T]


def test_only_the_given_examples_are_fitted_on():
    half = DATA.subset(np.arange(0, 300, 2))
    fitted = fit_preprocess(half, scale=1, center="pixel", std="none", dtype="float64")
    np.testing.assert_allclose(fitted.mean, IMAGES[::2].mean(axis=0).ravel(), rtol=1e-14)


def test_pixels_are_not_changed_and_nothing_is_shared():
    before = IMAGES.copy()
    fitted = fit_preprocess(DATA, scale=255, center="pixel", std="none", dtype="float32")
    X = fitted.apply(IMAGES)
    X[:] = 0
    np.testing.assert_array_equal(IMAGES, before)


def test_features_of_no_preprocessing_are_used_as_given():
    features = Dataset.of(RNG.standard_normal((10, 4)), np.zeros(10, int), ("a", "b"))
    fitted = fit_preprocess(features, scale=1, center="none", std="none", dtype="float64")
    assert fitted.apply(features.images).tobytes() == features.images.tobytes()
    channel = fit_preprocess(features, scale=1, center="channel", std="none", dtype="float64")
    np.testing.assert_allclose(channel.mean, features.images.mean(axis=0), rtol=1e-14)


@pytest.mark.parametrize("tiny", [1e-310, 1e-45, 1e-40, 1e-38, 1e-36, 1e-30])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_feature_that_hardly_changes_becomes_no_number_that_is_not_finite(tiny, scale, dtype):
    features = Dataset.of(np.array([[0, 1], [tiny, 2]] * 5), np.arange(10) % 2, ("a", "b"))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        X = fit_preprocess(features, scale=scale, center="pixel", std="pixel", dtype=dtype).apply(features.images)
    assert np.abs(X).max() < 1.5


def test_the_deviation_of_huge_features_is_that_of_small_ones():
    small = RNG.standard_normal((50, 3))
    one, other = (
        fit_preprocess(Dataset.of(X, np.arange(50) % 2, ("a", "b")), scale=1, center="pixel", std="pixel",
                       dtype="float64").apply(X)
        for X in (small + 1, (small + 1) * 2.0**600)
    )  # fmt: skip
    np.testing.assert_allclose(other, one, rtol=1e-9)


def test_features_far_from_0_keep_their_differences_in_float32():
    """Such as seconds since 1970, which float32 knows to within a minute: only the mean is rounded."""
    seconds = 1.6e9 + 10 * RNG.standard_normal((200, 3))
    data = Dataset.of(seconds, np.arange(200) % 2, ("a", "b"))
    X = fit_preprocess(data, scale=1, center="pixel", std="pixel", dtype="float32").apply(seconds).astype(np.float64)
    right = (seconds - seconds.mean(axis=0)) / seconds.std(axis=0)
    np.testing.assert_allclose(X - X.mean(axis=0), right, atol=1e-5)


def images_of(values):
    values = np.resize(np.asarray(values, np.uint8), (10, 2, 2, 1))
    return Dataset.of(values, np.arange(10) % 2, ("a", "b"))


@pytest.mark.parametrize(("values", "scale"), [
    ([0, 255], 255), ([0, 64], 255), ([0, 63], 63), ([0, 16], 16), ([0, 15], 15), ([0, 1], 1), ([1], 1), ([0], 255),
])  # fmt: skip
def test_images_of_few_levels_are_divided_by_their_largest_value(values, scale):
    assert default_scale(images_of(values)) == scale


def test_one_bright_pixel_anywhere_makes_the_scale_of_bytes(monkeypatch):
    monkeypatch.setattr("imgclf.data.dataset.AT_ONCE", 8)  # two images at a time
    dark = images_of([0, 1])
    dark.images[9, 1, 1] = 255
    assert default_scale(dark) == 255
    assert default_scale(dark.subset(np.arange(9))) == 1


@pytest.mark.parametrize("factor", [1, 255, 1e-3])
def test_features_are_used_as_given_and_standardized(factor):
    features = Dataset.of(factor * RNG.random((300, 5)), np.arange(300) % 2, ("a", "b"))
    scale, std = default_scale(features), default_std(features)
    assert (scale, std) == (1, "pixel")
    X = fit_preprocess(features, scale=scale, center="pixel", std=std, dtype="float64").apply(features.images)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-12)


def test_images_of_0_and_1_are_seen_as_those_of_0_and_255_by_a_model_of_each():
    ones = images_of([0, 1, 1, 0, 0, 1, 0])
    whites = Dataset.of(255 * ones.images, ones.labels, ones.class_names)
    of_ones, of_whites = (
        fit_preprocess(data, scale=default_scale(data), center="none", std="none", dtype="float64")
        for data in (ones, whites)
    )
    np.testing.assert_allclose(of_whites.apply(whites.images), of_ones.apply(ones.images), rtol=1e-15)
    np.testing.assert_array_equal(of_ones.apply(whites.images), 255 * of_ones.apply(ones.images))


def of_levels(scale, center, largest):
    images = RNG.integers(0, largest + 1, (50, 2, 2, 1), dtype=np.uint8)
    given = Dataset.of(images, np.arange(50) % 2, ("a", "b"))
    return fit_preprocess(given, scale=scale, center=center, std="none", dtype="float32")


def test_images_of_bytes_give_a_warning_after_training_on_few_levels():
    bytes_, bits = np.full((3, 2, 2, 1), 255, np.uint8), np.ones((3, 2, 2, 1), np.uint8)
    for largest in (1, 15):
        few = of_levels(largest, "pixel", largest)
        assert f"values up to {largest}, these go up to 255" in few.warning_about(bytes_)
        assert few.warning_about(bits // largest) is None
    assert of_levels(255, "pixel", 255).warning_about(bytes_) is None
    assert of_levels(1, "pixel", 255).warning_about(bytes_) is None  # divided by 1 because somebody said so
    assert of_levels(1, "none", 1).warning_about(bytes_) is None  # nothing is known of the training images


def test_images_of_0_and_1_give_a_warning_after_training_on_more():
    bits, black = np.ones((3, 2, 2, 1), np.uint8), np.zeros((3, 2, 2, 1), np.uint8)
    for largest in (15, 255):
        many = of_levels(largest, "pixel", largest)
        assert "larger values, these are of 0 and 1" in many.warning_about(bits)
        assert many.warning_about(2 * bits) is None
        assert many.warning_about(black) is None  # a black image is one of any range
    for scale in (1, 255):
        assert of_levels(scale, "pixel", 1).warning_about(bits) is None


def test_images_are_not_divided_by_a_deviation():
    assert default_std(DATA) == "none"


def test_features_of_0_and_1_are_not_divided_by_a_deviation(monkeypatch):
    monkeypatch.setattr("imgclf.data.dataset.AT_ONCE", 100)
    X = (RNG.random((300, 5)) < 0.1).astype(np.float16)
    assert default_std(Dataset.of(X, np.arange(300) % 2, ("a", "b"))) == "none"
    X[299, 4] = 2
    assert default_std(Dataset.of(X, np.arange(300) % 2, ("a", "b"))) == "pixel"


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize(("center", "std"), [("none", "none"), ("pixel", "none"), ("pixel", "pixel")])
def test_the_norm_is_applied_first_whatever_the_scale(stored, scale, center, std):
    X = (20 * RNG.random((300, 6))).astype(stored)
    X[7] = 0
    data = Dataset.of(X.reshape(300, 2, 3, 1) if stored is np.uint8 else X, np.arange(300) % 2, ("a", "b"))
    fitted = fit_preprocess(data, scale=scale, center=center, std=std, norm="l2", dtype="float64")
    length = np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)
    expected = X / np.where(length, length, 1)
    expected = expected - (expected.mean(axis=0) if center == "pixel" else 0)
    expected = expected / (expected.std(axis=0) if std == "pixel" else 1)
    np.testing.assert_allclose(fitted.apply(data.images), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-300, 1e-40, 1, 1e38, 1e300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_any_size_get_unit_length(size, dtype):
    X = RNG.standard_normal((20, 9))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        unit = Preprocess((9,), 1.0, None, None, dtype, norm="l2").apply(size * X)
    np.testing.assert_allclose(unit, X / np.linalg.norm(X, axis=1, keepdims=True), rtol=1e-5)
    assert not Preprocess((9,), 1.0, None, None, dtype, norm="l2").apply(0 * X).any()


def test_the_norm_of_a_row_does_not_depend_on_the_rows_beside_it():
    X = RNG.standard_normal((50, 301)).astype(np.float32)
    unit = Preprocess((301,), 1.0, None, None, "float32", norm="l2")
    together = unit.apply(X)
    assert all(unit.apply(X[row : row + 1]).tobytes() == together[row].tobytes() for row in range(50))


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1, 1e30])
def test_the_spread_is_the_deviation_of_values_that_change(size):
    X = np.zeros((SPREAD_SAMPLE, 4))
    X[:, :2] = 1000 * size + size * RNG.standard_normal((SPREAD_SAMPLE, 2))  # the other two never change
    given = Preprocess((4,), 1.0, None, None, "float64")
    features = Dataset.of(X, np.arange(SPREAD_SAMPLE) % 2, ("a", "b"))
    assert spread(given, features) == pytest.approx(np.sqrt(X[:, :2].var(axis=0).mean()), rel=1e-9)


@pytest.mark.parametrize(("dtype", "share", "divides"), [
    ("float32", 0.99, False), ("float32", 1.01, True), ("float64", 1.01, True),
])  # fmt: skip
def test_what_has_more_than_a_tiny_range_has_a_deviation_to_divide_by(dtype, share, divides):
    X = np.zeros((SPREAD_SAMPLE, 1))
    X[:2, 0] = [-0.5, 0.5]  # no other values of this range deviate as little
    features = Dataset.of(X * share * tiny_range(dtype), np.arange(SPREAD_SAMPLE) % 2, ("a", "b"))
    assert widest_range(features) == pytest.approx(share * tiny_range(dtype))
    fitted = fit_preprocess(features, scale=1, center="none", std="pixel", dtype=dtype)
    assert (fitted.std < 1).all() == divides


def test_where_nothing_changes_there_is_no_spread():
    given = Preprocess((2,), 1.0, None, None, "float32")
    assert np.isnan(spread(given, Dataset.of(np.full((9, 2), 0.3), np.arange(9) % 2, ("a", "b"))))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "CMYK", "I;16", "LA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_of_any_size_and_mode_becomes_an_image_of_the_model(tmp_path, mode, channels):
    trained = Dataset.of(np.zeros((2, 6, 9, channels), np.uint8), np.arange(2), ("a", "b"))
    fitted = fit_preprocess(trained, scale=255, center="none", std="none", dtype="float32")
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    Image.new(mode, (31, 17), 1 if mode == "1" else None).save(path)
    assert fitted.read_image(path).shape == (6, 9, channels)
    assert fitted.apply(fitted.read_image(path)[None]).shape == (1, 54 * channels)


@pytest.mark.parametrize("value", [0.1, 1e5, -3e-7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_feature_that_never_changes_keeps_its_size(value, dtype):
    features = Dataset.of(np.full((301, 2), value), np.arange(301) % 2, ("a", "b"))
    fitted = fit_preprocess(features, scale=1, center="pixel", std="pixel", dtype=dtype)
    np.testing.assert_array_equal(fitted.std, 1)
    np.testing.assert_allclose(fitted.apply(features.images), 0, atol=1e-6 * abs(value))


GRAY, COLOR, VECTORS, LONGER = (
    Dataset.of(np.zeros((1, *shape), np.uint8 if shape[1:] else np.float32), np.zeros(1, int), ("a",))
    for shape in ((28, 20, 1), (2, 3, 3), (64,), (1500,))
)


@pytest.mark.parametrize(("trained", "given", "problem"), [
    (VECTORS, LONGER, "examples of 1,500 features, the model takes 64 features - give it the same features"),
    (VECTORS, GRAY, "images of 28 x 20 gray, the model takes 64 features - give it the same"),
    (GRAY, VECTORS, "examples of 64 features, the model takes 28 x 20 gray - give it images"),
    (COLOR, GRAY, "images of 28 x 20 gray, the model takes 2 x 3 color - give it images"),
])  # fmt: skip
def test_examples_that_a_model_cannot_take_are_refused_in_words(trained, given, problem):
    takes = Preprocess(trained.example_shape, 1.0, None, None, "float32")
    takes.check_shape(trained, "here")
    with pytest.raises(DataError, match=problem):
        takes.check_shape(given, "here")
    with pytest.raises(DataError, match="- restore it"):
        takes.check_shape(given, "here", "restore it")
