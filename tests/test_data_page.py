"""The tables of docs/data.md are true: what they show is made, and read as they say."""

import gzip
import re
import shlex
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.data.sources import folder
from imgclf.errors import DataError
from pages import blocks

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
LAYOUTS = re.findall(r"^\| (`.*?) \| (.*?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
SESSIONS = [content.splitlines() for language, content in blocks(PAGE) if language == "sh"]


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


@pytest.fixture
def what_people_have(tmp_path, monkeypatch):
    """The data that the commands of the page are about."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Path("dogs/train").mkdir(parents=True)
    Path("digits").mkdir()
    names = [f"{number:08x}" for number in range(40)]
    for number, name in enumerate(names):
        Image.new("RGB", (6, 6), (200 * (number % 2), 90, 30)).save(f"dogs/train/{name}.jpg")
    breeds = [f"{name},{('boxer', 'beagle')[number % 2]}" for number, name in enumerate(names)]
    Path("dogs/labels.csv").write_text("\n".join(["id,breed", *breeds]))
    header = ",".join(["label", *(f"pixel{number}" for number in range(784))])
    rows = [",".join(map(str, [number % 3, *rng.integers(0, 256, 784)])) for number in range(60)]
    for split in ("train", "test"):
        Path(f"digits/{split}.csv").write_text("\n".join([header, *rows]))
    faces = [f"{number % 3},{' '.join(row.split(',')[1:])},Training" for number, row in enumerate(rows)]
    Path("fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *faces]))
    flowers = [f"{number % 3 + rng.random()},{rng.random()},{'abc'[number % 3]}" for number in range(60)]
    Path("iris.csv").write_text("\n".join(["petal,sepal,species", *flowers]))
    for name, size in (("cat", (200, 100)), ("dog", (90, 120))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            shape = size[::-1] if number == 3 else (*size[::-1], 3)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(f"photos/{name}/{number}.png")
    write_arrays(tmp_path)


def write_parquet():
    """Write the two shards of beans."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    files = sorted(Path("dogs/train").iterdir())
    images = [{"bytes": file.read_bytes(), "path": None} for file in files]
    Path("beans").mkdir()
    for shard, part in enumerate((slice(0, 25), slice(25, 40))):
        table = pyarrow.table({"image": images[part], "labels": [number % 2 for number in range(40)][part]})
        parquet.write_table(table, f"beans/train-{shard:05}-of-00002.parquet")


@pytest.mark.parametrize("commands", SESSIONS, ids=lambda commands: commands[-1])
def test_commands_do_what_the_page_says(what_people_have, imgclf, commands):
    if any("beans" in command for command in commands):
        write_parquet()
    for command in commands:
        more = ["-s", "train.epochs=1", "--no-plots"] if command.startswith("imgclf train") else []
        done = imgclf(*shlex.split(command)[1:], *more)
        assert done.code == 0, done.err


def test_the_commands_of_the_readme_run(what_people_have, imgclf):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    shutil.copy("dogs/labels.csv", "labels.csv")
    shutil.copytree("dogs/train", "images")
    shutil.copytree("photos/cat", "new_photos")
    np.savez("features.npz", X=np.load("clip.npy"), y=np.load("clip_labels.npy"))
    assert imgclf("train", "photos", "-s", "train.epochs=1", "--no-plots", "--out", "runs/NAME").code == 0
    commands = [shlex.split(line, comments=True) for line in re.findall("^    imgclf ((?!sweep).*)$", readme, re.M)]
    assert len(commands) >= 4
    for command in commands:
        more = ["-s", "train.epochs=1", "--no-plots"] if command[0] == "train" else []
        done = imgclf(*command, *more)
        assert done.code == 0, done.err


def test_what_the_images_need_is_said_as_on_the_page(what_people_have, imgclf):
    (lines,) = re.findall(r"^    path .*\n(?:     .*\n)+", PAGE, re.M)
    done = imgclf("train", "photos", "-s", "train.epochs=1", "--no-plots")
    assert done.code == 0
    assert done.out.startswith(textwrap.dedent(lines))


def test_the_page_shows_many_layouts():
    assert len(LAYOUTS) >= 12
