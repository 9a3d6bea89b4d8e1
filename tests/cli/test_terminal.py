"""What a terminal is sent, whatever the names: nothing that steers it, hides in a line or makes a line of its own."""

import os
import re
import shutil
import sys

import pytest
from PIL import Image

from imgclf.cli import COMMANDS, main
from pseudo_terminal import run

STEERS = ["\x1b]0;title\x07", "\x1b[31m", "\x9b31m", "\r", "\t", "\u202e", "\u2028", "\x7f", os.fsdecode(b"\xff")]
NAME = "x" + "".join(STEERS) + "\nforged"


@pytest.fixture(scope="module", autouse=True)
def _place(tmp_path_factory):
    """Data, a run, a config and an image of one name."""
    root = tmp_path_factory.mktemp("hostile")
    for kind in ("run", "config", "image"):
        (root / kind).mkdir()
    for number in range(24):
        image = root / "data" / NAME / ("cat", "dog")[number % 2] / f"{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), 10 * number).save(image)
    shutil.copy(image, root / "image" / NAME)
    (root / "config" / NAME).write_text(f"name: {NAME}", encoding="utf-8", errors="replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("IMGCLF_CACHE", "0")
        assert run("train", *DATA, "--out", f"run/{NAME}")[0] == 0
        yield


DATA = ("-s", "data.source=folder", "-s", f"data.path=data/{NAME}", "-s", "train.epochs=2", "--no-plots")
SAYS = {  # a command line that prints the name, and its exit code
    ("train", *DATA, "--progress=plain", "--out", f"run/other-{NAME}"): 0,
    ("train", *DATA, "-s", f"data.source={NAME}"): 2,
    ("train", *DATA, "--print-config"): 0,
    ("train", "--resume", f"run/{NAME}"): 0,
    ("eval", f"run/{NAME}", "--split", "val"): 0,
    ("eval", f"run/{NAME}", "--split", "val", "--json"): 0,
    ("eval", NAME): 4,
    ("predict", f"run/{NAME}", f"image/{NAME}"): 0,
    ("predict", f"run/{NAME}", f"image/{NAME}", "--format", "csv"): 0,
    ("predict", f"run/{NAME}", f"image/{NAME}", "--format", "json", "--progress", "none"): 0,
    ("predict", f"run/{NAME}", f"config/{NAME}"): 3,
    ("verify", f"run/{NAME}"): 0,
    ("report", f"run/{NAME}"): 0,
    ("compare", f"run/{NAME}", f"run/{NAME}"): 0,
    ("sanity", "-s", f"data.path={NAME}", *DATA[:2]): 3,
    ("gradcheck", "--run", NAME): 4,
    ("gradcheck", "--loss", f"{NAME}.py:f"): 2,
    ("export", f"run/{NAME}", "--format", "onnx", "--out", f"exported-{NAME}"): 0,
    ("grade", f"data/{NAME}", "--out", f"grades-{NAME}"): 0,
    ("lesson", NAME): 2,
    ("data", "info", f"data/{NAME}"): 0,
    ("data", "check", f"data/{NAME}"): 0,
    ("data", "pack", f"data/{NAME}", "--out", f"packed-{NAME}", "--progress=plain"): 0,
    ("sweep", "--preset", NAME): 2,
    ("sweep", "--resume", NAME): 4,
    ("data", "download", NAME): 2,
    ("config", "show", *DATA[:4]): 0,
    ("config", "check", f"config/{NAME}"): 2,
    ("config", "init", f"new-{NAME}"): 0,
    ("--debug", "config", "show", "-c", f"config/{NAME}"): 2,
    ("completion", NAME): 2,
    ("train", "-s", f"{NAME}=1"): 2,
    ("train", "-s", f"seed={NAME}"): 2,
    ("train", f"--{NAME}"): 2,
    ("train", NAME): 3,
    ("train", f"data/{NAME}", "--dry-run"): 0,
    (NAME,): 2,
}


@pytest.mark.parametrize("arguments", SAYS, ids=lambda arguments: " ".join(arguments).replace(NAME, "NAME")[:60])
def test_a_name_neither_steers_a_terminal_nor_makes_a_line(arguments):
    code, text = run(*arguments)
    assert code == SAYS[arguments], text
    assert re.search(r"\\(x1b|u001b)\]0;title", text, re.IGNORECASE)
    assert {char for char in text if not char.isprintable()} <= {"\n"}
    assert not [line for line in text.splitlines() if line.startswith("forged")]


def test_every_command_was_tried():
    assert {word for arguments in SAYS for word in arguments[:2]} >= set(COMMANDS)


def test_csv_on_a_pipe_has_every_byte(capfdbinary, monkeypatch):
    import csv
    import io

    monkeypatch.setattr(sys, "argv", ["imgclf", "predict", f"run/{NAME}", f"image/{NAME}", "--format", "csv"])
    with pytest.raises(SystemExit):
        main()
    _, row, _ = csv.reader(io.StringIO(capfdbinary.readouterr().out.decode(), newline=""))
    assert row[0] == f"image/{NAME}".replace("\udcff", r"\udcff")  # which no UTF-8 has
