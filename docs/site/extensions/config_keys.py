"""The directive `config-keys`: every key of a config, as the JSON Schema of imgclf has it."""

import json
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from imgclf.config import Config, json_schema

TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false",
         "null": "null", "object": "section", "array": "list"}  # fmt: skip
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def markdown() -> Iterator[str]:
    """Yield the lines of a section for each section of a config."""
    schema, defaults = json_schema(), Config().model_dump()
    yield from ("### Run", "")
    for name, about in schema["properties"].items():
        section = _resolved(about, schema)
        variants = [one for one in section.get("anyOf", [section]) if "properties" in one]
        if not variants:
            yield from _key(name, section)
            continue
        yield from (f"### {name}", "", about.get("description") or section.get("description", ""), "")
        if "default" in about and about["default"] is None:
            yield from (f"The default is `{name}: null`.", "")
        shared = set.intersection(*(set(one["properties"]) for one in variants)) if len(variants) > 1 else set()
        if shared:
            names = [one["title"] for one in variants]
            about_name = {"enum": names, "description": "Decides which other keys there are; all are below."}
            yield from _key(f"{name}.name", {"default": (defaults[name] or {}).get("name"), **about_name})
            for key in sorted(shared - {"name"}, key=list(variants[0]["properties"]).index):
                yield from _key(f"{name}.{key}", variants[0]["properties"][key])
        for one in variants:
            if shared:
                yield from (f"#### {name}: {one['title']}", "", one["description"], "")
            for key, of_key in one["properties"].items():
                if key not in shared:
                    yield from _key(f"{name}.{key}", of_key, of=one["title"] if shared else "")


def _resolved(about: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for, also where null may stand in its place."""
    for one in (about, *about.get("anyOf", ())):
        if "$ref" in one:
            found: dict[str, Any] = schema["$defs"][one["$ref"].rpartition("/")[2]]
            return found
    return about


def _key(key: str, about: dict[str, Any], of: str = "") -> Iterator[str]:
    yield from (f"````{{confval}} {key}", f":type: {_type(about)}")
    if "default" in about:
        yield f":default: `{json.dumps(about['default']).strip(chr(34))}`"
    if of:
        yield ":no-index:"
    yield from ("", about.get("description", ""), "````", "")


def _type(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_type(one) for one in about["anyOf"]))
    if "enum" in about or "const" in about:
        return ", ".join(f"`{word}`" for word in about.get("enum", [about.get("const")]))
    given = {words: about[limit] for limit, words in LIMITS.items() if limit in about and about[limit] < 1e30}
    limits = [f"{words} {limit:,}".removesuffix(".0") for words, limit in given.items()]
    return ", ".join([TYPES[about.get("type", "object")], *limits])


class ConfigKeys(SphinxDirective):
    """All keys, section by section."""

    def run(self) -> list[nodes.Node]:
        """Parse the keys as if they stood on the page."""
        return self.parse_text_to_nodes("\n".join(markdown()), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("config-keys", ConfigKeys)
    return {"parallel_read_safe": True}
