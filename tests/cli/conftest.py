"""The command line as a user calls it: in an empty folder, by its own words."""

from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from imgclf.training import epochs


@pytest.fixture
def refused(imgclf):
    """Run a command that must fail: this exit code, one line on stderr that says these words, no traceback."""

    def run(code, words, *arguments):
        done = imgclf(*arguments)
        assert done.code == code, done
        lines = done.err.splitlines()
        assert len(lines) == 1, done.err
        assert lines[0].startswith("imgclf: error: ")
        for word in [words] if isinstance(words, str) else words:
            assert word in lines[0]
        return done

    return run


SMALL = ("-s", "data.limit=300", "-s", "train.epochs=2", "--no-plots")


@pytest.fixture
def ends_in_second_epoch(monkeypatch):
    """Let training raise an error as its second epoch ends: `with ends_in_second_epoch(Stop):`."""
    watch = epochs._watch

    @contextmanager
    def ends(error):
        def raise_in_the_second(plan, best, row, weights):
            if row["epoch"] == 2:
                raise error
            return watch(plan, best, row, weights)

        with monkeypatch.context() as patch:
            patch.setattr(epochs, "_watch", raise_in_the_second)
            yield

    return ends


@pytest.fixture
def small():
    """Options of a run that takes a moment."""
    return SMALL


def write_pictures(root, *, classes=("cat", "dog"), each=6, size=(8, 6), seed=0):
    """Write a folder a class of PNG files, easy to tell apart by their brightness."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate(classes):
        folder = root / name
        folder.mkdir(parents=True)
        for i in range(each):
            pixels = rng.integers(0, 100, (size[1], size[0], 3)) + 150 * label
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return root


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures with train and test above."""
    write_pictures(tmp_path / "pictures" / "train", each=20)
    write_pictures(tmp_path / "pictures" / "test", each=7, seed=1)
    return tmp_path / "pictures"


FOLDER = ("-s", "data.source=folder", "-s", "data.path=pictures", "-s", "train.epochs=3", "--no-plots")


@pytest.fixture
def on_pictures():
    """Options that train on the fixture `pictures`."""
    return FOLDER
