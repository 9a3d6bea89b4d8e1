"""Messages for invalid config values, with suggestions."""

import re
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from imgclf.config.layers import RENAMED
from imgclf.config.problems import describe, shorten
from imgclf.config.schema import KeyOf
from imgclf.config.shape import SECTIONS, VARIANTS, every_key, keys, takes_text
from imgclf.data.download.catalog import OFFICIAL, official_name

# Least similarity of a suggestion, from 0 to 1: a bad guess among many keys would mislead.
LIKE_A_KEY, LIKE_A_CHOICE = 0.7, 0.6


def _by_word(words_of: dict[str, str]) -> dict[str, str]:
    """Return the key of each of its words."""
    return {word: key for key, words in words_of.items() for word in words.split()}


# Names of other programs for these keys.
ELSEWHERE = _by_word(
    {
        "augment.flip": "fliplr hflip horizontal_flip mirror",
        "augment.shift": "translate",
        "data.path": "data data_dir data_path input root train_dir",
        "data.source": "dataset",
        "data.test_fraction": "test_size test_split",
        "data.val_fraction": "val val_size val_split validation_fraction validation_split",
        "early_stopping.min_delta": "tol",
        "early_stopping.patience": "early_stopping n_iter_no_change",
        "model.loss": "criterion model",
        "optimizer.name": "nesterov opt solver",
        "preprocess.image_size": "img imgsz input_size resize size target_size",
        "regularization.l2": "alpha reg wd weight_decay",
        "schedule.factor": "gamma",
        "schedule.name": "cos_lr lr_scheduler scheduler",
        "schedule.step_size": "eta eta0 learning_rate learning_rate_init lr lr0",
        "schedule.warmup_epochs": "warmup",
        "seed": "random_seed random_state",
        "train.batch_size": "b batch bs",
        "train.dtype": "precision",
        "train.epochs": "max_epoch max_epochs max_iter n_iter nb_epoch num_epochs",
    }
)
# Names of other programs for these choices.
CHOSEN_ELSEWHERE = _by_word(
    {
        "compiled": "jit numba",
        "constant": "fixed none",
        "cosine": "cosineannealing cosineannealinglr",
        "crop": "center_crop centercrop",
        "cuda": "gpu",
        "exponential": "exponentiallr",
        "float32": "float single",
        "float64": "double",
        "folder": "image_folder imagefolder images",
        "gray": "grayscale grey l",
        "linear": "linearlr polynomial",
        "logistic_ovr": "bce binary_crossentropy log_loss ovr",
        "npz": "npy numpy",
        "pad": "letterbox",
        "rgb": "color",
        "softmax": "categorical_crossentropy ce cross_entropy crossentropyloss logistic multinomial nll",
        "squash": "stretch",
        "step": "multistep steplr",
        "svm": "hinge max_margin multimarginloss weston_watkins",
        "svm_cs": "crammer_singer",
        "svm_squared": "squared_hinge",
        "torch": "pytorch",
    }
)
EXPECTED = {
    "bool_type": "true or false",
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


def message(path: tuple[str, ...], error: ErrorDetails, chosen: dict[str, Any]) -> str:
    """Describe a mistake and its remedy; `chosen` is the whole config as given."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(path, chosen)
    if kind == "literal_error":
        name = official_name(value) if path == ("data", "source") and isinstance(value, str) else None
        return wrong_choice(value, context["expected"], name)
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
        hint = "; quote it to make it text" if kind == "string_type" and isinstance(value, bool | int | float) else ""
        return f"expected {EXPECTED[kind]}, got {describe(value)}{hint}"
    return error["msg"]


def unknown_key(path: tuple[str, ...], chosen: dict[str, Any]) -> str:
    """Describe an unknown key, and suggest one."""
    section, word = path[0], path[-1]
    if len(path) > 1 and section in VARIANTS:
        name = VARIANTS[section].name_in(chosen[section])
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
    """Return the key for an option --NAME of other programs; `fuzzy` also finds a misspelled one."""
    word = name.lstrip("-").lower().replace("-", "_")
    if word in VARIANTS:
        return f"{word}.name"
    return _by_last_word().get(word) or ELSEWHERE.get(word) or (_same_word(word) if fuzzy else None)


def key_of_word(word: str, value: str) -> str:
    """Return the key that the word before `=` means: itself if it is one, or none is found."""
    is_key = word in every_key() and (word not in SECTIONS or value.startswith("{"))
    return word if is_key or "." in word else key_of_option(word, fuzzy=True) or word


def wrong_choice(value: object, expected: str, official: str | None = None) -> str:
    """List the choices, and suggest one: of sources, the one that reads the official data set of this name."""
    choices = re.findall(r"'([^']*)'", expected)
    near = _choice(value, choices)
    given = f"'{shorten(value)}'" if isinstance(value, str) else describe(value)
    hint = f"; did you mean '{near}'?" if near else ""
    if official and OFFICIAL[official].source != official:
        download = f"`imgclf data download {official}`"
        hint = f"; did you mean '{OFFICIAL[official].source}', which reads what {download} brings?"
    return f"{given} is not one of {', '.join(choices)}{hint}"


def not_a_section(section: str, value: object) -> str:
    """Describe a value in place of a section, list its keys, and suggest the one that the value is of."""
    expected = f"expected a section of keys ({', '.join(keys(section))}), got {describe(value)}"
    key = f"{section}.name" if section in VARIANTS else ELSEWHERE.get(section, "")
    word = key.rpartition(".")[2]
    if not word or section == "data" or isinstance(value, bool) or not isinstance(value, str | int):
        return expected  # a path alone is read by `imgclf train PATH`
    meant = value if isinstance(value, str) == takes_text(key.split(".")) else None
    for rule in SECTIONS[section].model_fields[word].metadata:
        if isinstance(rule, KeyOf):
            meant = _choice(value, list(rule.table))
    return f"{expected}; did you mean {key}, as in `{section}: {{{word}: {meant}}}`?" if meant else expected


def _choice(value: object, choices: list[str]) -> str | None:
    """Return the choice that a word of other programs means, or the one with nearly this name."""
    if not isinstance(value, str):
        return None
    other = CHOSEN_ELSEWHERE.get(value.lower().replace("-", "_"))
    return other if other in choices else _nearest(value, choices, LIKE_A_CHOICE)


def _nearest(word: str, choices: list[str], likeness: float = LIKE_A_KEY) -> str | None:
    # Comparing a long word takes long, and none is similar.
    return next(iter(get_close_matches(word.lower()[:40], choices, 1, likeness)), None)


def _same_word(word: str) -> str | None:
    """Find a key of another section."""
    found = _by_last_word()
    near = _nearest(word, list(found))
    return found[near] if near else None


def _by_last_word() -> dict[str, str]:
    """Return keys by their last word, without sections."""
    return {key.rpartition(".")[2]: key for key in reversed(every_key()) if key not in SECTIONS}  # the first of each
