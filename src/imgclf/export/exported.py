"""Facts of a model to export: input, preprocessing, metadata."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from imgclf import __version__
from imgclf.arrays import FloatArray
from imgclf.errors import UsageError, printable
from imgclf.losses import LOSSES
from imgclf.report.run_facts import RunFacts
from imgclf.run.looks import OnTest
from imgclf.training.classifier import Model
from imgclf.training.evaluation import PROBABILITIES, softmax_probabilities

# By `resize`: how Pillow gives an image a width and a height as `files.form` does.
_RESIZED = {
    "squash": "{image}.resize(({width}, {height}), Image.BILINEAR)",
    "crop": "ImageOps.fit({image}, ({width}, {height}), Image.BILINEAR)",
    # Just off the middle: of an odd number of black pixels, the larger half is on the right and below.
    "pad": "ImageOps.pad({image}, ({width}, {height}), Image.BILINEAR, centering=(0.4999, 0.4999))",
}


@dataclass(frozen=True)
class Exported:
    """A model to export, and the run that it comes from; raises UsageError for a model with features.

    test   its last result on the test split, if there is one
    """

    directory: Path
    model: Model
    facts: RunFacts
    test: OnTest | None = None

    def __post_init__(self) -> None:
        if self.model.features is not None:
            problem = f"its model needs features ({self.model.features.name}) that only imgclf computes"
            raise UsageError(self.directory, problem, "export a run on pixels or feature vectors")

    @property
    def name(self) -> str:
        """The name of the run, as a line of text."""
        return printable(self.directory.resolve().name)

    @property
    def is_image(self) -> bool:
        """Whether the model takes images; else it takes feature vectors."""
        return self.model.preprocess.is_image

    @property
    def color(self) -> str:
        """Gray or color."""
        return "gray" if self.model.preprocess.color == "gray" else "color"

    @property
    def input_name(self) -> str:
        """What the input is called."""
        return "images" if self.is_image else "features"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example, as NumPy makes it of an image of Pillow: (H, W), (H, W, 3); or (D,)."""
        shape = self.model.preprocess.example_shape
        return shape[:2] if shape[2:] == (1,) else shape

    @property
    def input_dtype(self) -> str:
        """The type of the numbers of an example: bytes, or that of the weights."""
        return "uint8" if self.is_image else self.model.preprocess.dtype

    @property
    def has_probabilities(self) -> bool:
        """Whether the softmax of the scores are probabilities."""
        return PROBABILITIES.get(LOSSES[self.model.loss]) is softmax_probabilities

    @cached_property
    def mean_and_std(self) -> tuple[FloatArray, FloatArray]:
        """The mean and std (D,) of x = (values - mean) / std: in units of the values, in the dtype of the weights.

        With norm "l2", of values divided by their length. 0 and 1 where nothing is subtracted or divided.
        """
        preprocess = self.model.preprocess
        mean = np.zeros(preprocess.size, preprocess.dtype) if preprocess.center is None else preprocess.center
        std = np.ones(preprocess.size) if preprocess.std is None else preprocess.std.astype(np.float64)
        return mean, (std * preprocess.divisor).astype(preprocess.dtype)

    @property
    def formula(self) -> str:
        """The preprocessing, as a formula of the input."""
        values = f"{self.input_name} / |{self.input_name}|" if self.model.preprocess.norm else self.input_name
        return f"x = ({values} - mean) / std"

    def metadata(self, place: str) -> dict[str, str]:
        """Return the metadata of a file: texts, and JSON; `place` says where the preprocessing is done."""
        preprocess, chosen = self.model.preprocess, self.facts.config.preprocess
        given = {"name": self.input_name, "shape": ["N", *self.input_shape], "dtype": self.input_dtype}
        if self.is_image:
            given |= {"color": preprocess.color, "resize": preprocess.resize, "resampling": "bilinear, antialiased"}
        done = {
            "formula": self.formula,
            "done": place,
            "scale": preprocess.scale,
            "center": "none" if preprocess.mean is None else chosen.center,
            "std": "none" if preprocess.std is None else chosen.std or "pixel",
            "norm": preprocess.norm,
        }
        content = {"class_names": list(self.model.class_names), "input": given, "preprocessing": done}
        texts = {key: json.dumps(value, ensure_ascii=False) for key, value in content.items()}
        return {**texts, "loss": self.model.loss, "imgclf_version": __version__}

    def opening(self, file: str) -> str:
        """Return the expression that opens an image file with Pillow, in the size and color of the training images."""
        height, width = self.input_shape[:2]
        image = f'ImageOps.exif_transpose(Image.open("{file}")).convert("{"L" if self.color == "gray" else "RGB"}")'
        return _RESIZED[self.model.preprocess.resize].format(image=image, width=width, height=height)
