"""CONTRIBUTING's recipe "add a data source", followed: load, recognizes, and one record."""

import json

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.sources import SOURCES, Source


def load(path, splits):
    """Two gray pixels a line behind the name of a class; the last third is for testing."""
    rows = [line.split() for line in path.read_text().splitlines()]
    names = tuple(sorted({row[0] for row in rows}))
    pixels = np.array([row[1:] for row in rows], np.uint8).reshape(-1, 1, 2, 1)
    labels = np.array([names.index(row[0]) for row in rows])
    parts = {"train": slice(40), "test": slice(40, None)}
    return {split: Dataset.of(pixels[part], labels[part], names) for split, part in parts.items() if split in splits}


@pytest.fixture
def toy(imgclf, tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "toy", Source(load, "a .toy file", lambda path: path.suffix == ".toy"))
    path = tmp_path / "data.toy"
    path.write_text("".join(f"{name} {dark} {255 - dark}\n" for name, dark in [("left", 9), ("right", 240)] * 30))
    return path


def test_a_new_source_is_known_to_the_config(imgclf, refused, toy):
    assert "source: toy" in imgclf("config", "show", "-s", "data.source=toy").out
    assert "toy" in json.loads(imgclf("config", "schema").out)["$defs"]["Data"]["properties"]["source"]["enum"]
    refused(2, ["'tyo' is not one of", "did you mean 'toy'?"], "config", "show", "-s", "data.source=tyo")
    refused(2, "set data.path to a .toy file", "train", "-s", "data.source=toy")
    refused(2, "toy has no options", "train", "-s", "data.source=toy", "-s", "data.options.x=1")


def test_it_is_looked_at_packed_trained_on_and_evaluated(imgclf, refused, toy):
    found = imgclf("data", "info", toy, "--json").json
    assert found["source"] == "toy"
    assert {split: one["n"] for split, one in found["splits"].items()} == {"train": 40, "test": 20}
    assert imgclf("data", "pack", toy, "--out", "packed").code == 0
    done = imgclf("train", "-s", "data.source=toy", "-s", f"data.path={toy}", "--out", "run", "--no-plots")
    assert done.code == 0, done.err
    for command in (("eval", "run"), ("eval", "run", "--data", toy), ("eval", "run", "--data", "packed")):
        assert imgclf(*command, "--json").json["accuracy"] == 1
    assert imgclf("verify", "run").code == 0
    (toy.parent / "x.txt").touch()
    refused(3, "a .toy file", "data", "info", toy.parent / "x.txt")
