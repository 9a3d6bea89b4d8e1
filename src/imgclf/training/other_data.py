"""Load data that a model was not trained on."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.data.sources import SOURCES, Source, recognize
from imgclf.data.sources._beside import warnings as beside
from imgclf.data.sources._folders import look_into
from imgclf.data.sources.csv.columns import Options
from imgclf.data.sources.csv.tables import has_labels, tables_around
from imgclf.data.splits import match_classes, quoted
from imgclf.errors import DataError
from imgclf.training.classifier import Model
from imgclf.training.data_remarks import about_depth, passed_over
from imgclf.training.loading import load_test, redrawn, takes_test, where


def warnings_about(model: Model, path: Path, options: Mapping[str, Any]) -> list[str]:
    """Return warnings about skipped data at a path; `options` as for `load_for`."""
    name = _source_of(path, options)
    settings = _settings(model, path, SOURCES[name], options) if SOURCES[name].options else {}
    return [*passed_over(name, path, settings), *beside(name, path)]


def _source_of(path: Path, options: Mapping[str, Any]) -> str:
    """Return the name of the source that can read a path: of tables beside class folders, if one has these columns."""
    tables = tables_around(path).tables if options and path.is_dir() else []
    return recognize(path, options if any(has_labels(file, Options(**options)) for file in tables) else {})


def _settings(model: Model, path: Path, source: Source, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a source reads files like those of training: by the options whose table is there, and its format."""
    there = {name: value for name, value in options.items() if name != "labels_file" or (path / value).is_file()}
    return (there if source.options else {}) | ({"like": model.like} if source.like else {})


def are_only_images(path: Path) -> bool:
    """Whether a path is an image, or a folder of images: neither folders nor tables tell their classes."""
    if not path.is_dir():
        return path in look_into(path.parent).images
    inside = look_into(path)
    return bool(inside.images) and not inside.folders and not tables_around(path).tables


def load_own_test(model: Model, config: Config) -> Dataset | None:
    """Load the test split of the data of a run for its model, in the size and color of that; None if there is none."""
    reads_files = "image_size" in SOURCES[config.data.source].settings
    if model.input.is_image and reads_files and not takes_test(config):
        size, color, _ = model.input.form
        preprocess = config.preprocess.model_copy(update={"image_size": size, "color": color})
        config = config.model_copy(update={"preprocess": preprocess})
    test = load_test(config, model.class_names, model.input_format)
    if test is not None:
        test = _conformed(model, test, where(config))
        model.input.check_shape(test, where(config))
    return test


def _conformed(model: Model, dataset: Dataset, where: object) -> Dataset:
    """Give images the size and color of those that a model was trained on."""
    both = model.input.is_image and len(dataset.example_shape) == 3
    return redrawn(dataset, model.input.conform, where) if both else dataset


def load_for(model: Model, path: Path, options: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """Load other data for a model: its test split, or all of it without splits; classes and features by name.

    `options` are the `data.options` for tables.
    """
    preprocess = model.input
    source = SOURCES[_source_of(path, options)]
    settings = _settings(model, path, source, options)
    if preprocess.is_image:
        settings |= {name: value for name, value in preprocess.form._asdict().items() if name in source.settings}
    for kind, classes in source.labels.items():
        if classes == len(model.class_names):
            settings["labels"] = kind
    load = partial(source.load, path, **settings)
    found = load(("test",)) or load(("train", "val"))
    if "val" in found:
        raise DataError(path, "no test split found", "give a data set with a test split or without splits")
    dataset = match_classes(found["test"] if "test" in found else found["train"], model.class_names, path)
    dataset = _conformed(model, dataset, path)
    preprocess.check_shape(dataset, path)
    names, others = model.input_format.columns, dataset.input_format.columns
    if names and others and names != others:  # a pack: tables are read by these names
        raise DataError(path, f"its features are {quoted(others)}, the model's {quoted(names)}", "give them that order")
    return replace(dataset, remarks=(*dataset.remarks, *about_depth(dataset)))
