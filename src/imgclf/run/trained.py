"""A trained classifier for Python: the classes of arrays, files and pictures."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.dataset import Unlabeled, described
from imgclf.data.sources._arrays import check_finite, given_examples
from imgclf.errors import DataError, UsageError
from imgclf.files.images import pixels_of
from imgclf.run.opening import open_run
from imgclf.speed.threads import workers
from imgclf.training.classifier import Model
from imgclf.training.prediction import finite_scores, probabilities_of

Picture: TypeAlias = str | os.PathLike[str] | Image.Image
Images: TypeAlias = NDArray[Any] | Picture | Sequence[Picture]
PICTURE = (str, os.PathLike, Image.Image)


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier; `imgclf.load` returns one.

    where  the run or model file that it is from
    model  its weights, preprocessing, class names and objective

    Images are an array (n, H, W) or (n, H, W, 1 or 3) of whole numbers of 0..255, or of floats like the training
    images; or the path of an image file, or an image of Pillow; or a list of these. As in `imgclf predict`, they are
    given the size and the color of the training images. Feature vectors are an array (n, D).

    Methods raise DataError for examples that the model cannot take.
    """

    where: object
    model: Model

    @classmethod
    def of_run(cls, run: Path | None = None) -> "TrainedClassifier":
        """Load a run directory or a model.npz; None: the newest finished run. Raises RunError."""
        return cls(*open_run(run))

    @property
    def classes(self) -> tuple[str, ...]:
        """The C class names, in the order of the scores."""
        return self.model.class_names

    def predict(self, images: Images) -> NDArray[np.str_]:
        """Return the name of the class with the highest score of each image, (n,)."""
        best = self.scores(images).argmax(axis=1)
        return np.asarray(np.array(self.classes)[best])

    def probabilities(self, images: Images) -> NDArray[np.float64]:
        """Return the probability of each class, (n, C); raises UsageError unless the loss is softmax."""
        found = probabilities_of(self.model, self.scores(images))
        if found is None:
            problem = f"a classifier of the loss {self.model.loss} has scores, and no probabilities"
            raise UsageError(self.where, problem, "use scores, or train with the loss softmax")
        return found.astype(np.float64, copy=False)

    def scores(self, images: Images) -> FloatArray:
        """Return the score of each class, (n, C): x @ W + b of the preprocessed images x."""
        examples = self._examples(images)
        if warning := self.model.input.warning_about(examples):
            warnings.warn(f"{self.where}: {warning}", stacklevel=3)
        with workers(1):
            return finite_scores(self.where, self.model, Unlabeled([*map(str, range(len(examples)))], examples))

    def _examples(self, images: Images) -> NDArray[Any]:
        """Return examples as the model takes them."""
        kind = self.model.input
        if not isinstance(images, np.ndarray):
            pictures = [images] if isinstance(images, PICTURE) else images
            if not isinstance(pictures, list | tuple) or not pictures or not all(map(_is_picture, pictures)):
                problem, remedy = "neither an array nor pictures", "give an array, paths of image files, or a list"
                raise DataError("images", problem, remedy)
            if not kind.is_image:
                problem = "the model was trained on feature vectors, not on images"
                raise DataError("images", problem, f"give an array (n, {kind.size})")
            return np.stack([self._pixels(picture) for picture in pictures])
        shape = ", ".join(map(str, ("n", *kind.example_shape)))
        problem = f"an array of shape {images.shape}, the model takes {described(kind.example_shape)}"
        if images.shape in (kind.example_shape, kind.example_shape[:2]):
            raise DataError("images", problem, f"give an array ({shape}): image[None] for a single one")
        examples, _, remarks = given_examples(images, "images", self.model.input_format.floats)
        if kind.is_image and examples.ndim == 4:
            for remark in remarks:
                warnings.warn(remark, stacklevel=4)
            return kind.conform_all(examples)
        if examples.shape[1:] != kind.example_shape:
            raise DataError("images", problem, f"give an array ({shape})")
        check_finite(examples, "images")
        return examples

    def _pixels(self, picture: Picture) -> ByteArray:
        kind = self.model.input
        if isinstance(picture, Image.Image):
            return kind.conform(pixels_of(picture))
        return kind.read_image(Path(picture))


def _is_picture(one: object) -> bool:
    return isinstance(one, PICTURE)
