"""Features fitted on training images, and data sets of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.kind import Kind, Learned
from imgclf.data.preprocess import WHITE, Preprocess
from imgclf.files.sealed_npz import digest
from imgclf.numerics.indices import row_indices

STORED = np.dtype(np.float16)  # 11 bits: accuracies are those of float32, in half the bytes


@dataclass(frozen=True, eq=False)
class Features:
    """Fitted on the training split, stored inside the model: images (n, H, W, channels) -> features (n, D).

    name, options  as in a config
    example_shape  (H, W, channels) of the training images
    resize         how images of another size are resized
    learned        the arrays that were learned
    """

    name: str
    options: Mapping[str, Any]
    example_shape: tuple[int, ...]
    resize: str = "squash"
    learned: Learned = field(default_factory=dict)

    @classmethod
    def fit(cls, name: str, options: Mapping[str, Any], train: Dataset, seed: int, resize: str) -> "Features":
        """Learn from training images, of a shape that these features can take."""
        return cls(name, options, train.example_shape, resize, FEATURES[name](**options).learn(train, seed))

    def __post_init__(self) -> None:
        expected = self.kind.shapes(self.example_shape)
        if {name: one.shape for name, one in self.learned.items()} != expected:
            raise ValueError(f"what {self.name} learned is not {', '.join(expected) or 'nothing'} in the right shapes")

    @cached_property
    def kind(self) -> Kind:
        """How they are computed."""
        return FEATURES[self.name](**self.options)

    @cached_property
    def size(self) -> int:
        """D, the number of features of an image."""
        return self.kind.size(self.example_shape)

    @property
    def input(self) -> Preprocess:
        """The form of the images: their size and color."""
        return Preprocess(self.example_shape, WHITE, None, None, "float32", self.resize)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that they depend on: equal ones map equal images to equal features."""
        about = json.dumps([self.name, self.options, self.example_shape], sort_keys=True)
        return hashlib.sha256(f"{about} {digest(self.learned)}".encode()).hexdigest()

    def __call__(self, images: ByteArray) -> FloatArray:
        """Return the features of images (n, H, W, channels), (n, D) float16."""
        return self.kind.compute(images, self.learned).astype(STORED)


@dataclass(frozen=True)
class FeatureVectors(Dataset):
    """The features of images, in their order: a data set of vectors that still has the identity of its images.

    pictures  the images
    """

    pictures: Dataset = field(kw_only=True)

    @classmethod
    def of_images(cls, pictures: Dataset, vectors: NDArray[Any], **more: Any) -> "FeatureVectors":
        """Put features (N, D) in the place of N images; `more` are fields of a subclass."""
        rows = row_indices(len(pictures))
        known = pictures.class_names, rows, pictures.files, pictures.paths, pictures.remarks, pictures.input_format
        return cls(vectors, pictures.y, *known, pictures.set_aside, pictures=pictures, **more)

    @property
    def places(self) -> IntArray:
        """The rows of the images in their data."""
        return self.pictures.places

    def subset(self, rows: IntArray) -> "FeatureVectors":
        """Keep only the examples at these row indices, in this order."""
        return replace(self, rows=self.rows[rows], pictures=self.pictures.subset(rows))

    @cached_property
    def fingerprint(self) -> str:
        """That of the images."""
        return self.pictures.fingerprint


@dataclass(frozen=True)
class FeaturesOnDemand(FeatureVectors):
    """The features of images, computed anew whenever they are read: for who reads few of them.

    images   of their shape and type, but only zeros, which take no memory
    """

    features: Features = field(kw_only=True)

    @classmethod
    def on_images(cls, pictures: Dataset, features: Features) -> FeatureVectors:
        """Compute features of images when they are read."""
        zeros = np.broadcast_to(STORED.type(0), (len(pictures), features.size))
        return cls.of_images(pictures, zeros, features=features)

    def pixels(self, rows: IntArray | slice, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Compute features by row index in this split: (n, D)."""
        found = self.features(self.pictures.pixels(rows))
        if out is None:
            return found
        out[...] = found
        return out
