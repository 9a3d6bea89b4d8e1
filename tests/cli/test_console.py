"""What is printed: lines that stay lines, columns that stay columns, on a stream of any encoding."""

import ast
import csv
import io
import json
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from imgclf import cli
from imgclf.cli.commands.eval import COLUMN, SHOWN, _confusion_table
from imgclf.cli.console import WIDTH, fold, table
from imgclf.cli.progress import HEADER, fitting
from imgclf.machine.terminal import display_width

NAME = "été 猫"
TRAIN = ("-s", "data.source=folder", "-s", f"data.path={NAME}", "-s", "train.epochs=2", "--no-plots")


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Run a command whose two streams have this encoding; return what it wrote to stdout."""
    monkeypatch.chdir(tmp_path)
    for number in range(24):
        image = Path(NAME, ("hiver", NAME)[number % 2], f"{number}.png")
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), 10 * number).save(image)
    image.rename(NAME + ".png")

    def run(encoding, *arguments):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["imgclf", *arguments])
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as stop:
                cli.main()
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
        assert stop.value.code == 0, err
        return out

    assert run("utf-8", "train", *TRAIN, "--out", NAME + " run")
    return run


def in_words(text, encoding):
    """What is to be seen of a text: an escape for what the encoding does not have."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "euc-jp", "utf-8", "utf-16"])
def test_a_stream_of_any_encoding_gets_what_it_can_show_and_escapes_for_the_rest(said, encoding):
    name, run = in_words(NAME, encoding), NAME + " run"
    assert f"{name} run: softmax" in said(encoding, "eval", run, "--split", "val")
    assert name in said(encoding, "data", "info", NAME)
    assert name in said(encoding, "predict", run, NAME + ".png")
    assert f"run    {name} bar\n" in said(encoding, "train", *TRAIN, "--progress", "bar", "--out", f"{NAME} bar")
    rows = list(csv.reader(io.StringIO(said(encoding, "predict", run, NAME + ".png", "--format", "csv"))))
    assert (rows[1][0], {row[2] for row in rows[1:]}) == (f"{name}.png", {"hiver", name})
    (found,) = json.loads(said(encoding, "predict", run, NAME + ".png", "--format", "json"))["predictions"]
    assert (found["image"], set(found["scores"])) == (NAME + ".png", {"hiver", NAME})
    # An escape means the same in YAML: the config that is shown is the config, whatever the stream.
    for shown in (said(encoding, "config", "show", *TRAIN[:-1]), said(encoding, "train", *TRAIN, "--print-config")):
        assert Path(yaml.safe_load(shown)["data"]["path"]).name == NAME


def test_no_path_is_a_formula_to_a_spreadsheet(said):
    names = ["=1+1.png", "-1+1.png", "@f(1).png", "-plain.png"]
    for name in names:
        Path(name).write_bytes(Path(NAME + ".png").read_bytes())
    out = said("utf-8", "predict", "--format", "csv", "--top-k", "1", "--", NAME + " run", *names)
    found = [row[0] for row in csv.reader(io.StringIO(out))][1:]
    assert found == ["./=1+1.png", "./-1+1.png", "./@f(1).png", "-plain.png"]
    assert [Path(path) for path in found] == [Path(name) for name in names]


def test_columns_stay_columns_under_wide_characters():
    rows = [["猫", "1"], ["cat", "20"], ["e\u0301te\u0301", "3"], ["한국", "4"], ["a\tb\x1b", "5"]]
    lines = table(["class", "n"], rows)
    assert len({display_width(line) for line in lines}) == 1
    assert lines[1] == "猫         1"
    assert lines[5] == r"a\tb\x1b   5"
    assert table(["a", "b"], [["猫猫", "x"]], left=2) == ["a     b", "猫猫  x"]


def test_whoever_prints_gives_lines():
    """Console and echo escape what would begin another line; click.echo would not, and strips escapes on pipes."""
    for path in Path(cli.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func)
            assert name != "click.echo", f"{path.name}, line {call.lineno}"
            strings = [node.value for argument in call.args for node in ast.walk(argument)
                       if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
            if name.rpartition(".")[2] in ("say", "result", "detail", "warn", "echo"):
                assert not any("\n" in text for text in strings), f"{path.name}, line {call.lineno}"


def test_names_above_the_confusion_table_fit_their_columns():
    names = ("猫猫猫猫猫", "猫猫猫猫犬", "Katze")
    header = _confusion_table(names, [[1, 0, 0]] * 3)[0].removeprefix("true \\ predicted").split()
    assert len(set(header)) == 3
    assert all(display_width(name) <= COLUMN for name in header)


@pytest.mark.parametrize("count", [7, 1000, 99_999])
@pytest.mark.parametrize("classes", [2, 5, 10])
def test_the_confusion_table_fits_a_terminal(classes, count):
    names = [f"Tomato_with_a_long_family_name___{c}_猫_spot_on_{'leaf' * c}" for c in range(classes)]
    corner, *rows = _confusion_table(names, [[count] * classes] * classes)
    assert all(display_width(line) <= WIDTH for line in (corner, *rows))
    assert len({row.rpartition("  ")[0].split("  ")[0] for row in rows}) == classes
    assert all(row.split()[-classes:] == [str(count)] * classes for row in rows)


@pytest.mark.parametrize("text", ["a", "weights, " * 30, "one; " + "x" * 200, "b" * 79])
def test_folded_lines_fit_a_terminal_where_their_phrases_do_and_say_the_same(text):
    lines = fold("step      ", text)
    assert all(len(line) <= WIDTH or " " not in line.strip() for line in lines)
    assert " ".join(line[10:] for line in lines).split() == text.split()


@pytest.mark.parametrize("columns", [40, 60, 79])
def test_folded_lines_fit_a_narrow_terminal(monkeypatch, columns):
    monkeypatch.setattr("imgclf.cli.console.room", lambda: columns)
    text = "accuracy 83.3 % of 1,000 test images (95 % interval 80.9 % to 85.5 %), and more in words, many words " * 3
    lines = fold("accuracy   ", text)
    assert all(len(line) <= columns for line in lines)
    assert " ".join(line[11:] for line in lines).split() == text.split()


def test_a_matrix_that_does_not_fit_the_terminal_is_left_out(monkeypatch):
    assert not _confusion_table(["a"] * (SHOWN + 1), [[1] * (SHOWN + 1)] * (SHOWN + 1))
    assert _confusion_table(["name"] * 10, [[1] * 10] * 10)
    monkeypatch.setattr("imgclf.cli.commands.eval.room", lambda: 50)
    assert not _confusion_table(["name"] * 10, [[1] * 10] * 10)
    assert max(map(len, _confusion_table(["name"] * 3, [[1] * 3] * 3))) <= 50


def test_epochs_fit_a_narrow_terminal_and_a_wide_one_shows_all():
    assert fitting(WIDTH) == list(range(len(HEADER)))
    for columns in range(10, WIDTH):
        shown = fitting(columns)
        assert len(" ".join(HEADER[column] for column in shown)) < columns
        assert 0 in shown
        assert len(shown) > 1 or columns < 16
