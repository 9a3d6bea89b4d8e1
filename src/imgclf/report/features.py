"""Picture of the features that each class likes."""

import numpy as np
from matplotlib.figure import Figure

from imgclf.data.dataset import Dataset
from imgclf.report.class_grid import Beside, class_grid, empty_image, longest_side
from imgclf.report.pixel_squares import zoomed_size
from imgclf.report.style import MARGIN, key_to_numbers, styled
from imgclf.training.classifier import Model

_GAP = 16  # device pixels between two images of a class
_TITLE = "The features that each class likes"


@styled()
def liked_features(model: Model, train: Dataset) -> Figure:
    """Draw what each class likes, as its kind of features draws it.

    train   the training images, of which the first of each class may be shown beside it, as large
    """
    features = model.features
    assert features is not None, "a model of pixels has templates"
    drawing = features.kind.drawing
    assert drawing is not None, "features that can be drawn"
    columns = model.weights[:-1].T.astype(np.float64)
    images = np.stack([drawing.liked(w, features.example_shape, features.learned) for w in columns])
    size = zoomed_size((images.shape[1], images.shape[2]), longest_side(len(images)))
    beside = None
    if drawing.seen is not None:
        first = train.first_of_classes()
        pixels = zip(first, train.pixels(np.array([*first.values()])), strict=True)
        seen = {label: drawing.seen(image, features.learned) for label, image in pixels}
        down, across = next(iter(seen.values())).shape[:2]
        zoom = max(size) / max(down, across)
        shown = [seen.get(label, empty_image(down, across)) for label in range(len(images))]
        beside = Beside(shown, (max(1, round(zoom * down)), max(1, round(zoom * across))), _GAP, breadth=2)
    advice = drawing.caption + key_to_numbers(model.class_names)
    return class_grid(images, model.class_names, _TITLE, advice, MARGIN, size=size, beside=beside)[0]
