"""Picture of the features that each class likes."""

import numpy as np
from matplotlib.figure import Figure

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.fitted import Features
from imgclf.data.preprocess import WHITE
from imgclf.report.class_grid import class_grid
from imgclf.report.style import MARGIN, key_to_numbers, styled
from imgclf.report.templates import QUANTILE
from imgclf.training.classifier import Model

GLYPH = 15  # pixels a side of a cell of HOG, odd
BEST = 2  # patches a side in each part of an image
_TITLE = "The features that each class likes"
_OF_HOG = "Strokes run along the edges that count most for the class. Beside it: an image of the class, and its edges."
_OF_PATCHES = "In each part of the image, the patches that count most for the class where they are found, best first."


@styled()
def liked_features(model: Model, train: Dataset) -> Figure:
    """Draw what each class likes: for HOG its edges, for patches the best ones in each part of an image.

    train   the training images, of which the first of each class is shown beside its edges
    """
    features = model.features
    assert features is not None, "a model of pixels has templates"
    is_of_patches = features.name == "patches"
    draw, advice = (best_patches, _OF_PATCHES) if is_of_patches else (strokes, _OF_HOG)
    images = np.stack([draw(features, w) for w in model.weights[:-1].T.astype(np.float64)])
    advice += key_to_numbers(model.class_names)
    beside = None
    if not is_of_patches:
        first = np.array([np.argmax(train.y == c) for c in range(len(model.class_names))])
        beside = [edges(features, image) for image in train.pixels(first)]
    return class_grid(images, model.class_names, _TITLE, advice, MARGIN, beside=beside)[0]


def strokes(features: Features, numbers: FloatArray) -> ByteArray:
    """Draw HOG, or weights of it (D,), as an image: in each cell a stroke for each edge, bright for a large number."""
    options, v = features.options, np.maximum(_cells(features, numbers), 0)
    v = np.minimum(v / (np.quantile(v, QUANTILE) or 1), 1)  # (rows, columns, orientations)
    step = (2 if options["signed"] else 1) * np.pi / options["orientations"]
    angles = (np.arange(options["orientations"]) + (0 if options["interpolate"] else 0.5)) * step
    y, x = np.mgrid[:GLYPH, :GLYPH] - GLYPH // 2
    distance = np.abs(np.cos(angles) * x[..., None] + np.sin(angles) * y[..., None])  # from the line of the edge
    stroke = np.clip(1 - distance, 0, 1) * (np.hypot(y, x) <= GLYPH // 2)[..., None]  # (GLYPH, GLYPH, orientations)
    drawn = (v[:, None, :, None] * stroke[:, None]).max(axis=-1)  # (rows, GLYPH, columns, GLYPH)
    return _in_color(np.rint(WHITE * drawn).astype(np.uint8).reshape(len(v) * GLYPH, -1, 1))


def edges(features: Features, image: ByteArray) -> ByteArray:
    """Draw the HOG of an image over it, darkened."""
    kind = FEATURES[features.name](**{**features.options, "mirror": False})
    over = strokes(features, kind.compute(image[None], {})[0])
    rows, columns = (np.arange(side) * features.options["cell"] // GLYPH for side in over.shape[:2])
    return np.maximum(_in_color(image[rows][:, columns]) // 2, over)


def _cells(features: Features, numbers: FloatArray) -> FloatArray:
    """Return the mean of the numbers of each cell over its blocks, (rows, columns, orientations)."""
    cell, block, orientations = (features.options[key] for key in ("cell", "block", "orientations"))
    rows, columns = (side // cell - block + 1 for side in features.example_shape[:2])  # of blocks
    blocks = numbers[: rows * columns * block**2 * orientations].reshape(rows, columns, block, block, orientations)
    sums, counts = np.zeros((2, rows + block - 1, columns + block - 1, orientations))
    for y, x in np.ndindex(block, block):
        sums[y : y + rows, x : x + columns] += blocks[:, :, y, x]
        counts[y : y + rows, x : x + columns] += 1
    return np.asarray(sums / counts)


def best_patches(features: Features, w: FloatArray) -> ByteArray:
    """Draw, in each part of an image, the patches whose likeness has the largest weights w (D,), the best one first."""
    number, side, pool = (features.options[key] for key in ("number", "patch", "pool"))
    filters = features.learned["filters0"][:, :number].T  # whitened patches; of the mean of a patch, nothing is left
    pixels = (filters @ np.linalg.pinv(features.learned["whitening0"], rcond=1e-3)).reshape(number, side, side, -1)
    pixels = WHITE / 2 * (1 + pixels / np.abs(pixels).max(axis=(1, 2, 3), keepdims=True))
    shown = np.full((pool, pool, BEST, BEST, side + 1, side + 1, 3), WHITE, np.uint8)
    for part in np.ndindex(pool, pool):
        best = np.argsort(-w[: pool**2 * number].reshape(pool, pool, number)[part], kind="stable")
        for place, one in zip(np.ndindex(BEST, BEST), best[: BEST**2], strict=False):
            shown[part + place][:side, :side] = np.rint(pixels[one])
    parts = shown.transpose(0, 2, 4, 1, 3, 5, 6).reshape(pool, BEST * (side + 1), pool, BEST * (side + 1), 3)
    parts = np.pad(parts, ((0, 0), (0, 1), (0, 0), (0, 1), (0, 0)), constant_values=WHITE)
    return parts.reshape(pool * parts.shape[1], -1, 3)[:-2, :-2]


def _in_color(image: ByteArray) -> ByteArray:
    return np.repeat(image, 3 // image.shape[-1], axis=-1)
