"""Read YAML safely: YAML 1.2 scalars, bounded, with positions.

Built on PyYAML's events, not on its constructors: what is not understood here does not exist. Anchors, aliases, tags
and merge keys are refused when they are met, so a small file cannot become a large value.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from imgclf.config.problems import ConfigError, Place, Problem, Source, describe, shorten

# PyYAML needs about 15 microseconds a character of a dense file: this much takes a second at worst, and a config
# of every key with comments is a tenth of it.
MAX_BYTES = 65_536
MAX_VALUES = 5_000
MAX_DEPTH = 32
LONGEST_KEY = 100  # YAML takes 1024 characters for a key without `?`
MAX_DIGITS = 100  # int() takes quadratic time, and refuses beyond 4300

# The core schema of YAML 1.2. YAML 1.1, which PyYAML speaks, takes `1e-3` for a text, `no` for false, `010` for 8
# and `1:30` for 90.
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
    """A value, where it stands and where its key does; a mapping holds nodes, a list plain values."""

    value: Any
    place: Place
    key: Place

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return self.value


@dataclass(frozen=True)
class Document:
    """What a text says, and the mistakes in it that did not keep it from being read."""

    root: Node
    problems: tuple[Problem, ...] = ()


def decode(data: bytes, name: str, rank: int = 0) -> str:
    """Return the text of a file: UTF-8, with or without a byte order mark, and not too long."""
    whole = Place(Source(name, rank=rank))
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(whole, "", f"larger than {MAX_BYTES // 1024} KB, too large for a config")])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError([Problem(whole, "", "UTF-16 text; save it as UTF-8")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].split(b"\n")
        place = Place(whole.source, len(before), len(before[-1]) + 1)
        message = f"not UTF-8 text (byte 0x{data[error.start]:02x}); save it as UTF-8"
        raise ConfigError([Problem(place, "", message)]) from error


def read(text: str, source: Source, *, path: tuple[str, ...] = (), indent: int = 0, comments: bool = True) -> Document:
    """Read one YAML document, None where it is empty; what keeps it from being read raises ConfigError.

    path and indent: where the text is only the end of a line, the key and the columns before it.
    comments: whether one may follow the value.
    """
    reader = _Reader(text, source, path, indent, comments)
    try:
        return Document(reader.document(), tuple(reader.problems))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; put quotes around a value with a # in it" if not comments and " #" in text else ""
        problem = Problem(reader.place(mark), "", f"not valid YAML: {_in_words(error)}{hint}")
    except yaml.reader.ReaderError as error:
        upto = f"{text[: error.position]}|".splitlines()
        place = Place(source, len(upto), len(upto[-1]) + (indent if len(upto) == 1 else 0))
        problem = Problem(place, "", f"the character U+{ord(text[error.position]):04X} is not allowed; remove it")
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        # PyYAML converts escapes and versions unchecked: \UFFFFFFFF, %YAML 1.999...
        message = "not valid YAML: a character code or a number here or after is out of range"
        problem = Problem(reader.place(reader.mark), "", message)
    raise ConfigError([problem])


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


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, text: str, source: Source, path: tuple[str, ...], indent: int, comments: bool) -> None:
        self.text, self.source, self.path, self.indent, self.comments = text, source, path, indent, comments
        self.problems: list[Problem] = []
        self.mark: Any = None  # where the newest event begins, for errors that know no place
        self.end: Any = None  # where it ends
        self.values = 0

    def document(self) -> Node:
        self.events = self._events()
        next(self.events)  # the start of the stream
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            return Node(None, Place(self.source), Place(self.source))
        root = self.node(next(self.events), self.path, depth=1 + len(self.path))
        if not self.comments and self.end.index < len(self.text):
            message = "nothing may follow the value, not even a comment"
            raise ConfigError([Problem(self.place(self.end), ".".join(self.path), message)])
        next(self.events)  # the end of the document
        extra = next(self.events)
        if not isinstance(extra, yaml.StreamEndEvent):
            self.refuse(extra, (), "a second document begins here; a config is one")
        return root

    def _events(self) -> Iterator[Any]:
        if len(self.text) > MAX_BYTES:
            raise ConfigError([Problem(Place(self.source), "", f"longer than {MAX_BYTES:,} characters")])
        for event in yaml.parse(self.text, Loader=yaml.SafeLoader):
            self.mark, self.end = event.start_mark, event.end_mark
            yield event

    def place(self, mark: Any) -> Place:
        if mark is None:
            return Place(self.source)
        return Place(self.source, mark.line + 1, mark.column + 1 + (self.indent if mark.line == 0 else 0))

    def refuse(self, event: Any, path: tuple[str, ...], message: str) -> NoReturn:
        raise ConfigError([*self.problems, Problem(self.place(event.start_mark), ".".join(path), message)])

    def node(self, event: Any, path: tuple[str, ...], key: Place | None = None, depth: int = 1) -> Node:
        """Build the value that begins with this event."""
        self._check(event, path, depth)
        place = self.place(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth)
        else:
            value = self._mapping(path, depth)
        return Node(value, place, key or place)

    def _check(self, event: Any, path: tuple[str, ...], depth: int) -> None:
        self.values += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.refuse(event, path, "anchors (&) and aliases (*) are not allowed; write the value out")
        if event.tag is not None:
            self.refuse(event, path, f"the tag {shorten(event.tag)} is not allowed; write a plain value")
        if depth > MAX_DEPTH:
            self.refuse(event, path, f"nested more than {MAX_DEPTH} deep")
        if self.values > MAX_VALUES:
            self.refuse(event, path, f"more than {MAX_VALUES:,} values, too many for a config")

    def _scalar(self, event: yaml.ScalarEvent, path: tuple[str, ...]) -> Any:
        if event.style is not None:  # quoted, or a block of text
            return event.value
        try:
            return resolve_scalar(event.value)
        except ValueError as error:
            self.refuse(event, path, str(error))

    def _list(self, path: tuple[str, ...], depth: int) -> list[Any]:
        values = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self.node(event, path, depth=depth + 1).plain())
        return values

    def _mapping(self, path: tuple[str, ...], depth: int) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            place = self.place(event.start_mark)
            node = self.node(next(self.events), (*path, key), place, depth + 1)
            if key in nodes:
                first = nodes[key].key.line
                self.problems.append(Problem(place, ".".join((*path, key)), f"given twice; first in line {first}"))
            nodes.setdefault(key, node)
        return nodes

    def _key(self, event: Any, path: tuple[str, ...], depth: int) -> str:
        key = self.node(event, path, depth=depth + 1).value
        if isinstance(event, yaml.ScalarEvent) and event.style is None and key == "<<":
            self.refuse(event, path, "merge keys (<<) are not allowed; write the keys out")
        if not isinstance(key, str):
            self.refuse(event, path, f"a key must be a word, not {describe(key)}")
        if not key.isprintable() or len(key) > LONGEST_KEY:
            self.refuse(event, path, f"the key '{shorten(key)}' is too long or has characters that cannot be seen")
        return key


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "unknown"
    if r"'\t'" in problem:
        return "a tab; use spaces"
    return shorten(problem)
