"""`imgclf data pack`, and all that runs on a pack."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

FOLDER = ("-s", "data.source=folder", "-s", "data.path=pictures")
PACK = ("-s", "data.source=pack", "-s", "data.path=packed")


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_folder_is_packed_with_all_its_splits(imgclf, pictures):
    done = imgclf("data", "pack", "pictures", "--out", "packed")
    assert done.code == 0
    assert done.out.splitlines()[:3] == [
        "train  40 images; 6 x 8 color, 2 classes",
        "test   14 images; 6 x 8 color, 2 classes",
        "pack   packed",
    ]
    assert sorted(files("packed")) == [
        "imgclf-pack.json", "test_images.npy", "test_labels.npy", "train_images.npy", "train_labels.npy",
    ]  # fmt: skip


def test_json_is_one_object(imgclf, pictures):
    done = imgclf("data", "pack", *FOLDER, "-s", "preprocess.image_size=4", "--out", "packed", "--json")
    split = {"example_shape": [4, 4, 3], "classes": ["cat", "dog"]}
    assert done.json == {"pack": "packed", "splits": {"train": {"n": 40, **split}, "test": {"n": 14, **split}}}


def test_training_on_a_pack_gives_the_weights_of_training_on_what_was_packed(imgclf, pictures):
    imgclf("data", "pack", "pictures", "--out", "packed")
    for name, source in (("a", FOLDER), ("b", PACK)):
        assert imgclf("train", *source, "-s", "train.epochs=2", "--no-plots", "--out", name).code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes(), name
    prints = [json.loads(Path(name, "environment.json").read_text())["data_fingerprint"] for name in "ab"]
    assert prints[0] == prints[1]


def test_eval_gradcheck_and_info_run_on_a_pack(imgclf, pictures, on_pictures):
    imgclf("data", "pack", "pictures", "--out", "packed")
    imgclf("train", *on_pictures, "--out", "run")
    ours, theirs = (imgclf("eval", "run", "--data", data, "--json").json for data in ("packed", "pictures"))
    assert ours == theirs
    assert ours["n"] == 14
    assert imgclf("gradcheck", *PACK, "-s", "model.loss=softmax", "--images", "20").code == 0
    infos = [imgclf("data", "info", data, "--json").json for data in ("packed", "pictures")]
    assert infos[0]["splits"] == infos[1]["splits"]
    assert infos[0]["source"] == "pack"


def test_any_source_is_packed(imgclf):
    assert imgclf("data", "pack", "--out", "fashion").code == 0
    synthetic = ("-s", "data.source=synthetic", "-s", "data.options={train: 50, test: 20, classes: 3}")
    assert imgclf("data", "pack", *synthetic, "--out", "made").code == 0
    assert imgclf("data", "pack", "made", "--out", "again").code == 0
    assert files("made").keys() == files("again").keys()
    assert files("made")["train_images.npy"] == files("again")["train_images.npy"]


KILLED = """
import os, signal, sys
from imgclf.cli import main
from imgclf.data.packs import writer as packer
from imgclf.data.sources import _class_folders

_class_folders._MOST_AT_ONCE = 3
packer._BYTES_AT_RISK = 500
record, left = packer.write_index, int(sys.argv.pop(1))

def and_die(*arguments):
    global left
    record(*arguments)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

