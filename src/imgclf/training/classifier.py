"""A trained classifier: weights, preprocessing, class names and objective."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.data.dataset import UNKNOWN, InputFormat
from imgclf.data.features.fitted import Features
from imgclf.data.preprocess import Preprocess
from imgclf.data.sources._arrays import IMAGES
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.training.class_weights import weighted


@dataclass(frozen=True)
class Model:
    """A trained classifier.

    weights      (D+1, C), b in the last row
    preprocess   turns pixels, or features, into X (N, D)
    class_names  C names, in the order of the scores
    loss, l2, l1 the training objective
    class_weights of it, (C,) float64, or None: all 1
    features     what images are turned into before that, or None: nothing
    input_format how files must be read to be like the training data
    """

    weights: FloatArray
    preprocess: Preprocess
    class_names: tuple[str, ...]
    loss: str
    l2: float
    l1: float
    class_weights: FloatArray | None = None
    features: Features | None = None
    input_format: InputFormat = UNKNOWN

    def __post_init__(self) -> None:
        expected = (self.preprocess.size + 1, len(self.class_names))
        if self.weights.shape != expected:
            raise ValueError(f"weights are {self.weights.shape}, not {expected}")
        if self.weights.dtype != self.preprocess.dtype:
            raise ValueError(f"weights are {self.weights.dtype}, pixels {self.preprocess.dtype}")
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError("two classes have the same name")
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}")
        if not (0 <= self.l2 < np.inf and 0 <= self.l1 < np.inf):
            raise ValueError(f"penalties are {self.l2} and {self.l1}, not numbers of at least 0")
        w = self.class_weights
        if w is not None and not (w.shape == expected[1:] and w.dtype == np.float64 and (w > 0).all()):
            raise ValueError(f"class weights are {w.dtype} {w.shape}, not {expected[1:]} float64 above 0")
        if w is not None and not np.isfinite(w).all():
            raise ValueError("a class weight is not finite")

        if self.input_format.columns and (len(self.input_format.columns),) != self.preprocess.example_shape:
            raise ValueError(f"{len(self.input_format.columns)} names of features, not {self.preprocess.example_shape}")
        if self.features is not None and self.preprocess.example_shape != (self.features.size,):
            raise ValueError(f"{self.features.size} features, not {self.preprocess.example_shape}")

    @property
    def input(self) -> Preprocess:
        """The form of examples as they are given: of images that have features, their size and color."""
        return self.features.input if self.features else self.preprocess

    @property
    def like(self) -> InputFormat:
        """How files are read for it: images of floats by their own values, if those of training were none."""
        unknown = self.input.is_image and not self.input_format.floats
        return self.input_format._replace(floats=IMAGES) if unknown else self.input_format

    def vectors(self, examples: NDArray[Any]) -> NDArray[Any]:
        """Turn images (n, H, W, channels) into features (n, D) if the model has some; other examples stay."""
        return self.features(examples) if self.features and examples.ndim == 4 else examples

    @property
    def objective(self) -> Objective:
        """The training objective: its loss with the weights of the classes, and its penalties."""
        return Objective(weighted(LOSSES[self.loss], self.class_weights), self.l2, self.l1)
