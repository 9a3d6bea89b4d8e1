"""Merge defaults, files and overrides into one config."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from imgclf.config.layers import from_file, from_override
from imgclf.config.messages import message, not_a_section
from imgclf.config.problems import ConfigError, Position, Problem, Source
from imgclf.config.schema import Config
from imgclf.config.shape import SECTIONS, VARIANTS, keys
from imgclf.config.yaml_reader import Document, Node

DEFAULT = "default"
NOT_SWEPT = ("checkpoint", "data.fold", "data.folds", "data.path", "data.source", "name", "seed", "sweep")
NOTHING = Node({}, Position(Source(DEFAULT)), Position(Source(DEFAULT)))


@dataclass(frozen=True)
class Resolved:
    """A config and where each of its values comes from: dotted key -> "default", "FILE:LINE" or "-s"."""

    config: Config
    origins: dict[str, str]


def resolve(
    files: Sequence[Path] = (), overrides: Sequence[str] = (), suggested: Mapping[str, object] = MappingProxyType({})
) -> Resolved:
    """Merge the files in order and the overrides KEY=VALUE; raise ConfigError with every mistake.

    `suggested` are values of keys that neither files nor overrides set.
    """
    problems: list[Problem] = []
    layers = _read([partial(from_file, Path(file), rank) for rank, file in enumerate(files, 1)], problems)
    first = len(files) + 1
    set_keys = _read([partial(from_override, text, rank) for rank, text in enumerate(overrides, first)], problems)
    # The overrides are one layer: their order must not decide which keys are dropped.
    defaults = [from_override(f"{key}={value}", 0).root for key, value in suggested.items()]
    tree = reduce(
        lay_over, [reduce(merge, defaults, NOTHING), *layers, *([reduce(merge, set_keys)] if set_keys else [])]
    )
    config, wrong = _validate(tree)
    if len(layers) + len(set_keys) < len(files) + len(overrides):
        # A layer that could not be read may name another variant, which has the key.
        wrong = [problem for problem in wrong if problem.key.partition(".")[0] not in VARIANTS]
    if config is not None:
        wrong = _wrong_values(tree, config)
    if config is None or problems or wrong:
        raise ConfigError([*problems, *wrong])
    written = {key: node.key.origin for key, node in leaves(tree)}
    return Resolved(config, {key: written.get(key, DEFAULT) for key, _ in leaves(config.model_dump())})


def with_values(config: Config, values: Mapping[str, object]) -> Config:
    """Return the config with other values of these dotted keys, as if -s set them; raises ConfigError."""
    nowhere = Position(Source(", ".join(f"{key}={value}" for key, value in values.items())))
    layer = reduce(
        merge,
        [_at(key, replace(_nodes(value), position=nowhere, key=nowhere)) for key, value in values.items()],
        NOTHING,
    )
    changed, wrong = _validate(lay_over(_nodes(config.model_dump()), layer))
    if changed is None:
        raise ConfigError(wrong)
    return changed


def _nodes(value: Any) -> Node:
    inner = {key: _nodes(part) for key, part in value.items()} if isinstance(value, dict) else value
    return replace(NOTHING, value=inner)


def _at(key: str, node: Node) -> Node:
    """Return a tree that holds only this node, at a dotted key."""
    for word in reversed(key.split(".")):
        node = Node({word: node}, node.position, node.key)
    return node


def _wrong_values(tree: Node, config: Config) -> list[Problem]:
    """Return the problems of the values that a sweep tries, each at its position."""
    problems = []
    for key, given in (
        tree.value["sweep"].value["params"].value if config.sweep and config.sweep.params else {}
    ).items():
        if key in NOT_SWEPT or key.partition(".")[0] in NOT_SWEPT:
            problems.append(Problem(given.key, f"sweep.params.{key}", "cannot be swept: it is the same for all runs"))
            continue
        ((kind, node),) = given.value.items() if isinstance(given.value, dict) else [("choice", given)]
        if kind == "log_uniform" and config.sweep and config.sweep.method == "grid":
            rule = "a grid takes a list of values; log_uniform is for sweep.method: random"
            problems.append(Problem(node.position, f"sweep.params.{key}", rule))
        for value in node.value:
            problems += _validate(lay_over(tree, _at(key, Node(value, node.position, given.key))))[1]
    return list(dict.fromkeys(problems))


def lay_over(lower: Node, upper: Node) -> Node:
    """Merge a layer over those below; drop their keys that the variant it names lacks."""
    kept = dict(lower.value)
    for section in VARIANTS.keys() & lower.value.keys() & upper.value.keys():
        if not isinstance(lower.value[section].value, dict) or not isinstance(upper.value[section].value, dict):
            continue  # null is replaced, and replaces
        kept[section] = _without_other_variants(section, lower.value[section], upper.value[section])
    return merge(replace(lower, value=kept), upper)


def merge(lower: Node, upper: Node) -> Node:
    """Merge two mappings key by key; other values are replaced by the upper one."""
    if not (isinstance(lower.value, dict) and isinstance(upper.value, dict)):
        return upper
    merged = dict(lower.value)
    for key, node in upper.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return replace(upper, value=merged)


def _without_other_variants(section: str, lower: Node, upper: Node) -> Node:
    below, name = VARIANTS[section].name_in(lower.plain()), upper.plain().get("name")
    if name == below or not isinstance(name, str) or name not in VARIANTS[section].factories:
        return lower
    # Only keys of other variants are dropped: a key that no variant has is a mistake to report.
    foreign = set(keys(section)) - set(keys(section, name))
    return replace(lower, value={key: node for key, node in lower.value.items() if key not in foreign})


def _read(readers: Sequence[Callable[[], Document]], problems: list[Problem]) -> list[Node]:
    """Return the layers that can be read; collect the problems of all."""
    layers = []
    for reader in readers:
        try:
            document = reader()
        except ConfigError as error:
            problems += error.problems
            continue
        problems += document.problems
        layers.append(_without_false_sections(document.root, problems))
    return layers


def _without_false_sections(layer: Node, problems: list[Problem]) -> Node:
    """Drop and report a value in place of a section: a layer above could hide the mistake."""
    kept = dict(layer.value)
    for section in SECTIONS:
        node, may_be_null = kept.get(section), Config.model_fields[section].default is None
        if node is None or isinstance(node.value, dict) or (node.value is None and may_be_null):
            continue
        problems.append(Problem(node.position, section, not_a_section(section, node.value)))
        del kept[section]
    return replace(layer, value=kept)


def _validate(tree: Node) -> tuple[Config | None, list[Problem]]:
    chosen = tree.plain()
    try:
        return Config.model_validate(chosen), []
    except ValidationError as error:
        return None, [_problem(tree, chosen, details) for details in error.errors(include_url=False)]


def _problem(tree: Node, chosen: dict[str, Any], details: Any) -> Problem:
    path = tuple(map(str, details["loc"]))
    node = find(tree, path)
    position = node.key if details["type"] == "extra_forbidden" else node.position
    return Problem(position, ".".join(path), message(path, details, chosen))


def find(tree: Node, path: Sequence[str]) -> Node:
    """Return the node at a path, or the last one on the way to it."""
    for key in path:
        if not isinstance(tree.value, dict) or key not in tree.value:
            break
        tree = tree.value[key]
    return tree


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key of every value in a tree of nodes or of plain values; a section without keys is a value."""
    for key, part in (tree.value if isinstance(tree, Node) else tree).items():
        inner = part.value if isinstance(part, Node) else part
        if isinstance(inner, dict) and inner:
            yield from leaves(part, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", part
