import math
import time

import pytest

from imgclf.config.problems import ConfigError, Source
from imgclf.config.yaml_reader import MAX_BYTES, decode, read


def value(text):
    return read(text, Source("f.yaml", tuple(text.splitlines()))).root.plain()


def refusal(text):
    with pytest.raises(ConfigError) as caught:
        value(text)
    return caught.value.lines()[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001), ("1.0e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-0.25", -0.25), ("+1.5", 1.5),
        ("010", 10), ("0", 0), ("-7", -7), ("+7", 7), ("0o17", 15), ("0x1F", 31),
        ("true", True), ("True", True), ("TRUE", True), ("false", False),
        ("null", None), ("~", None), ("Null", None), ("", None),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("tRue", "tRue"),
        ("1:30", "1:30"), ("2024-01-31", "2024-01-31"), ("1_000", "1_000"), ("0b11", "0b11"), ("1e", "1e"),
        ("0o8", "0o8"), (".", "."), ("e3", "e3"), ("--1", "--1"), ("१", "१"), ("=", "="), ("inf", "inf"),
        ("'1'", "1"), ('"true"', "true"), ("'null'", "null"), ("''", ""),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text, expected):
    found = value(f"key: {text}")["key"]
    assert found == expected
    assert type(found) is type(expected)


def test_infinity_and_nan_are_numbers():
    assert value("[.inf, -.Inf, +.INF]") == [math.inf, -math.inf, math.inf]
    assert math.isnan(value(".nan"))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # nothing\n...\n"])
def test_an_empty_text_is_null(text):
    assert value(text) is None


def test_every_key_and_value_has_its_position():
    root = read("a: 1\nb:\n  c: [x,\n    y]\n  'd' :   {e: 2}\n", Source("f")).root
    assert (root.value["a"].key.line, root.value["a"].key.column) == (1, 1)
    assert (root.value["a"].position.line, root.value["a"].position.column) == (1, 4)
    b = root.value["b"].value
    assert (b["c"].position.line, b["c"].position.column) == (3, 6)
    assert (b["d"].key.line, b["d"].key.column) == (5, 3)
    assert (b["d"].value["e"].position.line, b["d"].value["e"].position.column) == (5, 15)
    assert root.plain() == {"a": 1, "b": {"c": ["x", "y"], "d": {"e": 2}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x", "f.yaml:1:4: a: anchors (&) and aliases (*) are not allowed; write the value out"),
        ("a: *x", "f.yaml:1:4: a: anchors (&) and aliases (*) are not allowed; write the value out"),
        ("<<: {a: 1}", "f.yaml:1:1: merge keys (<<) are not allowed; write the keys out"),
        ("a: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("a: !!str 1", "the tag tag:yaml.org,2002:str is not allowed"),
        ("a: ! 1", "the tag ! is not allowed"),
        ("a: 1\n---\nb: 1", "f.yaml:2:1: a second document begins here; a config is one"),
        ("1: 2", "f.yaml:1:1: a key must be a word, not the number 1; quote it"),
        ("a: {true: 2}", "f.yaml:1:5: a: a key must be a word, not true; quote it"),
        ("[a]: 2", "f.yaml:1:1: a key must be a word, not a list"),
        ('"a\\nb": 1', "f.yaml:1:1: the key 'a\\nb' is too long or has unprintable characters"),
        ("a:\n\tb: 1", "f.yaml:2:1: not valid YAML: a tab; use spaces"),
        ("a: b: c", "f.yaml:1:5: not valid YAML: mapping values are not allowed here"),
        ("a: \0", "f.yaml:1:4: the character U+0000 is not allowed; remove it"),
        ("a: 1\n\x1b: 1", "f.yaml:2:1: the character U+001B is not allowed; remove it"),
        ("a: 9" + "9" * 5000, "f.yaml:1:4: a: a number of 5,001 characters is too long"),
        ("a: 0x" + "f" * 5000, "f.yaml:1:4: a: a number of 5,002 characters is too long"),
        ('a: "\\UFFFFFFFF"', "a character code or a number here is out of range"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", "a character code or a number here is out of range"),
    ],
)
def test_invalid_yaml_is_refused_in_one_line(text, expected):
    line = refusal(text)
    assert expected in line
    assert "\n" not in line
    assert len(line) <= 300


def test_a_duplicate_key_is_reported_with_the_line_of_the_first_and_the_rest_is_read():
    document = read("a: 1\nb:\n  c: 2\n  c: 3\na: 4\n", Source("f"))
    assert [problem.line for problem in document.problems] == [
        "f:4:3: b.c: given twice; first in line 3",
        "f:5:1: a: given twice; first in line 1",
    ]
    assert document.root.plain() == {"a": 1, "b": {"c": 2}}


def test_nesting_ends_at_32():
    def nested(depth):
        return "[" * depth + "]" * depth

    assert value(nested(32)) is not None
    assert "nested more than 32 deep" in refusal(nested(33))
    assert value("- {a: [1]}\n" * 99) == [{"a": [1]}] * 99  # how many there are side by side is another matter


def bomb(levels):
    """The published one: each level merges the level below it twice."""
    lines = ["l0: &l0 {x: 1}"] + [f"l{i}: &l{i} {{<<: [*l{i - 1}, *l{i - 1}]}}" for i in range(1, levels)]
    return "\n".join(lines)


HOSTILE = {
    "merge bomb": bomb(20),
    "a list": "[" + "1," * 32_000 + "]",
    "a block list": "- 1\n" * 16_000,
    "many keys": "".join(f"k{number}: 1\n" for number in range(6_000)),
    "one key": "{" + "a," * 30_000 + "}",
    "brackets": "[" * 2_000,
    "braces": "{a: " * 2_000,
    "question marks": "? " * 30_000,
    "dashes": "- " * 30_000,
    "exclamations": "!" * 60_000,
    "a long key": "x" * 60_000 + ": 1",
    "a quoted key": '"' + "a\\n" * 20_000 + '": 1',
    "colons": ":" * 60_000 + " ",
    "too long": "#" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_before_it_grows(name):
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        value(decode(HOSTILE[name].encode(), "f.yaml"))
    assert time.process_time() - start < 2
    assert all(len(line) <= 300 for line in caught.value.lines())


def test_a_merge_bomb_is_refused_at_once():
    start = time.process_time()
    refusal(bomb(40))
    assert time.process_time() - start < 0.05


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xfes\x00", "f: UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff\x00s", "f: UTF-16 text; save it as UTF-8"),
        (b"seed: 1\nname: \xe9t\xe9", "f:2:7: not UTF-8 text (byte 0xe9); save it as UTF-8"),
        (b" " * (MAX_BYTES + 1), "f: larger than 64 KB, too large for a config"),
    ],
)
def test_a_file_that_is_no_short_utf8_text_is_refused(data, expected):
    with pytest.raises(ConfigError) as caught:
        decode(data, "f")
    assert caught.value.lines() == [expected]


def test_a_utf8_byte_order_mark_is_passed_over():
    assert decode(b"\xef\xbb\xbfseed: 1", "f") == "seed: 1"
