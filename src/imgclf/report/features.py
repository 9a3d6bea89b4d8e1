"""Picture of the features that each class likes."""

import numpy as np
from matplotlib.figure import Figure

from imgclf.data.dataset import Dataset
from imgclf.report.class_grid import class_grid
from imgclf.report.style import MARGIN, key_to_numbers, styled
from imgclf.training.classifier import Model

_TITLE = "The features that each class likes"


@styled()
def liked_features(model: Model, train: Dataset) -> Figure:
    """Draw what each class likes, as its kind of features draws it.

    train   the training images, of which the first of each class may be shown beside it
    """
    features = model.features
    assert features is not None, "a model of pixels has templates"
    drawing = features.kind.drawing
    assert drawing is not None, "features that can be drawn"
    columns = model.weights[:-1].T.astype(np.float64)
    images = np.stack([drawing.liked(w, features.example_shape, features.learned) for w in columns])
    beside = None
    if drawing.seen is not None:
        first = np.array([np.argmax(train.y == c) for c in range(len(model.class_names))])
        beside = [drawing.seen(image, features.learned) for image in train.pixels(first)]
    advice = drawing.caption + key_to_numbers(model.class_names)
    return class_grid(images, model.class_names, _TITLE, advice, MARGIN, beside=beside, alike=True)[0]
