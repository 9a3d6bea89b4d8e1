"""Sections and keys of a config, and its JSON Schema."""

from collections.abc import Sequence
from typing import Any, get_args

from imgclf.config.schema import Config, DirectoryName, FilePath, Section, Variant

SECTIONS: dict[str, type[Section]] = {
    name: part
    for name, field in Config.model_fields.items()
    for part in (field.annotation, *get_args(field.annotation))  # of `EarlyStopping | None` the first
    if isinstance(part, type) and issubclass(part, Section)
}
VARIANTS = {name: section for name, section in SECTIONS.items() if issubclass(section, Variant)}
TEXTS = (DirectoryName | None, FilePath | None)


def keys(section: str, variant: str | None = None) -> list[str]:
    """Return the keys of a section: of one variant, or of all its variants."""
    if section not in VARIANTS:
        return list(SECTIONS[section].model_fields)
    model = VARIANTS[section]
    models = model.variants() if variant is None else [model.named(variant)]
    return list(dict.fromkeys(key for one in models for key in one.model_fields))


def every_key() -> list[str]:
    """Return all keys, dotted."""
    return [*Config.model_fields, *(f"{section}.{key}" for section in SECTIONS for key in keys(section))]


def takes_text(path: Sequence[str]) -> bool:
    """Whether the key at a path takes any text, such as a name, not only fixed words."""
    section = Config if len(path) == 1 else SECTIONS.get(path[0]) if len(path) == 2 else None
    field = section.model_fields.get(path[-1]) if section else None
    return field is not None and field.annotation in TEXTS


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a config file: any of the keys, none of them required."""
    found = Config.model_json_schema()
    for section, model in VARIANTS.items():
        # anyOf, not oneOf: without `name`, the keys may fit several variants.
        variants = [variant.model_json_schema() for variant in model.variants()]
        variants += [{"type": "null"}] if Config.model_fields[section].default is None else []
        found["properties"][section] = {"description": model.__doc__, "anyOf": variants}
        del found["$defs"][model.__name__]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "imgclf config"}
