"""Save and load trained models.

A sealed npz of `about`, a JSON text; the weights; and, if the model has them, the mean and standard deviation of the
pixels, the class weights, and what its features learned (features/NAME). A file without a seal is refused: any model
could be in it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.config.schema import Features as Chosen
from imgclf.data.class_names import decode_names
from imgclf.data.dataset import InputFormat
from imgclf.data.features.fitted import Features
from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError, RunError, UsageError, excerpt
from imgclf.files.form import RESIZE
from imgclf.files.npz import npz_names
from imgclf.files.sealed_npz import ABOUT, SEAL, described_npz, read_described_npz
from imgclf.training.classifier import Model

_OPTIONAL_ARRAYS = {"mean", "std", "class_weights"}
_KEYS = {"class_names", "loss", "l2", "l1", "example_shape", "scale"}
_OF_FEATURES = ("name", "options", "example_shape", "resize")
_LEARNED = "features/"
_MOST = 1 << 12  # pixels a side of images that have features, as in a config
_OPTIONAL: dict[str, str | None] = {"resize": "squash", "norm": None}  # left out if so, as in earlier versions


def model_bytes(model: Model) -> bytes:
    """Return the bytes of the file; equal models have equal bytes."""
    preprocess = model.preprocess
    about = {
        "class_names": model.class_names,
        "loss": model.loss,
        "l2": model.l2,
        "l1": model.l1,
        "example_shape": preprocess.example_shape,
        "scale": preprocess.scale,
    }
    features = model.features
    if features is not None:
        about["features"] = {key: getattr(features, key) for key in _OF_FEATURES}
    about |= {key: value for key in _OPTIONAL if (value := getattr(preprocess, key)) != _OPTIONAL[key]}
    if known := model.input_format.to_json():
        about["input_format"] = known
    arrays: dict[str, NDArray[Any] | None] = {
        "weights": model.weights,
        "mean": preprocess.mean,
        "std": preprocess.std,
        "class_weights": model.class_weights,
        **({} if features is None else {f"{_LEARNED}{name}": one for name, one in features.learned.items()}),
    }
    return described_npz(about, {name: array for name, array in arrays.items() if array is not None})


def load_model(path: Path) -> Model:
    """Read a model file; raises RunError if it is not valid or any bit has changed."""
    if not path.exists():
        raise RunError(path, "there is no model file", "train one with `imgclf train`")
    try:
        names = {name for name in npz_names(path) if not name.startswith(_LEARNED)}
        if not {SEAL, ABOUT, "weights"} <= names <= {SEAL, ABOUT, "weights", *_OPTIONAL_ARRAYS}:
            raise ValueError(f"it holds {', '.join(sorted(names))[:80] or 'nothing'}")
        return _model(*read_described_npz(path))
    except DataError as error:
        raise RunError(path, error.problem, "a model file is written by `imgclf train`") from error
    # JSON may hold numbers too large for a float, and lists too deep for Python.
    except (TypeError, ValueError, OverflowError, RecursionError, UsageError) as error:
        raise RunError(path, f"not a model file of imgclf ({excerpt(error)})", "train again") from error


def _model(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    if set(about) - {*_OPTIONAL, "features", "input_format"} != _KEYS:
        raise ValueError(f"its `about` lacks keys or has others than {', '.join(sorted(_KEYS))}")
    weights = arrays["weights"]
    if weights.ndim != 2 or weights.dtype not in (np.float32, np.float64) or not np.isfinite(weights).all():
        raise ValueError("weights are not a finite float matrix")
    shape = about["example_shape"]
    if not (isinstance(shape, list) and len(shape) in (1, 3) and all(type(n) is int and n > 0 for n in shape)):
        raise ValueError(f"example_shape {shape!r}")
    if shape[2:] not in ([], [1], [3]):
        raise ValueError(f"images of {shape[2]} channels")
    if not isinstance(about["class_names"], list):
        raise ValueError("class_names is not a list")
    names = decode_names(about["class_names"], "class_names")
    resize = about.get("resize", _OPTIONAL["resize"])
    if resize not in RESIZE:
        raise ValueError(f"resize {str(resize)[:20]!r}")
    fitted = arrays.get("mean"), arrays.get("std"), weights.dtype.name
    preprocess = Preprocess(tuple(shape), float(about["scale"]), *fitted, resize=resize, norm=about.get("norm"))
    objective = about["loss"], float(about["l2"]), float(about["l1"])
    more = arrays.get("class_weights"), _features(about, arrays)
    return Model(weights, preprocess, names, *objective, *more, InputFormat.from_json(about.get("input_format", {})))


def _features(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Features | None:
    """Return the features of a model, or None."""
    if "features" not in about:
        return None
    said = about["features"]
    learned = {name.removeprefix(_LEARNED): one for name, one in arrays.items() if name.startswith(_LEARNED)}
    if not isinstance(said, dict) or set(said) != set(_OF_FEATURES) or said["resize"] not in RESIZE:
        raise ValueError("its features are not described")
    shape = said["example_shape"]
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n < _MOST for n in shape)):
        raise ValueError(f"features of images {str(shape)[:40]}")
    if shape[2] not in (1, 3):
        raise ValueError(f"features of images of {shape[2]} channels")
    if not all(one.dtype == np.float32 and np.isfinite(one).all() for one in learned.values()):
        raise ValueError("what its features learned is not finite, or not float32")
    chosen = Chosen.of_its_name({**said["options"], "name": said["name"]})
    if not isinstance(chosen, Chosen):
        raise ValueError(f"unknown features {str(said['name'])[:20]!r}")
    return Features(chosen.name, chosen.model_dump(exclude={"name"}), tuple(shape), said["resize"], learned)
