import os
import shutil

import pytest
from PIL import Image

from imgclf.data.sources import _image_files as _decoding
from imgclf.data.sources import folder, recognize
from imgclf.errors import DataError
from imgclf.files import images
from imgclf.files.form import conform


def write_image(path, level=100, size=(4, 3), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, level, 0)).save(path, "PNG")


@pytest.fixture(name="root")
def root_fixture(tmp_path):
    """cat: img2 and img10, dog: a."""
    root = tmp_path / "data"
    for name, level in (("dog/a.png", 3), ("cat/img10.png", 2), ("cat/img2.png", 1)):
        write_image(root / name, level)
    return root


def levels(dataset):
    return dataset.images[:, 0, 0, 0].tolist()


def test_without_splits_all_is_train_in_natural_order(root):
    found = folder.load(root, ["train", "val", "test"])
    assert list(found) == ["train"]
    assert found["train"].class_names == ("cat", "dog")
    assert levels(found["train"]) == [1, 2, 3]
    assert found["train"].y.tolist() == [0, 0, 1]
    assert recognize(root) == "folder"


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_split_folders_are_splits_and_only_those_asked_for_are_opened(root, tmp_path, val):
    for split in ("train", val, "test"):
        shutil.copytree(root, tmp_path / "splits" / split)
    (tmp_path / "splits" / "test" / "cat" / "img2.png").write_bytes(b"rubbish")
    (tmp_path / "splits" / "README.md").touch()
    found = folder.load(tmp_path / "splits", ["train", "val"])
    assert sorted(found) == ["train", "val"]
    assert found["train"].fingerprint == found["val"].fingerprint
    with pytest.raises(DataError, match=r"cat/img2\.png"):
        folder.load(tmp_path / "splits", ["test"])


def test_a_class_may_be_called_train(root):
    write_image(root / "train" / "tgv.png", 9)
    assert folder.load(root, ["train"])["train"].class_names == ("cat", "dog", "train")


def test_hidden_files_and_folders_do_not_count(root):
    for name in ("cat/.DS_Store", "cat/._img2.png", "cat/Thumbs.db", ".ipynb_checkpoints/x.png", "__MACOSX/cat/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"rubbish")
    assert levels(folder.load(root, ["train"])["train"]) == [1, 2, 3]


def test_images_become_the_size_and_color_that_are_asked_for(root):
    write_image(root / "dog" / "b.png", 4, size=(9, 7))
    write_image(root / "dog" / "c.png", 5, mode="L")
    train = folder.load(root, ["train"], image_size=(5, 6), color="rgb")["train"]
    assert train.images.shape == (5, 5, 6, 3)
    assert folder.load(root, ["train"], image_size=5, color="gray")["train"].images.shape == (5, 5, 5, 1)
    one = conform(images.read_image(root / "dog" / "b.png"), (5, 6), "rgb")
    assert train.images[3].tolist() == one.tolist()  # as prediction reads it


def test_different_sizes_and_colors_name_two_files_and_the_way_out(root):
    write_image(root / "dog" / "b.png", size=(9, 7))
    with pytest.raises(DataError, match=r"img2\.png: it is 4x3, but .*b\.png is 9x7 .* set preprocess\.image_size"):
        folder.load(root, ["train"])
    write_image(root / "dog" / "b.png", mode="L")
    with pytest.raises(DataError, match=r"in color, but .*b\.png is gray - set preprocess\.color"):
        folder.load(root, ["train"])
    write_image(root / "dog" / "b.png", mode="L", size=(9, 7))
    with pytest.raises(DataError, match=r"b\.png is gray; it is 4x3, but .*b\.png is 9x7"):
        folder.load(root, ["train"])
    write_image(root / "dog" / "a.png", size=(9, 7))
    both = r"in color, but .*b\.png is gray; it is 4x3, but .*a\.png is 9x7 .* set preprocess\.color .*, and set .*size"
    with pytest.raises(DataError, match=both):
        folder.load(root, ["train"])


def test_all_bad_files_are_named_in_one_line(root):
    for number in range(1, 58):
        (root / "cat" / f"bad{number}.jpg").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"57 bad of 60 files: cat/bad1\.jpg: not a PNG.*; and 37 more") as caught:
        folder.load(root, ["train"])
    assert "cat/bad20.jpg" in str(caught.value)
    assert "cat/bad21.jpg" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_nested_folder_a_pipe_and_a_link_to_nowhere_are_bad_files(root):
    (root / "cat" / "kittens").mkdir()
    os.mkfifo(root / "cat" / "pipe.png")
    (root / "cat" / "nowhere.png").symlink_to("none.png")
    (root / "cat" / "loop.png").symlink_to("loop.png")
    with pytest.raises(DataError, match="4 bad of 7 files") as caught:
        folder.load(root, ["train"])
    for words in ("kittens: a folder within", "pipe.png: not a regular", "nowhere.png: a link", "loop.png: a link"):
        assert words in str(caught.value)


