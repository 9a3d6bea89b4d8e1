"""-s KEY=VALUE: a value is a word of the shell, not a line of a file."""

import os
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgclf.config import resolve
from imgclf.config.shape import every_key, takes_text
from imgclf.config.yaml_reader import NULL
from imgclf.errors import UsageError

PIECES = ["#", " #", ": ", "'", '"', "[", "]", "{", "}", "*a", "&a", "@", "!!int ", "|", ">", "%", "- ",
          "\n", "\t", " ", "=", "\\", "~", "1e-3", "true", "null", "0x1F", "\x1b[31m",
          "\u202e", "\udcff", "猫", "/", "a"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(exclude_characters="\0"), max_size=6).map("".join)


def is_quoted(text):
    return text.strip()[:1] in ("'", '"')


def path(override):
    return resolve((), [override]).config.data.path


@given(TEXTS.filter(lambda text: not is_quoted(text) and not NULL.fullmatch(text.strip())))
@example("my #2")
@example("a: b")
@example(" both ends ")
@example("two\nlines")
@example("it's")
@example("0123")
@example("true")
def test_a_path_is_every_character_that_was_given(text):
    # A leading ./ says that it is no home folder; the rest is what the file system does with dots and slashes.
    assert path(f"data.path=./{text}") == os.path.normpath(Path.cwd() / "." / text.lstrip("/"))
    if not text.startswith(("/", "~")):
        assert path(f"data.path={text}") == os.path.normpath(Path.cwd() / text)


@given(TEXTS)
def test_a_text_can_always_be_quoted(text):
    inner = text.replace("\n", "").replace("\x1b", "").replace("\udcff", "")  # what YAML lets stand between quotes
    inner = "".join(char for char in inner if char.isprintable())
    quoted = "./" + inner.replace("'", "''")
    assert path(f"data.path='{quoted}'") == os.path.normpath(Path.cwd() / inner.lstrip("/"))


@pytest.mark.parametrize("text", [
    "run #3", "no", "true", "1e-3", "2024-01-01", "@at", "*star", "&amp", "!bang", "|pipe", "[z]", "{b}", "a: b", "x,y",
    "- x", "? x", "%", "`", "0x1F", "'a' b", 'a"', "it's", "=", "a=b", "#", "# x", '"open', "'a' # b", "[a", "<<",
    "---",
])  # fmt: skip
def test_a_name_is_taken_literally(text):
    assert resolve((), [f"name={text}"]).config.name == text
    assert resolve((), [f"name = {text}"]).config.name == text


def test_the_keys_of_text_are_these():
    assert [key for key in every_key() if takes_text(key.split("."))] == ["name", "data.path"]


@pytest.mark.parametrize("text", ["my #2", "a: b", "@at", "*star", "no", "2024-01-01", "5 # five"])
def test_an_option_of_a_source_takes_text_that_is_no_number(text):
    assert resolve((), [f"data.options.x={text}"]).config.data.options == {"x": text}


@pytest.mark.parametrize(("text", "value"), [
    ("5", 5), ("1e-3", 1e-3), (" .5 ", 0.5), ("true", True), ("null", None), ("~", None), ("", None), ("'5'", "5"),
    ('"a\\tb"', "a\tb"), ("''", ""), ("[1, '2', a b]", [1, "2", "a b"]),
    ("{a: {b: 1}, c: '#'}", {"a": {"b": 1}, "c": "#"}), (" [1] ", [1]), ("0o17", 15), ("010", 10), ("1_000", "1_000"),
])  # fmt: skip
def test_other_values_mean_what_they_mean_in_a_file(text, value, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(f"data: {{options: {{x: {text} }}}}")
    options = resolve((), [f"data.options.x={text}"]).config.data.options
    assert options == resolve([file]).config.data.options == {"x": value}
    assert type(options["x"]) is type(value)


@given(st.text(string.printable, min_size=1, max_size=6).filter(lambda text: text.strip()))
def test_nothing_that_follows_a_section_is_lost(more):
    from imgclf.config import ConfigError

    with pytest.raises(ConfigError):
        resolve((), [f"early_stopping={{patience: 3}}{more}"])


def test_the_error_for_a_section_cut_by_a_comment_suggests_quotes():
    with pytest.raises(UsageError, match="put quotes around a value with a # in it"):
        resolve(overrides=["data={path: my #2}"])
