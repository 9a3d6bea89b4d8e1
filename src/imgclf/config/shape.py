"""Sections and keys of a config, and its JSON Schema."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from imgclf.config import schema
from imgclf.config.schema import Config, Section

SECTIONS: dict[str, type[Section]] = {
    "data": schema.Data,
    "preprocess": schema.Preprocess,
    "model": schema.Model,
    "regularization": schema.Regularization,
    "train": schema.Train,
    "early_stopping": schema.EarlyStopping,
    "checkpoint": schema.Checkpoint,
}
VARIANTS: dict[str, dict[str, type[Section]]] = {
    "optimizer": {
        "sgd": schema.Sgd,
        "momentum": schema.Momentum,
        "nesterov": schema.Nesterov,
        "adagrad": schema.Adagrad,
        "rmsprop": schema.RmsProp,
        "adam": schema.Adam,
    },
    "schedule": {
        "constant": schema.Constant,
        "step": schema.Step,
        "exponential": schema.Exponential,
        "cosine": schema.Cosine,
        "linear": schema.Linear,
    },
}


def keys(section: str, variant: str | None = None) -> list[str]:
    """Return the keys of a section: of one variant of it, or all that any of its variants has."""
    if section in SECTIONS:
        return list(SECTIONS[section].model_fields)
    models = [model for name, model in VARIANTS[section].items() if variant in (None, name)]
    return list(dict.fromkeys(key for model in models for key in model.model_fields))


def every_key() -> list[str]:
    """Return all keys, dotted."""
    inner = [f"{section}.{key}" for section in (*SECTIONS, *VARIANTS) for key in keys(section)]
    return [*Config.model_fields, *inner]


def takes_text(path: Sequence[str]) -> bool:
    """Whether the key at a path takes any text, such as a name, and not only some words."""
    section = Config if len(path) == 1 else SECTIONS.get(path[0]) if len(path) == 2 else None
    field = section.model_fields.get(path[-1]) if section else None
    return field is not None and _is_text(field.annotation)


def _is_text(annotation: object) -> bool:
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(map(_is_text, get_args(annotation)))
    return annotation is str


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a config file: any of the keys, none of them required."""
    found = Config.model_json_schema()
    _loosen(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "imgclf config"}


def _loosen(part: Any) -> None:
    """Let a variant be left unnamed: {decay: 0.5} then fits several, which oneOf would refuse."""
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            _loosen(inner)
    if isinstance(part, dict) and "discriminator" in part:
        del part["discriminator"]
        part["anyOf"] = part.pop("oneOf")