def test_a_link_may_lead_only_inside(root, tmp_path):
    write_image(tmp_path / "outside" / "x.png", 7)
    (root / "cat" / "img3.png").symlink_to(root / "dog" / "a.png")
    assert levels(folder.load(root, ["train"])["train"]) == [1, 3, 2, 3]
    (root / "cat" / "img4.png").symlink_to(tmp_path / "outside" / "x.png")
    with pytest.raises(DataError, match=r"img4\.png: a link that leads nowhere or out"):
        folder.load(root, ["train"])
    (root / "cat" / "img4.png").unlink()
    (root / "elk").symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match="elk: a link that leads out"):
        folder.load(root, ["train"])


def test_the_path_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert levels(folder.load(tmp_path / "link", ["train"])["train"]) == [1, 2, 3]


def test_a_file_that_vanishes_is_named(root, monkeypatch):
    read = _decoding.image_bytes

    def remove_and_read(path):
        (root / "dog" / "a.png").unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(_decoding, "image_bytes", remove_and_read)
    with pytest.raises(DataError, match=r"dog/a\.png: no such file"):
        folder.load(root, ["train"])


def change(path):
    write_image(path, 4)


def remove(path):
    path.unlink()


def swap_with_another(path):
    """Another image, of the same name, size in bytes and times."""
    before = path.stat()
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("harm", [change, remove, swap_with_another])
def test_files_that_change_before_they_are_read_are_reported(root, harm):
    (listing,) = folder.list_splits(root, ["train"]).values()
    _, content = listing.proven()
    examples = content().examples(0)
    harm(root / "dog" / "a.png")
    with pytest.raises(DataError, match=r"its files have changed while they were being read"):
        list(examples)


def test_an_empty_class_is_named(root):
    (root / "elk").mkdir()
    with pytest.raises(DataError, match="elk: an empty class"):
        folder.load(root, ["train"])


def test_a_folder_without_classes_is_no_data_set(root, tmp_path):
    shutil.rmtree(root / "dog")
    assert folder.load(root, ["train"])["train"].class_names == ("cat",)
    shutil.rmtree(root / "cat")
    with pytest.raises(DataError, match="no class folders"):
        folder.load(root, ["train"])
    with pytest.raises(DataError, match="not a data set"):
        recognize(root)
    write_image(root / "1.png")
    assert recognize(root) == "folder"  # so that it is said what is missing
    with pytest.raises(DataError, match="no class folders, but 1 file - put the images of each class into a folder"):
        folder.load(root, ["train"])


def test_one_class_is_enough_to_test(root):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/dog/1.png"):
        write_image(root.parent / "splits" / name)
    assert folder.load(root.parent / "splits", ["test"])["test"].class_names == ("dog",)


def test_classes_that_differ_only_in_case_are_refused(root):
    write_image(root / "Cat" / "1.png")
    if len(list(root.iterdir())) < 3:
        pytest.skip("this file system does not tell them apart")
    with pytest.raises(DataError, match="differ only in case"):
        folder.load(root, ["train"])


def test_a_class_name_must_be_printable_text(root):
    try:
        write_image(root / os.fsdecode(b"\xff\xfe") / "1.png")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(DataError, match="not a class name"):
        folder.load(root, ["train"])


def test_a_file_name_may_be_anything(root):
    try:
        write_image(root / "cat" / os.fsdecode(b"\xff 1.png"), 7)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 only")
    assert levels(folder.load(root, ["train"])["train"]) == [1, 2, 7, 3]


def test_missing_data_is_reported(root):
    for path, words in ((root / "none", "no such file"), (root / "dog" / "a.png", "not a folder")):
        with pytest.raises(DataError, match=words):
            folder.load(path, ["train"])
        with pytest.raises(DataError):
            recognize(path)