packer.write_index = and_die
main()
"""


@pytest.mark.slow
def test_killed_and_started_again_it_is_the_same_to_the_byte(imgclf, pictures):
    imgclf("data", "pack", "pictures", "--out", "straight")
    command = [sys.executable, "-c", KILLED]
    for kill in (1, 4, 7):
        done = subprocess.run([*command, str(kill), "data", "pack", "pictures", "--out", "packed"], check=False)
        assert done.returncode == -9
    Path("packed", ".imgclf-unfinished-0123abcd").touch()  # what a kill may leave, too
    assert imgclf("data", "info", "packed").code == 3
    assert imgclf("data", "pack", "pictures", "--out", "packed").code == 0
    assert files("packed") == files("straight")


def begun(*arguments):
    command = [sys.executable, "-c", KILLED, "2", "data", "pack", *arguments, "--out", "packed"]
    assert subprocess.run(command, check=False).returncode == -9


def test_a_pack_begun_with_other_data_or_settings_is_refused_and_left_alone(refused, pictures):
    begun("pictures")
    before = files("packed")
    words = ("packed: a pack begun with other data or settings", "remove it")
    refused(2, words, "data", "pack", "pictures", "-s", "preprocess.color=gray", "--out", "packed")
    shutil.copy("pictures/train/cat/1.png", "pictures/train/cat/2.png")
    refused(2, words, "data", "pack", "pictures", "--out", "packed")
    refused(2, words, "data", "pack", "--out", "packed")
    assert files("packed") == before


def test_a_pack_begun_with_images_of_the_same_names_sizes_and_times_is_refused(imgclf, refused, pictures):
    for path in pictures.glob("*/*/*.png"):
        Image.new("L", (4, 4), len(path.stem)).save(path, "BMP")
    begun("pictures")
    for path in pictures.glob("*/*/*.png"):
        before = path.stat()
        Image.new("L", (4, 4), 255).save(path, "BMP")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
    refused(2, "packed: a pack begun with other data", "data", "pack", "pictures", "--out", "packed")


def test_a_place_that_holds_something_is_refused(imgclf, refused, pictures):
    Path("packed").mkdir()
    Path("packed/mine").write_text("mine")
    refused(2, "not an empty folder", "data", "pack", "pictures", "--out", "packed")
    assert files("packed") == {"mine": b"mine"}
    imgclf("data", "pack", "pictures", "--out", "good")
    before = files("good")
    refused(2, "not an empty folder", "data", "pack", "pictures", "--out", "good")
    assert files("good") == before


def test_bad_pictures_are_all_named_and_the_place_is_free_again(imgclf, refused, pictures):
    for name in ("cat/3.png", "dog/7.png"):
        Path("pictures/train", name).write_bytes(b"rubbish")
    words = ("2 bad of 40 files", "cat/3.png: not a PNG", "dog/7.png: not a PNG")
    refused(3, words, "data", "pack", "pictures", "--out", "packed")
    assert files("packed") == {}
    for name in ("cat/3.png", "dog/7.png"):
        Path("pictures/train", name).unlink()
    assert imgclf("data", "pack", "pictures", "--out", "packed").code == 0


def test_a_split_without_a_single_picture_is_told_before_anything_is_made(refused, pictures):
    for name in ("cat", "dog"):
        shutil.rmtree(f"pictures/test/{name}")
        Path("pictures/test", name, "nested", "deeper").mkdir(parents=True)
    refused(3, ("no images in its 2 folders", "did you mean"), "data", "pack", "pictures", "--out", "packed")
    Path("pictures/test/cat/1.png").write_bytes(b"rubbish")
    refused(3, ("3 bad of 3 files", "cat/1.png: not a PNG"), "data", "pack", "pictures", "--out", "packed")
    assert not Path("packed").exists()


def test_what_a_pack_cannot_hold_or_train_cannot_change_is_told(refused, pictures):
    refused(2, "data.limit: a pack holds all images", "data", "pack", "-s", "data.limit=9", "--out", "packed")
    refused(3, "no such file", "data", "pack", "nowhere", "--out", "packed")
    refused(2, "data.path: this source needs a path", "train", "-s", "data.source=pack")
    assert not Path("packed").exists()


def test_progress_is_a_bar_or_lines_on_the_side(imgclf, pictures):
    done = imgclf("data", "pack", "pictures", "--out", "a", "--progress", "plain")
    assert "train  40 of 40 images" in done.out
    done = imgclf("data", "pack", "pictures", "--out", "b", "--progress", "bar")
    assert "of 40 files" in done.err
    assert "of 40 files" not in done.out
    done = imgclf("-q", "data", "pack", "pictures", "--out", "c", "--progress", "bar")
    assert done.err == ""


def test_verbose_names_the_file_that_is_mapped_and_a_dry_run_counts_it_as_nothing(imgclf, pictures, monkeypatch):
    monkeypatch.delenv("IMGCLF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("cache").absolute()))
    done = imgclf("-v", "train", *FOLDER, "--dry-run")
    assert f"mapped    {Path('cache').absolute()}" in done.err
    assert "memory    images: 0 MB in memory, 0 MB mapped from disk" in done.out
    monkeypatch.setenv("IMGCLF_CACHE", "0")
    assert "mapped" not in imgclf("-v", "train", *FOLDER, "--dry-run").err


@pytest.mark.parametrize("option", [(), ("--out",)])
def test_a_place_must_be_named(refused, option):
    refused(2, "--out", "data", "pack", *option)


def test_parquet_files_are_packed_and_only_packed(imgclf, refused, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    features = pyarrow.array([[float(label == column) for column in range(4)] for label in range(4)] * 10)
    for split in ("train", "test"):
        parquet.write_table(pyarrow.table({"x": features, "y": list("abcd") * 10}), tmp_path / f"{split}.parquet")
    done = imgclf("data", "pack", ".", "--out", "packed", "--json")
    split = {"n": 40, "example_shape": [4], "classes": ["a", "b", "c", "d"]}
    assert done.json == {"pack": "packed", "splits": {"train": split, "test": split}}
    assert imgclf("train", *PACK, "--no-plots", "--out", "run").code == 0
    assert imgclf("eval", "run", "--json").json["accuracy"] == 1
    for command in (("data", "info", "train.parquet"), ("eval", "run", "--data", "test.parquet")):
        refused(3, ["Parquet files are not read directly", "imgclf data pack"], *command)
    refused(3, "no column of labels", "data", "pack", bare(tmp_path, pyarrow, parquet), "--out", "other")
    assert not Path("other").exists()


def bare(folder, pyarrow, parquet):
    parquet.write_table(pyarrow.table({"x": [[1.0, 2.0]]}), folder / "bare.parquet")
    return folder / "bare.parquet"
