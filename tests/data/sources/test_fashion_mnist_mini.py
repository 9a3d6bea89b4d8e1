import hashlib
import re

import numpy as np
import pytest

from imgclf.data.sources import fashion_mnist_mini
from imgclf.errors import DataError


def test_the_embedded_set_is_7000_images_of_ten_classes():
    found = fashion_mnist_mini.load(None, ["train", "val", "test"])
    assert {split: (len(part), part.example_shape) for split, part in found.items()} == {
        "train": (6000, (28, 28, 1)),
        "test": (1000, (28, 28, 1)),
    }
    assert found["train"].class_names[0] == "T-shirt/top"
    assert np.bincount(found["train"].y, minlength=10).min() > 500
    assert found["train"].y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # as in the original


def test_the_files_are_those_that_its_readme_names():
    readme = (fashion_mnist_mini.FOLDER / "README.md").read_text("utf-8")
    listed = dict(re.findall(r"\| `(\S+)` \| `([0-9a-f]{64})` \|", readme))
    files = [path for path in fashion_mnist_mini.FOLDER.iterdir() if path.suffix in (".gz", ".txt")]
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_missing_folder_is_a_data_error(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist_mini, "FOLDER", tmp_path / "none")
    with pytest.raises(DataError, match="missing"):
        fashion_mnist_mini.load(None, ["train"])
