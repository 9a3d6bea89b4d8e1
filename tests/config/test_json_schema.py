import operator
from pathlib import Path

import pytest
import yaml

from imgclf.config import json_schema, template

READY = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
TYPES = {"object": dict, "string": str, "null": type(None), "integer": int, "number": (int, float), "boolean": bool}
BOUNDS = {
    "minimum": operator.ge, "maximum": operator.le, "exclusiveMinimum": operator.gt, "exclusiveMaximum": operator.lt,
}  # fmt: skip
ANNOTATIONS = {"title", "description", "default", "$defs", "$schema", "minLength"}
KNOWN = ANNOTATIONS | BOUNDS.keys() | {
    "$ref", "anyOf", "allOf", "type", "enum", "const", "properties", "additionalProperties",
}  # fmt: skip


def fits(value, schema, definitions):
    """The part of JSON Schema that is used here; any other word is an error."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema and not fits(value, definitions[schema["$ref"].rpartition("/")[2]], definitions):
        return False
    if "anyOf" in schema and not any(fits(value, inner, definitions) for inner in schema["anyOf"]):
        return False
    if not all(fits(value, inner, definitions) for inner in schema.get("allOf", ())):
        return False
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return False
    if "type" in schema and isinstance(value, bool) != (schema["type"] == "boolean"):  # to Python, True is an integer
        return False
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        return False
    if not all(holds(value, schema[word]) for word, holds in BOUNDS.items() if word in schema):
        return False
    return not isinstance(value, dict) or _keys_fit(value, schema, definitions)


def _keys_fit(value, schema, definitions):
    properties = schema.get("properties", {})
    closed = schema.get("additionalProperties", True) is False
    return all(
        fits(inner, properties[key], definitions) if key in properties else not closed for key, inner in value.items()
    )


def accepts(text):
    schema = json_schema()
    return fits(yaml.safe_load(text) or {}, schema, schema["$defs"])


def objects(schema):
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    found = [schema] if isinstance(schema, dict) and "properties" in schema else []
    return found + [inner for part in parts for inner in objects(part)]


def test_the_schema_names_its_dialect_and_title():
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "imgclf config"
    assert schema["description"]


def test_every_object_is_closed_and_requires_nothing():
    found = objects(json_schema())
    assert len(found) >= 17
    assert all(part["additionalProperties"] is False and "required" not in part for part in found)


def test_every_key_is_described():
    for part in objects(json_schema()):
        for key, value in part["properties"].items():
            assert "description" in value or "$ref" in value or "const" in value or "allOf" in value, key


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_the_schema_accepts_the_ready_configs(path):
    assert accepts(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text", [template(), "", "optimizer: {momentum: 0.5}", "schedule: {factor: 0.5}", "train: {batch_size: all}",
             "optimizer: {name: adam, epsilon: 0.5}", "early_stopping: {}", "features: null",
             "features: {name: patches, number: 5}", "data: {options: {a: {b: 1}}}"],
)  # fmt: skip
def test_the_schema_accepts_a_part_of_a_config(text):
    assert accepts(text)


@pytest.mark.parametrize(
    "text", ["sede: 1", "seed: -1", "seed: true", "train: {epochs: 0}", "optimizer: {name: sgd, momentum: 0.5}",
             "train: 5", "optimizer: {name: adma}", "features: {name: hog, number: 5}", "schedule: {step_size: 0}",
             "model: {loss: softmx}", "train: {batch_size: some}"],
)  # fmt: skip
def test_the_schema_refuses_what_resolve_refuses(text):
    assert not accepts(text)
