"""Read YAML safely: YAML 1.2 scalars, bounded, with positions.

Built on PyYAML's nodes; its constructors never run. Anchors, aliases, tags and merge keys are refused, so a small file
cannot become a large value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import yaml

from imgclf.config.problems import ConfigError, Position, Problem, Source, describe, shorten

# PyYAML needs about 15 microseconds a character of a dense file: this much takes a second at worst, and a config
# of every key with comments is a tenth of it.
MAX_BYTES = 65_536
MAX_VALUES = 5_000
MAX_DEPTH = 32
LONGEST_KEY = 100  # YAML allows 1024 characters for a key without `?`
MAX_DIGITS = 100  # int() takes quadratic time, and refuses more than 4300

# The core schema of YAML 1.2. PyYAML implements YAML 1.1, which reads `1e-3` as text, `no` as false, `010` as 8 and
# `1:30` as 90.
NULL = re.compile(r"~|null|Null|NULL|")
SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (NULL, lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda text: float("nan")),
)


@dataclass(frozen=True)
class Node:
    """A value, its position and that of its key; a mapping holds nodes, a list plain values."""

    value: Any
    position: Position
    key: Position

    def plain(self) -> Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return self.value


@dataclass(frozen=True)
class Document:
    """A tree of values, and the mistakes that did not stop reading."""

    root: Node
    problems: tuple[Problem, ...] = ()


def decode(data: bytes, name: str, rank: int = 0) -> str:
    """Return the text of a file: UTF-8, with or without a byte order mark, and not too long."""
    whole = Position(Source(name, rank=rank))
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(whole, "", f"larger than {MAX_BYTES // 1024} KB, too large for a config")])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError([Problem(whole, "", "UTF-16 text; save it as UTF-8")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = _after(data[: error.start].decode("utf-8-sig"), whole.source)
        message = f"not UTF-8 text (byte 0x{data[error.start]:02x}); save it as UTF-8"
        raise ConfigError([Problem(position, "", message)]) from error


@lru_cache(maxsize=16)  # a command reads the config of its run more than once
def read(text: str, source: Source, *, path: tuple[str, ...] = (), indent: int = 0, comments: bool = True) -> Document:
    """Read one YAML document, None where it is empty; raises ConfigError for invalid YAML.

    path and indent: the key and the columns before the text, if it is only the end of a line.
    comments: whether one may follow the value.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem(Position(source), "", f"longer than {MAX_BYTES:,} characters")])
    try:
        loader = _Loader(text, source, path, indent)
    except yaml.reader.ReaderError as error:
        message = f"the character U+{ord(text[error.position]):04X} is not allowed; remove it"
        raise ConfigError([Problem(_after(text[: error.position], source, indent), "", message)]) from None
    try:
        return Document(loader.document(comments), tuple(loader.problems))
    except yaml.MarkedYAMLError as error:
        hint = "; put quotes around a value with a # in it" if not comments and " #" in text else ""
        mark, message = error.problem_mark or error.context_mark, f"{_in_words(error)}{hint}"
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML converts escapes and versions unchecked: \UFFFFFFFF, %YAML 1.999...
        mark, message = loader.get_mark(), "a character code or a number here is out of range"
    raise ConfigError([*loader.problems, Problem(loader.position(mark), "", f"not valid YAML: {message}")])


def resolve_scalar(text: str) -> object:
    """Return what a plain scalar means in YAML 1.2: `1e-3` is a number, `no` is a word.

    Raises ValueError for a number that is too long.
    """
    for pattern, value in SCALARS:
        if pattern.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise ValueError(f"a number of {len(text):,} characters is too long")
            return value(text)
    return text


