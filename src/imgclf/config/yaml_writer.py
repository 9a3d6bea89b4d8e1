"""Write a config as YAML that reads back as the same config."""

import re
from collections.abc import Iterator
from typing import Any

from imgclf.config.resolve import Resolved
from imgclf.config.schema import Config

# A word that no version of YAML takes for anything else; all other text is quoted.
WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
NOT_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def dump(config: Config) -> str:
    """Return the config with every default written out."""
    return "".join(f"{line}\n" for _, line in _lines(config.model_dump()))


def show(resolved: Resolved) -> str:
    """Return the config with a comment on each line: where the value comes from."""
    lines = list(_lines(resolved.config.model_dump()))
    width = max(len(line) for key, line in lines if key in resolved.origins)
    return "".join(
        f"{line:<{width}}  # {resolved.origins[key]}\n" if key in resolved.origins else f"{line}\n"
        for key, line in lines
    )


def _lines(values: dict[str, Any], prefix: str = "", indent: str = "") -> Iterator[tuple[str, str]]:
    """Yield each line with its dotted key."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield "", f"{indent}{_text(key)}:"
            yield from _lines(value, f"{prefix}{key}.", f"{indent}  ")
        else:
            yield f"{prefix}{key}", f"{indent}{_text(key)}: {_inline(value)}"


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return _text(value) if isinstance(value, str) else str(value)


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
