"""Parameters of the estimator as keys of a config, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from imgclf.config import Config, ConfigError, leaves
from imgclf.config.problems import Position, Problem, Source
from imgclf.config.resolve import with_values
from imgclf.config.schema import Data

KEYS = {
    "loss": "model.loss",
    "l2": "regularization.l2",
    "l1": "regularization.l1",
    "optimizer": "optimizer.name",
    "schedule": "schedule.name",
    "step_size": "schedule.step_size",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "class_weight": "train.class_weight",
    "kernel": "train.kernel",
    "dtype": "train.dtype",
    "random_state": "seed",
}
PARAMETER_OF = {key: name for name, key in KEYS.items()}
# The data is what `fit` is given, as it is, and nothing is written.
WITHOUT_MEANING = (
    *("data.source", "data.path", "data.labels", "data.options", "data.test_fraction"),
    *("preprocess.image_size", "preprocess.color", "checkpoint", "name", "sweep"),
)
# Without a validation split: whoever wants one has train_test_split. The path is what errors call the data.
DEFAULT = Config(data=Data(source="npz", path="X", val_fraction=0.0))


def config_of(parameters: Mapping[str, Any]) -> Config:
    """Return the config of the estimator's parameters; raises ConfigError that names each wrong one."""
    given = {name: _plain(value) for name, value in parameters.items()}
    settings: dict[str, Any] = given["settings"] or {}
    wrong = [
        Problem(Position(Source(f"settings[{key!r}]")), "", f"has a parameter of its own: {PARAMETER_OF[key]}")
        for key in settings.keys() & PARAMETER_OF.keys()
    ] + [
        Problem(Position(Source(_named(key))), "", "has no meaning for arrays in memory")
        for key in settings
        if any(key == one or key.startswith(f"{one}.") for one in WITHOUT_MEANING)
    ]
    if wrong:
        raise ConfigError(wrong)
    given["random_state"] = seed_of(parameters["random_state"])
    try:
        return with_values(DEFAULT, {key: given[name] for name, key in KEYS.items()} | settings)
    except ConfigError as error:
        named = [Problem(Position(Source(_named(one.key))), "", one.message) for one in error.problems]
        raise ConfigError(named) from None


def parameters_of(config: Config) -> dict[str, Any]:
    """Return the parameters that give a config, but for what has no meaning for arrays in memory."""
    values = dict(leaves(config.model_dump()))
    values["train.class_weight"] = config.train.class_weight  # whose names are no keys
    parameters = {name: values[key] for name, key in KEYS.items()}
    defaults = dict(leaves(with_values(DEFAULT, {key: values[key] for key in KEYS.values()}).model_dump()))
    settings = {
        key: value
        for key, value in values.items()
        if key not in PARAMETER_OF
        and not key.startswith((*WITHOUT_MEANING, "train.class_weight."))
        and (key not in defaults or value != defaults[key])
    }
    return {**parameters, "settings": settings or None}


def seed_of(random_state: Any) -> int:
    """Return a whole number as it is; of None and of a generator, one that is drawn, as in scikit-learn."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(1 << 31))


def _plain(value: Any) -> Any:
    """Return numbers of NumPy, as grids are made of, as those of Python."""
    if isinstance(value, np.generic):
        return value.item()
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def _named(key: str) -> str:
    """Return what a key is called by who calls the estimator."""
    return PARAMETER_OF.get(key) or f"settings[{key!r}]"
