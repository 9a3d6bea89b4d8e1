from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.losses import LOSSES
from imgclf.report import mistakes as module
from imgclf.report.mistakes import A_PAIR, SHOWN, mistakes, most_confident
from imgclf.training.classifier import Model
from imgclf.training.evaluation import score_images
from layout import laid_out

SHAPE = (4, 5, 3)


def example(classes=4, n=300, loss="softmax", shape=SHAPE, names=None, scale=1.0):
    rng = np.random.default_rng(0)
    names = names or tuple(f"name {c}" for c in range(classes))
    size = int(np.prod(shape))
    weights = (scale * rng.normal(size=(size + 1, classes))).astype(np.float32)
    dataset = Dataset.of(rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, classes, n), names)
    return Model(weights, Preprocess(shape, 255.0, None, None, "float32"), names, loss, 0.0, 0.0), dataset


def slowly(model, dataset):
    """All mistakes, the most confident first, less what exceeds three of a pair."""
    scores = score_images(model, dataset.pixels(slice(None))).astype(float)
    found = []
    for row, (s, y) in enumerate(zip(scores, dataset.y, strict=True)):
        first, second = sorted(s)[-1:-3:-1]
        sure = np.exp(first - s).sum() if model.loss != "softmax" else 1 / np.exp(s - first).sum()
        sure = sure if model.loss == "softmax" else first - second
        if s.argmax() != y:
            found.append((-sure, row, y, s.argmax()))
    kept, pairs = [], Counter()
    for one in sorted(found):
        pairs[one[2:]] += 1
        if pairs[one[2:]] <= A_PAIR:
            kept.append(one)
    return kept[:SHOWN]


@pytest.mark.parametrize("scores_at_once", [1, 37, 1 << 22])
@pytest.mark.parametrize("classes", [2, 4, 30])
@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_they_are_the_most_confident_of_all_and_at_most_three_of_a_pair(monkeypatch, loss, classes, scores_at_once):
    monkeypatch.setattr(module, "_SCORES", scores_at_once)
    model, dataset = example(classes, loss=loss)
    found, expected = most_confident(model, dataset), slowly(model, dataset)
    assert len(expected) == min(SHOWN, 3 * classes * (classes - 1))
    assert [*zip(found.rows.tolist(), found.true, found.predicted, strict=True)] == [one[1:] for one in expected]
    size = (
        np.abs(score_images(model, dataset.images)).max() if loss == "svm" else 0
    )  # of what is rounded: float32 scores
    np.testing.assert_allclose(found.confidence, [-one[0] for one in expected], rtol=1e-6, atol=2e-7 * size)


def test_they_are_of_the_split_and_named_by_its_rows_in_the_data():
    model, dataset = example()
    part = dataset.subset(np.arange(100, 200))
    found = most_confident(model, part)
    np.testing.assert_array_equal(part.y[found.rows], found.true)
    shown = [text.get_text() for text in mistakes(found, part, model, "val").texts]
    assert [text for text in shown if text.startswith("row ")] == [f"row {100 + row}" for row in found.rows]


def test_images_with_files_are_named_by_them():
    model, dataset = example()
    dataset = Dataset(**vars(dataset) | {"paths": lambda: (Path(f"train/cat/{i}.png") for i in range(300))})
    found = most_confident(model, dataset)
    shown = [text.get_text() for text in mistakes(found, dataset, model, "val").texts]
    assert [text for text in shown if text.endswith(".png")] == [f"{row}.png" for row in found.rows]


@pytest.mark.parametrize("loss", LOSSES)
def test_each_image_is_shown_with_its_classes_and_confidence(loss):
    model, dataset = example(loss=loss)
    found = most_confident(model, dataset)
    figure = mistakes(found, dataset, model, "val")
    shown = [text.get_text() for text in figure.texts]
    assert f"At most {A_PAIR} share both the class and the answer." in " ".join(shown)
    start = shown.index(f"row {found.rows[0]}") - 3
    for i, row in enumerate(found.rows):
        true, predicted, sure, _ = shown[start + 4 * i : start + 4 * i + 4]
        assert (true, predicted) == (f"name {found.true[i]}", f"name {found.predicted[i]}")
        assert sure.endswith("%") == (loss == "softmax")
        pixels = np.asarray(figure.images[i].get_array())
        zoom = len(pixels) // SHAPE[0]
        np.testing.assert_array_equal(pixels[::zoom, ::zoom], dataset.images[row])


def test_a_probability_near_one_is_not_said_to_be_one():
    model, dataset = example(scale=100.0)
    shown = [text.get_text() for text in mistakes(most_confident(model, dataset), dataset, model, "val").texts]
    assert ">99%" in shown
    assert "100%" not in shown


def test_a_model_without_a_mistake_is_told_so():
    model, dataset = example()
    right = Dataset(**vars(dataset) | {"labels": score_images(model, dataset.images).argmax(axis=1)})
    figure = mistakes(most_confident(model, right), right, model, "val")
    laid_out(figure)
    assert "Not one mistake among 300 images" in " ".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize(
    ("classes", "shape"), [(2, (28, 28, 1)), (2, (200, 60, 3)), (100, (32, 32, 3)), (100, (3, 60, 1))]
)
def test_no_text_leaves_the_sheet(classes, shape):
    model, dataset = example(
        classes, 60, shape=shape, names=tuple(f"a rather long name $x$ {c}" for c in range(classes))
    )
    figure = mistakes(most_confident(model, dataset), dataset, model, "val")
    for text in figure.texts:
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
