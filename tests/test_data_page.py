"""The tables of docs/data.md are true: what they show is made, and read as they say."""

import gzip
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

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


def test_the_page_shows_many_layouts():
    assert len(LAYOUTS) >= 12


def write_arrays(root):
    """Write the files that the section on arrays names."""
    rng, y = np.random.default_rng(0), np.arange(90) % 3
    X = (rng.standard_normal((90, 8)) + 4 * np.eye(3, 8)[y]).astype(np.float16)
    (root / "feats").mkdir()
    for name, array in (("X_train", X), ("y_train", y), ("X_test", X[:30]), ("y_test", y[:30])):
        np.save(root / "feats" / f"{name}.npy", array)
    np.save(root / "clip.npy", X)
    np.save(root / "clip_labels.npy", y)
    images = rng.integers(0, 256, (90, 28, 28, 3), dtype=np.uint8)
    splits = ("train", "val", "test")
    np.savez(root / "pathmnist.npz", **{f"{split}_images": images for split in splits},
             **{f"{split}_labels": y[:, None] for split in splits})  # fmt: skip
    (root / "emnist").mkdir()
    for variant in ("letters", "digits"):
        for kind, array in (("images-idx3", images[..., 0]), ("labels-idx1", np.uint8(y + 1))):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            path = root / "emnist" / f"emnist-{variant}-train-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))


def test_every_command_for_arrays_does_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_arrays(tmp_path)
    section = PAGE.partition("\n## Arrays and feature vectors\n")[2].partition("\n## ")[0]
    commands = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    for command in commands:
        program, *arguments = shlex.split(command)
        more = ["-s", "train.epochs=2", "--no-plots"] * (arguments[0] == "train")
        monkeypatch.setattr(sys, "argv", [program, *arguments, *more])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0, command
    assert len(commands) >= 7
