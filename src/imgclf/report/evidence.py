"""Evidence for a class, pixel by pixel: the terms of its score.

With v = pixel / scale (or pixel / |image| under norm l2) and x = (v - mean) / std, all in float64, the score of a class
with weights w (D,) and bias b is a sum in two ways:

    by ink alone             score = sum_d w_d / std_d * v_d + b'   b' = b - sum_d w_d / std_d * mean_d,
                                                                    the score of a black image
    against the mean image   score = sum_d w_d * x_d + b            b is the score of the mean image

The difference of two classes has the weights w = w_first - w_second and the bias b_first - b_second.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.data.preprocess import Preprocess, unit_rows
from imgclf.errors import DataError
from imgclf.model import split
from imgclf.training.classifier import Model

INK_ALONE, MEAN_IMAGE = "ink_alone", "mean_image"


class Evidence(NamedTuple):
    """The parts of a score.

    terms  (D,) float64: what each number of the example adds
    bias   what is added whatever the example is
    """

    terms: FloatArray
    bias: float

    @property
    def supporting(self) -> float:
        """The sum of the terms above 0, rounded once."""
        return math.fsum(self.terms[self.terms > 0].tolist())

    @property
    def opposing(self) -> float:
        """The sum of the terms below 0, rounded once."""
        return math.fsum(self.terms[self.terms < 0].tolist())

    @property
    def score(self) -> float:
        """The sum of all terms and the bias, rounded once: supporting + opposing + bias, but for 4 roundings."""
        return math.fsum([*self.terms.tolist(), self.bias])

    def strongest(self, most: int) -> tuple[list[int], list[int]]:
        """Return the places of the largest terms above 0 and of the lowest below 0, the strongest first."""
        above, below = np.argsort(-self.terms, kind="stable")[:most], np.argsort(self.terms, kind="stable")[:most]
        return above[self.terms[above] > 0].tolist(), below[self.terms[below] < 0].tolist()


class Explanation(NamedTuple):
    """Why an example has its class, and not the second best.

    example  (H, W, channels) or (D,), as the model takes it
    classes  the best, and the second if there is one; `numbers` are their places among all classes
    parts    INK_ALONE and MEAN_IMAGE -> the evidence for the best class rather than the second, for the best, and for
             the second; or for the only class. Without a mean the two are the same, and only INK_ALONE is there.
    """

    image: str
    example: NDArray[Any]
    classes: tuple[str, ...]
    numbers: tuple[int, ...]
    parts: Mapping[str, Sequence[Evidence]]


def explain(model: Model, image: str, example: NDArray[Any], classes: Sequence[str]) -> Explanation:
    """Return the evidence for the first of one or two classes; raises DataError if it is no finite number."""
    preprocess = model.preprocess
    W, b = split(model.weights)
    numbers = tuple(model.class_names.index(name) for name in classes)
    each = [(W[:, c].astype(np.float64), float(b[c])) for c in numbers]
    if len(each) == 2:
        (w1, b1), (w2, b2) = each
        each.insert(0, (w1 - w2, b1 - b2))
    example = model.vectors(example[np.newaxis])[0]
    v = scaled(preprocess, example)
    with np.errstate(over="ignore", invalid="ignore"):
        parts = {INK_ALONE: [ink_alone(preprocess, v, *one) for one in each]}
        if preprocess.mean is not None:
            parts[MEAN_IMAGE] = [around_mean(preprocess, v, *one) for one in each]
        if not all(math.isfinite(np.abs(one.terms).sum() + abs(one.bias)) for some in parts.values() for one in some):
            raise DataError(f"example {image}", "its evidence is too large for numbers", "check its values")
    return Explanation(image, example, tuple(classes), numbers, parts)


def scaled(preprocess: Preprocess, example: NDArray[Any]) -> FloatArray:
    """Return v, (D,) float64: the pixels or features divided by the scale, or under a norm by their length."""
    values = example.reshape(-1).astype(np.float64)
    return unit_rows(values[np.newaxis], preprocess.dtype)[0] if preprocess.norm else values / preprocess.scale


def around_mean(preprocess: Preprocess, v: FloatArray, w: FloatArray, b: float) -> Evidence:
    """Return w_d * x_d and b, with x = (v - mean) / std; v and w (D,)."""
    x = v if preprocess.mean is None else v - preprocess.mean
    x = x if preprocess.std is None else x / preprocess.std
    return Evidence(w * x, b)


def ink_alone(preprocess: Preprocess, v: FloatArray, w: FloatArray, b: float) -> Evidence:
    """Return w_d / std_d * v_d and b' = b - sum_d w_d / std_d * mean_d; v and w (D,)."""
    w = w if preprocess.std is None else w / preprocess.std
    if preprocess.mean is not None:
        of_mean = w * preprocess.mean
        # An infinite sum would raise; it is reported with the terms.
        b = math.fsum([b, *-of_mean]) if math.isfinite(np.abs(of_mean).sum()) else math.inf
    return Evidence(w * v, b)
