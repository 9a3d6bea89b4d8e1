import numpy as np
import pytest

from imgclf.report.template_steps import SHOWN, template_steps
from imgclf.report.templates import template_images
from layout import laid_out

STEPS = np.array([0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 40])


def path(shape, classes, steps=STEPS):
    weights = np.random.default_rng(0).normal(size=(len(steps), int(np.prod(shape)) + 1, classes))
    weights[0] = 0
    return steps, weights


def names(classes):
    return [f"name {c}" for c in range(classes)]


def shown_steps(figure):
    texts = [text.get_text() for text in figure.texts]
    first = texts.index("scale") + 1
    return [
        int(text.replace(",", "")) for text in texts[first : first + 3 * SHOWN : 3] if text.replace(",", "").isdecimal()
    ]


@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 5, 3)])
@pytest.mark.parametrize("classes", [2, 10, 21])
def test_each_image_shows_a_class_after_a_step(shape, classes):
    steps, weights = path(shape, classes)
    figure = template_steps(steps, weights, shape, names(classes), 10)
    laid_out(figure)
    chosen = shown_steps(figure)
    assert len(chosen) == SHOWN
    assert (chosen[0], chosen[-1]) == (1, 40)
    assert len(figure.images) == SHOWN * classes
    colors = [template_images(weights[list(steps).index(step)], shape)[0] for step in chosen]
    for i, image in enumerate(figure.images):
        pixels = np.asarray(image.get_array())
        zoom, rest = divmod(len(pixels), shape[0])
        assert rest == 0
        np.testing.assert_array_equal(pixels[::zoom, ::zoom], colors[i % SHOWN][i // SHOWN])


def test_steps_epochs_and_scales_are_written_above():
    figure = template_steps(*path((8, 8, 1), 2), (8, 8, 1), names(2), 10)
    texts = [text.get_text() for text in figure.texts]
    assert {"step", "epoch", "scale", "40", "4", "0.1", *names(2)} <= set(texts)
    assert sum(text.startswith("±") for text in texts) == SHOWN
    assert "Before the first step all weights are 0." in " ".join(texts)


@pytest.mark.parametrize("kept", [1, 2, 23, 32, 40])
def test_the_step_that_early_stopping_kept_is_shown_and_marked(kept):
    steps, weights = path((4, 4, 1), 2)
    figure = template_steps(steps, weights, (4, 4, 1), names(2), 10, kept)
    texts = [text.get_text() for text in figure.texts]
    first = texts.index("scale") + 1
    shown = texts[first : first + 3 * SHOWN : 3]
    assert shown.count(f"\N{WHITE CIRCLE} {kept}") == 1
    numbers = [int(text.removeprefix("\N{WHITE CIRCLE} ")) for text in shown]
    assert numbers == sorted(numbers)
    assert (len(numbers), numbers[0], numbers[-1]) == (SHOWN, 1, 40)
    assert "Early stopping kept the weights of" in " ".join(texts)
    place = list(steps).index(kept)
    color = np.asarray(figure.images[numbers.index(kept)].get_array())
    zoom = len(color) // 4
    np.testing.assert_array_equal(color[::zoom, ::zoom], template_images(weights[place], (4, 4, 1))[0][0])


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_run_of_few_steps_has_fewer(kept):
    steps, weights = path((8, 8, 1), 3)
    figure = template_steps(steps[:kept], weights[:kept], (8, 8, 1), names(3), 10)
    laid_out(figure)
    assert len(figure.images) == 3 * max(1, kept - 1)


def test_a_start_that_is_not_nothing_is_shown():
    steps, weights = path((8, 8, 1), 3)
    weights[0, 0, 0] = 1
    assert shown_steps(template_steps(steps, weights, (8, 8, 1), names(3), 10))[0] == 0


def test_huge_weights_are_drawn_without_a_warning():
    steps, weights = path((8, 8, 1), 3)
    weights[-1] *= 1e300
    laid_out(template_steps(steps, weights, (8, 8, 1), names(3), 10))


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="no templates"):
        template_steps(*path((8, 8, 1), 3), (8, 8, 3), names(3), 10)


@pytest.mark.parametrize(
    ("classes", "shape"), [(2, (32, 32, 3)), (2, (3, 60, 1)), (10, (28, 28, 1)), (10, (60, 3, 1)), (30, (32, 32, 3))]
)
def test_no_text_leaves_the_sheet(classes, shape):
    steps = np.append(STEPS[:-1], 123_456_789)
    figure = template_steps(*path(shape, classes, steps), shape, [f"a long name $x$ {c}" for c in range(classes)], 10)
    for text in figure.texts:
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    assert classes < 100 or figure.bbox.height < figure.bbox.width
