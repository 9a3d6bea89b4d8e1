"""Messages for invalid config values, with suggestions."""

import re
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from imgclf.config.layers import RENAMED
from imgclf.config.problems import describe, shorten
from imgclf.config.shape import SECTIONS, VARIANTS, every_key, keys, name_of

# How alike two words are, from 0 to 1. There are many keys, and a guess far off sends people the wrong way.
LIKE_A_KEY, LIKE_A_CHOICE = 0.7, 0.6

# What other programs call these things.
ELSEWHERE = {
    "alpha": "regularization.l2",
    "b": "train.batch_size",
    "batch": "train.batch_size",
    "bs": "train.batch_size",
    "cos_lr": "schedule.name",
    "criterion": "model.loss",
    "data": "data.path",
    "data_dir": "data.path",
    "data_path": "data.path",
    "dataset": "data.source",
    "early_stopping": "early_stopping.patience",
    "eta": "schedule.step_size",
    "eta0": "schedule.step_size",
    "gamma": "schedule.factor",
    "img": "preprocess.image_size",
    "imgsz": "preprocess.image_size",
    "input": "data.path",
    "input_size": "preprocess.image_size",
    "learning_rate": "schedule.step_size",
    "learning_rate_init": "schedule.step_size",
    "lr": "schedule.step_size",
    "lr0": "schedule.step_size",
    "lr_scheduler": "schedule.name",
    "max_epoch": "train.epochs",
    "max_epochs": "train.epochs",
    "max_iter": "train.epochs",
    "model": "model.loss",
    "n_iter": "train.epochs",
    "n_iter_no_change": "early_stopping.patience",
    "nb_epoch": "train.epochs",
    "nesterov": "optimizer.name",
    "num_epochs": "train.epochs",
    "opt": "optimizer.name",
    "precision": "train.dtype",
    "random_seed": "seed",
    "random_state": "seed",
    "reg": "regularization.l2",
    "resize": "preprocess.image_size",
    "root": "data.path",
    "scheduler": "schedule.name",
    "size": "preprocess.image_size",
    "solver": "optimizer.name",
    "target_size": "preprocess.image_size",
    "test_size": "data.val_fraction",
    "tol": "early_stopping.min_delta",
    "train_dir": "data.path",
    "val": "data.val_fraction",
    "val_size": "data.val_fraction",
    "val_split": "data.val_fraction",
    "validation_fraction": "data.val_fraction",
    "validation_split": "data.val_fraction",
    "warmup": "schedule.warmup_epochs",
    "wd": "regularization.l2",
    "weight_decay": "regularization.l2",
}
EXPECTED = {
    "dict_type": "a section of keys",
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text",
}
BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def key_of(error: ErrorDetails) -> tuple[str, ...]:
    """Return the key that an error is about."""
    return tuple(str(part) for part in error["loc"])


def message(error: ErrorDetails, chosen: dict[str, Any]) -> str:
    """Say what is wrong and the way out; `chosen` is the whole config as it was given."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(key_of(error), chosen)
    if kind == "literal_error":
        return wrong_choice(value, context["expected"])
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"must be {words} {context[bound]:g}, is {value}"
    if kind == "finite_number":
        return f"must be a finite number, is {value}"
    if kind == "string_unicode":
        return f"{describe(value)} is not valid Unicode"
    if kind == "expected":
        return f"{error['msg']}, got {describe(value)}"
    if kind in EXPECTED:
        hint = "; quote it to make it text" if kind == "string_type" and _is_scalar(value) else ""
        return f"expected {EXPECTED[kind]}, got {describe(value)}{hint}"
    return error["msg"]


def unknown_key(path: tuple[str, ...], chosen: dict[str, Any]) -> str:
    """Say that there is no such key, and which one may have been meant."""
    section, word = path[0], path[-1]
    if len(path) > 1 and section in VARIANTS:
        name = name_of(section, chosen[section])
        if word in RENAMED.get(name, {}):
            return f"not a key of {name}; did you mean '{RENAMED[name][word]}'?"
        owners = [variant for variant in VARIANTS[section].factories if word in keys(section, variant)]
        if owners:
            return f"not a key of {name}, but of {', '.join(owners)}"
        here = keys(section, name)
    else:
        here = keys(section) if len(path) > 1 else [key for key in every_key() if "." not in key]
    near = _nearest(word, here) or ELSEWHERE.get(word.lower()) or _same_word(word)
    return f"unknown key; did you mean '{near}'?" if near else f"unknown key; the keys here are {', '.join(here)}"


def key_of_option(name: str, *, fuzzy: bool) -> str | None:
    """Return the key for what other programs have an option --NAME for; `fuzzy` also finds a misspelled one."""
    word = name.lstrip("-").lower().replace("-", "_")
    if word in VARIANTS:
        return f"{word}.name"
    return _places().get(word) or ELSEWHERE.get(word) or (_same_word(word) if fuzzy else None)


def wrong_choice(value: object, expected: str) -> str:
    """Say which values there are, and which one may have been meant."""
    choices = re.findall(r"'([^']*)'", expected)
    near = _nearest(value, choices, LIKE_A_CHOICE) if isinstance(value, str) else None
    given = f"'{shorten(value)}'" if isinstance(value, str) else describe(value)
    hint = f"; did you mean '{near}'?" if near else ""
    return f"{given} is not one of {', '.join(choices)}{hint}"


def not_a_section(section: str, value: object) -> str:
    """Say that a section was given one value, and which of its keys may have been meant."""
    if isinstance(value, str) and section in VARIANTS and value in VARIANTS[section].factories:
        return f"expected a section of keys, got {describe(value)}; did you mean {section}.name?"
    return f"expected a section of keys ({', '.join(keys(section))}), got {describe(value)}"


def _nearest(word: str, choices: list[str], likeness: float = LIKE_A_KEY) -> str | None:
    # A long word is like none of them, and comparing it takes long.
    near = get_close_matches(word.lower()[:40], choices, 1, likeness)
    return near[0] if near else None


def _same_word(word: str) -> str | None:
    """Find a key that stands in another section than where it was written."""
    places = _places()
    near = _nearest(word, list(places))
    return places[near] if near else None


def _places() -> dict[str, str]:
    """Return the last words of all keys that have a value of their own, and where they are."""
    places: dict[str, str] = {}
    for key in every_key():
        if key not in SECTIONS:
            places.setdefault(key.rpartition(".")[2], key)
    return places


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)
