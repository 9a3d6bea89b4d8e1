"""Fit the features of a config, compute them, and cache them."""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from numpy.typing import NDArray

from imgclf.config import Config
from imgclf.config.schema import Features as Chosen
from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.fitted import STORED, Features, FeaturesOnDemand, FeatureVectors
from imgclf.data.packs.cache import in_cache, kept
from imgclf.data.packs.writer import Content
from imgclf.errors import UsageError
from imgclf.machine.cores import available_cores
from imgclf.machine.progress import advancing
from imgclf.numerics.indices import slices
from imgclf.speed.threads import in_order, one_blas_thread

VERSION = 1  # of the formulas: with other ones, what is in the cache is another thing
AT_ONCE = 32  # images a thread takes at a time


def size_of_features(chosen: Chosen, images: Dataset) -> int:
    """Return how many features such images have; raises UsageError if they cannot have them."""
    if images.images.ndim != 4:
        raise UsageError("features", "the data holds feature vectors, not images", "leave features out")
    return FEATURES[chosen.name](**chosen.model_dump(exclude={"name"})).size(images.example_shape)


def fit_features(config: Config, train: Dataset) -> Features | None:
    """Return the config's features, fitted on the training split; None for the pixels."""
    chosen = config.features
    if chosen is None:
        return None
    size_of_features(chosen, train)  # which refuses images that cannot have them
    options = chosen.model_dump(exclude={"name"})
    with one_blas_thread():
        return Features.fit(chosen.name, options, train, config.seed, config.preprocess.resize)


def featured(
    features: Features | None, dataset: Dataset, threads: int | None = None, *, on_demand: bool = False
) -> Dataset:
    """Return a data set with features in the place of its images; as it is without features, or if it has them.

    They are kept in the cache, under the images and all that they are computed by. On demand, those that are not there
    yet are computed when they are read.
    """
    if features is None or isinstance(dataset, FeatureVectors):
        return dataset
    key = hashlib.sha256(f"{VERSION} {features.fingerprint} {dataset.fingerprint}".encode()).hexdigest()
    vectors = in_cache(key)
    if vectors is None and on_demand:
        return FeaturesOnDemand.on_images(dataset, features)
    vectors = vectors or kept(key, partial(_content, features, dataset, threads or available_cores()), "features")
    return FeatureVectors.of_images(dataset, vectors.images)


def featured_splits(
    features: Features | None,
    splits: tuple[Dataset, Dataset | None],
    threads: int | None = None,
    *,
    on_demand: bool = False,
) -> tuple[Dataset, Dataset | None]:
    """Return train, and val if there is one, as `featured` does."""
    train, val = (one and featured(features, one, threads, on_demand=on_demand) for one in splits)
    assert train is not None
    return train, val


def _content(features: Features, dataset: Dataset, threads: int) -> Content:
    n = len(dataset)

    def compute(part: slice) -> NDArray[Any]:
        return features(dataset.pixels(part))

    def examples(start: int) -> Iterator[NDArray[Any]]:
        advance = advancing(f"computing {features.name}", n, done=start)
        parts = (slice(start + part.start, start + part.stop) for part in slices(n - start, AT_ONCE))
        for some in in_order(compute, parts, threads):
            yield some
            advance(len(some))

    labels = Content.of(dataset).labels
    return Content(n, (features.size,), STORED, dataset.class_names, labels, examples)
