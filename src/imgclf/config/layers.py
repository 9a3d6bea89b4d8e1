"""Read the layers of a config: files and overrides."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from imgclf.config.problems import ConfigError, Position, Problem, Source, shorten
from imgclf.config.ready import folder_of, nearest_config
from imgclf.config.shape import takes_text
from imgclf.config.yaml_reader import (
    LONGEST_KEY,
    MAX_BYTES,
    MAX_DEPTH,
    NULL,
    Document,
    Node,
    decode,
    read,
    resolve_scalar,
)

OVERRIDE = "-s"
# Names of optimizer keys in version 0.1, whose runs must stay readable.
RENAMED = {
    "momentum": {"decay": "momentum"},
    "nesterov": {"decay": "momentum"},
    "adam": {"decay": "beta1", "decay_square": "beta2"},
}


def from_file(path: Path, rank: int) -> Document:
    """Read a config file; a relative path in it is relative to its folder."""
    text = decode(file_bytes(path, rank), str(path), rank)
    document = read(text, Source(str(path), tuple(text.splitlines()), rank=rank))
    if document.root.value is None:
        return replace(document, root=replace(document.root, value={}))
    if not isinstance(document.root.value, dict):
        message = "a config is a section of keys, such as `seed: 1`"
        raise ConfigError([Problem(document.root.position, "", message)])
    return replace(document, root=_with_new_names(_with_absolute_path(document.root, folder_of(path))))


def from_override(override: str, rank: int) -> Document:
    """Read KEY=VALUE as the section that a file with this one key would hold."""
    key, equals, value = override.partition("=")
    words = [word.strip() for word in key.split(".")]
    if words[:2] == ["sweep", "params"] and len(words) > 2:
        words[2:] = [".".join(words[2:])]  # the keys of this section are dotted keys themselves
    name = ".".join(words)
    source = Source(f"{OVERRIDE} {shorten(name or override)}", tuple(override.splitlines()), OVERRIDE, rank)
    problem = _malformed(words, name, equals)
    if problem:
        raise ConfigError([Problem(Position(source, 1, 1), "", problem)])
    if key.endswith(" "):  # KEY = VALUE: these spaces do not belong to the value
        value = value.lstrip(" ")
    document = _value(value, source, tuple(words), len(override) - len(value))
    node = document.root
    for word in reversed(words):
        node = Node({word: replace(node, key=Position(source, 1, 1))}, node.position, node.position)
    return replace(document, root=_with_absolute_path(node, Path()))


def _value(text: str, source: Source, path: tuple[str, ...], indent: int) -> Document:
    """Read the value of KEY=VALUE: a word of the shell, not a line of a file, so nothing in it is a comment.

    A list, a section and a quoted text are written as in a file. Anything else is taken literally for a key that takes
    text (except null); for other keys it is read as a scalar in a file.
    """
    word = text.strip()
    position = Position(source, 1, indent + 1 + len(text) - len(text.lstrip()))
    is_text = takes_text(path)
    if word.startswith(("[", "{")) and not is_text:
        return read(word, source, path=path, indent=position.column - 1, comments=False)
    if word.startswith(("'", '"')):
        with suppress(ConfigError):
            document = read(word, source, path=path, indent=position.column - 1, comments=False)
            if isinstance(document.root.value, str):
                return document
    if is_text:
        return Document(Node(None if NULL.fullmatch(word) else text, position, position))
    try:
        return Document(Node(resolve_scalar(word), position, position))
    except ValueError as error:
        raise ConfigError([Problem(position, ".".join(path), str(error))]) from None


def _malformed(words: Sequence[str], name: str, equals: str) -> str | None:
    if not equals:
        return "expected KEY=VALUE, such as train.epochs=5"
    if not all(words):
        return "the key is empty; expected KEY=VALUE, such as train.epochs=5"
    if not name.isprintable() or max(map(len, words)) > LONGEST_KEY:
        return "the key is too long or has unprintable characters"
    return f"nested more than {MAX_DEPTH} deep" if len(words) > MAX_DEPTH else None


def file_bytes(path: Path, rank: int) -> bytes:
    """Read a file, or the beginning of one that is too large; raise ConfigError if it cannot be read."""
    try:
        with path.open("rb") as file:
            # One byte more than the limit shows that a file is too large, without reading all of it.
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reasons: dict[type[Exception], str] = {
            FileNotFoundError: f"there is no such file - {_instead_of(path)}",
            IsADirectoryError: "a directory, not a config file; name the file in it",
            PermissionError: "permission denied; check who may read the file",
        }
        message = reasons.get(type(error)) or f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError([Problem(Position(Source(str(path), rank=rank)), "", message)]) from error


def _instead_of(path: Path) -> str:
    near = nearest_config(path.stem)
    return f"did you mean {near}?" if near else "check the path, or write one with `imgclf config init`"


def _with_absolute_path(root: Node, folder: Path) -> Node:
    """Make data.path absolute: it is relative to its own layer."""
    data = root.value.get("data")
    path = data.value.get("path") if data and isinstance(data.value, dict) else None
    if data is None or path is None or not isinstance(path.value, str) or not path.value:
        return root
    # Links of the folder are followed first, because `..` is a folder on the disk, not in the text.
    whole = os.path.normpath(folder.resolve() / os.path.expanduser(path.value))  # noqa: PTH111 - never raises
    data = replace(data, value={**data.value, "path": replace(path, value=whole)})
    return replace(root, value={**root.value, "data": data})


def _with_new_names(root: Node) -> Node:
    """Rename keys of version 0.1 beside the name of their optimizer, as in the config of a run."""
    optimizer = root.value.get("optimizer")
    keys = optimizer.value if optimizer and isinstance(optimizer.value, dict) else {}
    renamed = RENAMED.get(str(keys["name"].value), {}) if "name" in keys else {}
    if renamed.keys().isdisjoint(keys) or not keys.keys().isdisjoint(renamed.values()):
        return root
    optimizer = replace(optimizer, value={renamed.get(key, key): node for key, node in keys.items()})
    return replace(root, value={**root.value, "optimizer": optimizer})
