"""Class weights: let rare classes count as much as common ones."""

from difflib import get_close_matches

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.config import Config
from imgclf.data.class_names import composed
from imgclf.data.dataset import Dataset
from imgclf.data.splits import quoted
from imgclf.errors import UsageError
from imgclf.losses import LOSSES, LossFn
from imgclf.numerics.weighting import Weighted

KEY = "train.class_weight"


def weighted(loss_fn: LossFn, class_weights: FloatArray | None) -> LossFn:
    """Multiply the loss of each example by the weight of its class: w[y] * loss, so also w[y] * dscores.

    class_weights (C,); without any, the loss itself is returned.
    """
    return loss_fn if class_weights is None else Weighted(loss_fn, class_weights)


def loss_at_zero(loss: str, support: IntArray, class_weights: FloatArray | None = None) -> float:
    """Return the mean loss where all scores are 0, as they are at W = 0; there is no penalty.

    support (C,): the examples of each class, or their shares. Every loss treats all classes alike, so one will do.
    """
    losses, _ = LOSSES[loss](np.zeros((1, len(support))), np.array([0]))
    weight = 1.0 if class_weights is None else float(class_weights @ support / support.sum())
    return weight * float(losses[0])


def class_weights_of(config: Config, train: Dataset) -> FloatArray | None:
    """Return the weight of each class, (C,) float64; None if the config has none.

    `balanced` is N / (C * count), as in scikit-learn: the weights of each class add up to N / C. A class without
    training images is not counted in C; its weight is 1, as is that of a class that the config does not name.
    """
    chosen = config.train.class_weight
    if not chosen:
        return None
    if chosen == "balanced":
        counts = train.class_counts()
        return np.where(counts > 0, len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
    chosen, names = {composed(name): weight for name, weight in chosen.items()}, train.class_names
    if unknown := [name for name in chosen if name not in names]:
        raise UsageError(KEY, f"there is no class {quoted(unknown)}{_hint(unknown[0], names)}", _classes(names))
    return np.array([chosen.get(name, 1.0) for name in names])


def _hint(name: str, names: tuple[str, ...]) -> str:
    by_lower_case = {one.lower(): one for one in names}
    near = get_close_matches(name.lower(), by_lower_case, 1)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""


def _classes(names: tuple[str, ...]) -> str:
    return f"the classes are {quoted(names)}"
