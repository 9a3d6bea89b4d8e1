"""Write a config as YAML that reads back as the same config."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

from imgclf.config.layers import RENAMED
from imgclf.config.ready import folder_of, nearest_config, ready_config, ready_configs
from imgclf.config.resolve import Resolved
from imgclf.config.schema import Config, Section, Variant
from imgclf.config.shape import SECTIONS
from imgclf.errors import UsageError

HEAD = """\
# The defaults of imgclf. Keep the keys you change: keys that are left out have these values.
# Or try a change without a file:  imgclf train -s model.loss=svm -s train.epochs=5

"""
MARGIN, WIDTH = 28, 120  # the columns where comments begin and end

# Text that every version of YAML reads as text; all other text is quoted.
WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
NOT_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def dump(config: Config) -> str:
    """Return the config with every default written out."""
    return _text_of(config.model_dump())


def dump_given(config: Config) -> str:
    """Return the config with the keys that it was given: of a run, those of the version that began it."""
    return _text_of(config.model_dump(exclude_unset=True))


def dump_as_0_1(config: Config) -> str:
    """Return the config with the keys that it was given, under their names in version 0.1."""
    values = config.model_dump(exclude_unset=True)
    names = {new: old for old, new in RENAMED.get(config.optimizer.name, {}).items()}
    values["optimizer"] = {names.get(key, key): value for key, value in values.get("optimizer", {}).items()}
    return _text_of(values)


def show(resolved: Resolved) -> str:
    """Return the config with the origin of each value in a comment."""
    lines = list(_lines(resolved.config.model_dump()))
    width = max(len(line) for key, line in lines if key in resolved.origins)
    origins = resolved.origins
    return "".join(f"{line:<{width}}  # {origins[key]}\n" if key in origins else f"{line}\n" for key, line in lines)


def template() -> str:
    """Return the default config with a comment on every section and key."""
    config = Config()
    lines: list[str] = []
    for key, line in _lines(config.model_dump()):
        section, _, word = key.rpartition(".")
        if key in SECTIONS:
            lines += ["", *_about(SECTIONS[key], is_null=getattr(config, key) is None), line]
        else:
            model = type(getattr(config, section)) if section else Config
            lines += _beside(line, model.model_json_schema()["properties"][word])
    return HEAD + "".join(f"{line}\n" for line in lines)


def copy_of(name: str, folder: Path) -> str:
    """Return the text of a ready config, for a file in `folder`: from there, its path leads to the same place.

    Raises UsageError if there is none of that name.
    """
    file = ready_config(Path(name))
    if file is None:
        near = nearest_config(name)
        remedy = f"did you mean {near}?" if near else f"choose one of {', '.join(ready_configs())}"
        raise UsageError("--from", f"no config that ships with imgclf is called {name}", remedy)
    here, there = folder_of(file).resolve(), folder.resolve()

    def moved(line: re.Match[str]) -> str:
        return line[1] + _text(os.path.relpath(here / line[2], there))

    return re.sub(r"^(  path: )(\S+)", moved, file.read_text(encoding="utf-8"), flags=re.MULTILINE)


def _about(section: type[Section], *, is_null: bool) -> Iterator[str]:
    """Yield the comment above a section: its purpose, and its keys that the default does not show."""
    yield f"# {section.__doc__}"
    if issubclass(section, Variant):
        for variant in section.variants():
            own = {key: field for key, field in variant.model_fields.items() if key not in section.model_fields}
            settings = ", ".join(f"{key}: {_inline(field.default)}" for key, field in own.items())
            line = f"#   {variant.__name__:<12} {variant.__doc__} {settings}"
            yield from wrap(line, WIDTH, subsequent_indent=f"#{' ' * len('   NAME         ')}")
    elif is_null:
        for key, about in section.model_json_schema()["properties"].items():
            yield from _beside(f"#   {key}: {_inline(about['default'])}", about)


def _beside(line: str, about: dict[str, Any]) -> list[str]:
    """Return a line with the choices and the description of its key, wrapped onto more lines where long."""
    choices = (about if "enum" in about else about.get("anyOf", [{}])[0]).get("enum", [])
    text = ". ".join(part for part in (" | ".join(choices), about.get("description")) if part)
    first, *rest = wrap(text, WIDTH - MARGIN - len(" # "))
    return [f"{line:<{MARGIN}} # {first}", *(f"{'#' * (line[0] == '#'):<{MARGIN}} # {more}" for more in rest)]


def _text_of(values: dict[str, Any]) -> str:
    return "".join(f"{line}\n" for _, line in _lines(values))


def _lines(values: dict[str, Any], prefix: str = "", indent: str = "") -> Iterator[tuple[str, str]]:
    """Yield each line with its dotted key."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield f"{prefix}{key}", f"{indent}{_text(key)}:"
            yield from _lines(value, f"{prefix}{key}.", f"{indent}  ")
        else:
            yield f"{prefix}{key}", f"{indent}{_text(key)}: {_inline(value)}"


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if isinstance(value, float):
        return _number(value)
    return _text(value) if isinstance(value, str) else json.dumps(value)  # null, true, false, 3


def _number(value: float) -> str:
    """Return the shortest form that reads back as the same float.

    1e-05 becomes 1.0e-05: YAML 1.1, which many tools still read, takes a number without a point for text.
    """
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else repr(value)


def _text(text: str) -> str:
    if WORD.fullmatch(text) and text.lower() not in NOT_WORDS:
        return text
    return '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    code = ord(char)
    if char.isprintable():
        return char
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