class _Loader(yaml.BaseLoader):
    """PyYAML's composer with limits: it makes our nodes, and refuses what a config does not need."""

    def __init__(self, text: str, source: Source, path: tuple[str, ...], indent: int) -> None:
        super().__init__(text)
        # `self.indent` is taken: it belongs to PyYAML's scanner.
        self.text, self.source, self.path, self.before = text, source, path, indent
        self.problems: list[Problem] = []
        self.values, self.depth = 0, len(path)

    def document(self, comments: bool) -> Node:
        if not self.check_node():
            return Node(None, Position(self.source), Position(self.source))
        root: Node = self.get_node()  # type: ignore[assignment]
        if not comments and self.end.index < len(self.text):
            self.refuse(self.end, "nothing may follow the value, not even a comment")
        if self.check_node():
            extra = self.peek_event()  # type: ignore[no-untyped-call]
            self.refuse(extra.start_mark, "a second document begins here; a config is one")
        return root

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the value of the key `index`, or a key itself, if `index` is None in a mapping."""
        outer = self.path
        self.path = (*outer, index.value) if isinstance(index, Node) else outer
        self.depth += 1
        self.values += 1
        self._check(self.peek_event())  # type: ignore[no-untyped-call]
        composed: Any = super().compose_node(parent, index)
        self.end, position = composed.end_mark, self.position(composed.start_mark)
        node = Node(self._value(composed), position, index.position if isinstance(index, Node) else position)
        if isinstance(parent, yaml.MappingNode) and index is None:
            self._check_key(composed, node.value)
        self.path, self.depth = outer, self.depth - 1
        return node

    def position(self, mark: Any) -> Position:
        return Position(self.source, mark.line + 1, mark.column + 1 + (self.before if mark.line == 0 else 0))

    def refuse(self, mark: Any, message: str) -> NoReturn:
        raise ConfigError([*self.problems, Problem(self.position(mark), ".".join(self.path), message)])

    def _check(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.refuse(event.start_mark, "anchors (&) and aliases (*) are not allowed; write the value out")
        if event.tag is not None:
            self.refuse(event.start_mark, f"the tag {shorten(event.tag)} is not allowed; write a plain value")
        if self.depth > MAX_DEPTH:
            self.refuse(event.start_mark, f"nested more than {MAX_DEPTH} deep")
        if self.values > MAX_VALUES:
            self.refuse(event.start_mark, f"more than {MAX_VALUES:,} values, too many for a config")

    def _check_key(self, composed: Any, key: object) -> None:
        if key == "<<" and composed.style is None:
            self.refuse(composed.start_mark, "merge keys (<<) are not allowed; write the keys out")
        if not isinstance(key, str):
            hint = "; quote it" if key is not None and not isinstance(key, list | dict) else ""
            self.refuse(composed.start_mark, f"a key must be a word, not {describe(key)}{hint}")
        if not key.isprintable() or len(key) > LONGEST_KEY:
            message = f"the key '{shorten(key)}' is too long or has unprintable characters"
            self.refuse(composed.start_mark, message)

    def _value(self, composed: Any) -> Any:
        if isinstance(composed, yaml.SequenceNode):
            return [node.plain() for node in composed.value]
        if isinstance(composed, yaml.MappingNode):
            return self._mapping(composed.value)
        if composed.style is not None:  # quoted, or a block of text
            return composed.value
        try:
            return resolve_scalar(composed.value)
        except ValueError as error:
            self.refuse(composed.start_mark, str(error))

    def _mapping(self, pairs: list[tuple[Node, Node]]) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        for key, node in pairs:
            if key.value in nodes:
                message = f"given twice; first in line {nodes[key.value].key.line}"
                self.problems.append(Problem(key.position, ".".join((*self.path, key.value)), message))
            nodes.setdefault(key.value, node)
        return nodes


def _after(text: str, source: Source, indent: int = 0) -> Position:
    lines = f"{text}|".splitlines()
    return Position(source, len(lines), len(lines[-1]) + (indent if len(lines) == 1 else 0))


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "unknown"
    return "a tab; use spaces" if r"'\t'" in problem else shorten(problem)
