"""The tables of docs/data.md are true: what they show is made, and read as they say."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.cli import main
from imgclf.data.sources import folder
from imgclf.errors import DataError

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
LAYOUTS = re.findall(r"^\| (`.*?) \| (.*?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("files", "read_as", "passed_over"), LAYOUTS)
def test_a_folder_is_read_as_the_page_says(tmp_path, files, read_as, passed_over):
    for name in re.findall("`(.*?)`", files):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if read_as.startswith("refused: "):
        with pytest.raises(DataError, match=read_as.removeprefix("refused: ")):
            folder.list_splits(tmp_path, ["train"])
        return
    tree = folder.tree(tmp_path)
    found = folder.list_splits(tmp_path, ["train", "val", "test"])
    assert "; ".join(f"{split}: {', '.join(listing.class_names)}" for split, listing in found.items()) == read_as
    places = {one.place for one in tree.passed_over if not one.expected}
    assert places == set(re.findall("`(.*?)`", passed_over))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of photos, beside which the commands of the page run."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, size in (("cat", (200, 100)), ("dog", (90, 120))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            shape = size[::-1] if number == 3 else (*size[::-1], 3)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(f"photos/{name}/{number}.png")


def run(monkeypatch, capsys, command):
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0, command
    return capsys.readouterr().out


@pytest.mark.usefixtures("photos")
def test_the_commands_for_a_path_run(monkeypatch, capsys):
    shown = re.search(r"## Name a path.*?```sh\n(.*?)```.*?^    (path .*?)$", PAGE, re.DOTALL | re.MULTILINE)
    block, line = shown.groups()
    assert len(block.splitlines()) > 4
    printed = [run(monkeypatch, capsys, command) for command in block.splitlines()]
    assert printed[0].startswith(f"{line}\n")


def test_the_page_shows_many_layouts():
    assert len(LAYOUTS) >= 12
