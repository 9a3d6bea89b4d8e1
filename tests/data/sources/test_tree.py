"""Splits and classes in a folder; nothing is skipped silently."""

import random
import re

import numpy as np
import pytest
from PIL import Image

from imgclf.data.sources import folder
from imgclf.data.sources._folders import is_clutter
from imgclf.data.sources._tree import read_tree
from imgclf.errors import DataError


@pytest.fixture(name="root")
def root_fixture(tmp_path):
    return tmp_path / "set"


@pytest.fixture(name="tree")
def tree_fixture(root):
    """Make empty files, and folders where a name ends in a slash; read the tree."""

    def make(*names):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(parents=True, exist_ok=True) if name.endswith("/") else path.touch()
        return read_tree(root)

    return make


def classes(*folders):
    return [f"{place}/{name}/1.png" for place in folders for name in ("cat", "dog")]


def places(tree):
    return {split: str(path.relative_to(tree.root)) for split, path in tree.splits.items()}


NAMES = {
    "train": ("train", "Train", "TRAIN", "training", "Training", "training_set", "training set", "trainset",
              "seg_train", "train-images", "data_train", "train_01", "Train set (80%)"),
    "val": ("val", "valid", "Validation", "validate", "dev", "development", "val_set", "seg_val", "valid-data"),
    "test": ("test", "Testing", "testing", "test_set", "test-images", "evaluation", "eval", "seg_test"),
}  # fmt: skip


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in NAMES.items() for name in names])
def test_a_folder_with_class_folders_is_the_split_that_it_is_called(tree, split, name):
    others = [other for other in NAMES if other != split]
    found = tree(*classes(name, *others))
    assert places(found) == {split: name} | {other: other for other in others}
    assert list(found.splits) == ["train", "val", "test"]
    assert found.warnings() == []


def test_evaluation_is_the_test_split_or_val_where_there_is_a_test_split(tree):
    assert places(tree(*classes("training", "evaluation"))) == {"train": "training", "test": "evaluation"}
    assert places(tree(*classes("test")))["val"] == "evaluation"
    found = tree(*classes("val"))
    assert places(found)["val"] == "val"
    assert "evaluation (2 folders): test is read from test" in found.warnings()[0]


def test_the_usual_name_goes_before_one_like_it_and_of_two_equals_none_is_chosen(tree):
    found = tree(*classes("train", "train_small", "my_train", "test"))
    assert places(found) == {"train": "train", "test": "test"}
    assert "my_train (2 folders): train is read from train" in found.warnings()[0]
    assert "train_small (2 folders): not the name of a split" in found.warnings()[0]
    for one, other in (("val", "valid"), ("Train", "train")):
        with pytest.raises(DataError, match=f"both {one} and {other} - keep one folder"):
            tree(*classes(one, other))


FLAT = {
    "train and test hold images": ["train/cat.0.jpg", "train/dog.1.jpg", "test/1.jpg"],
    "train and val hold images": ["train/1.png", "val/2.png"],
    "training_set and test_set hold images": ["training_set/1.png", "test_set/1.png"],
    "my_train and my_test hold images": ["my_train/1.png", "my_test/1.png"],
    "train holds images": ["train/1.png", "README.md"],
    "train and test hold no class folders": ["train/", "test/"],
    "val and test hold images": ["val/images/1.png", "test/images/1.png"],
}


@pytest.mark.parametrize("words", FLAT)
def test_names_of_splits_are_never_all_the_classes(tree, words):
    with pytest.raises(DataError, match=words) as caught:
        tree(*FLAT[words])
    assert "put the images of each class into a folder named after it, such as " in str(caught.value)


def test_a_class_may_have_the_name_of_a_split_and_a_warning_says_so(tree, root):
    found = tree("cat/1.png", "dog/1.png", "train/1.png")
    assert places(found) == {"train": "."}
    assert found.warnings() == [f"{root}: train read as a class: images are in it, not class folders"]


def test_trains_and_crashes_are_no_splits(tree):
    assert tree("freight_train/1.png", "steam_train/1.png").warnings() == []


PASSED = {
    "val2 (2 folders): not the name of a split (train, val, test)": classes("val2"),
    "valid (2 files): no class folders are in it": ["valid/1.png", "valid/2.png"],
    "test (1 folder): no class folders are in it": ["test/images/1.png", "test/images/2.png"],
    "cats (1 file): not the name of a split": ["cats/1.png"],
    "train (2 images, such as loose1.png): not in a class folder": ["train/loose1.png", "train/loose2.PNG"],
    ". (1 image, such as a.jpg): not in a class folder": ["a.jpg"],
    "train (1 image, such as 000bec18): not in a class folder": ["train/000bec18", "train/LICENSE"],
}


@pytest.mark.parametrize("words", PASSED)
def test_skipped_data_is_reported(tree, root, words):
    (warning,) = tree(*classes("train"), *PASSED[words]).warnings()
    assert warning.startswith(f"{root}: passed over: {words}")


def test_files_beside_the_classes_are_listed_without_a_warning(tree):
    found = tree(*classes("train"), "README.md", "train/labels.csv", ".git/config", "empty/")
    assert found.warnings() == []
    told = {(row["place"], row["holds"], row["why"]) for row in found.summary() if row["read_as"] is None}
    assert told == {
        (".", "README.md", "not called an image"),
        (".", ".git", "hidden, or left behind by a system"),
        ("train", "labels.csv", "not called an image"),
        ("empty", "nothing", "not the name of a split (train, val, test)"),
    }


def test_every_entry_of_a_tree_is_read_or_reported(tmp_path):
    """Made-up trees: what is at their top or in a split is a split, a class, or named as passed over."""
    chance = random.Random(0)
    tops = ("train", "test", "valid", "val2", "cat", "extra", "Thumbs.db", "a.png", "notes.txt", "LICENSE")
    inner = ("cat/1.png", "dog/1.png", "1.png", "images/1.png", "deep/er/1.png", ".DS_Store", "x.csv")
    read, refused = 0, 0
    for number in range(300):
        root = tmp_path / str(number)
        for top in chance.sample(tops, chance.randint(1, 5)):
            for below in chance.sample(inner, chance.randint(1, 3)) if "." not in top and top != "LICENSE" else [""]:
                path = root / top / below
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        try:
            tree = read_tree(root)
        except DataError:
            refused += 1
            continue
        read += 1
        told = " ".join(f"{row['place']} {row['holds']}" for row in tree.summary())
        for place in {root, *tree.splits.values()}:
            for entry in place.iterdir():
                inside = any(split == entry or entry in split.parents for split in tree.splits.values())
                is_class = entry.is_dir() and not is_clutter(entry.name) and place in tree.splits.values()
                assert inside or is_class or entry.name in told or "image" in told, entry
    assert min(read, refused) > 30


WRAPPED = {
    "a zip's folder": (classes("wrap/dataset"), {"train": "wrap/dataset"}),
    "with notes": ([*classes("wrap/dataset"), "README", "wrap/LICENSE.txt"], {"train": "wrap/dataset"}),
    "around splits": (classes("pets/train", "pets/test"), {"train": "pets/train", "test": "pets/test"}),
    "a split twice": (
        classes("training_set/training_set", "test_set/test_set"),
        {"train": "training_set/training_set", "test": "test_set/test_set"},
    ),
    "one class": (["cat/1.png"], {"train": "."}),
    "one class, deeper": (["cat/images/1.png"], {"train": "."}),
    "not where images are beside": ([*classes("wrap/dataset"), "wrap/1.png"], {"train": "."}),
    "not a split": (classes("train"), {"train": "train"}),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_single_folder_around_all_is_gone_through(tree, name):
    files, expected = WRAPPED[name]
    assert places(tree(*files)) == expected


def test_a_class_may_have_its_images_in_a_folder_of_its_own(tree, root):
    tree("cat/images/1.png", "cat/boxes.txt", "dog/2.png", "elk/imgs/3.png", "fox/Fox/4.png")
    assert folder.list_splits(root, ["train"])["train"].counts == (1, 1, 1, 1)
    tree("gnu/females/5.png")
    listing = folder.list_splits(root, ["train"])["train"]
    assert listing.bad == ("gnu/females: a folder within a class folder",)
    (root / "gnu").rename(root.parent / "gnu")
    tree("cat/4.png")
    listing = folder.list_splits(root, ["train"])["train"]
    assert listing.bad == ("cat/images: a folder within a class folder",)


def test_files_without_a_suffix_are_not_lost_to_a_folder_beside_them(tree, root):
    tree("cat/000bec18", "cat/more/1.png", "dog/1.png")
    listing = folder.list_splits(root, ["train"])["train"]
    assert listing.counts == (1, 1)
    assert listing.bad == ("cat/more: a folder within a class folder",)


def test_a_set_of_sets_is_asked_which_of_them_was_meant(tree, root):
    tree(*classes("first", "second"))
    with pytest.raises(DataError, match=r"no images in its 2 folders, but 4 folders in those - did you mean .*first\?"):
        folder.list_splits(root, ["train"])


def test_the_error_for_splits_within_classes_puts_them_around_the_classes(tree, root):
    tree("cat/train/1.png", "cat/test/1.png", "dog/train/1.png")
    with pytest.raises(DataError, match="put the splits around the classes: test/cat"):
        folder.list_splits(root, ["train"])


CLUTTER = (
    ".DS_Store", "._1.png", ".directory", ".ipynb_checkpoints/1.png", ".Trash-1000/1.png", "__MACOSX/cat/._1.png",
    "Icon\r", "Thumbs.db", "THUMBS.DB", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
    "1.png:Zone.Identifier", "$RECYCLE.BIN/desktop.ini", "System Volume Information/x", "FOUND.000/x", "lost+found/x",
    "LOST.DIR/x", "1.png~", "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/1.png", "@Recycle/1.png", "picasa.ini",
    "Picasa.ini", "ZbThumbnail.info", "sync.ffs_db",
)  # fmt: skip


@pytest.mark.parametrize("place", ["", "train/", "train/cat/"])
def test_files_that_systems_leave_behind_are_ignored(tree, root, place):
    clean = tree(*classes("train", "test"))
    found = tree(*(place + name for name in CLUTTER))
    assert found.splits == clean.splits
    assert found.warnings() == []
    listing = folder.list_splits(root, ["train"])["train"]
    assert (listing.class_names, listing.counts, listing.bad) == (("cat", "dog"), (1, 1), ())


def test_no_file_is_opened(tree, monkeypatch):
    names = [*classes("train", "test"), "valid/1.png", "notes.txt"]
    tree(*names)
    for opener in ("os.open", "builtins.open", "io.open"):
        monkeypatch.setattr(opener, lambda *_: pytest.fail("opened"))
    assert list(tree().splits) == ["train", "test"]


def test_links_lead_inside_or_are_refused_at_every_level(tree, root, tmp_path):
    tree(*classes("train", "common/more"))
    (root / "valid").symlink_to("common/more")
    assert sum(folder.list_splits(root, ["val"])["val"].counts) == 2
    (root / "common").rename(tmp_path / "common")
    (root / "valid").unlink()
    for link, target in (("valid", "common/more"), ("train/elk", "common/more/cat")):
        (root / link).symlink_to(tmp_path / target)
        with pytest.raises(DataError, match=rf"{link}: a link that leads out of {root} - put the images themselves"):
            folder.list_splits(root, ["train", "val"])
        (root / link).unlink()
    (root / "valid").symlink_to(tmp_path / "gone")
    assert ". (valid): a link that leads nowhere" in tree().warnings()[0]
    (root / "valid").unlink()
    (root / "train" / "cat" / "up").symlink_to("..")
    assert folder.list_splits(root, ["train"])["train"].bad == ("cat/up: a folder within a class folder",)


def test_a_wrapper_that_is_a_link_is_not_gone_through(tree, root, tmp_path):
    tree(*classes("dataset"))
    (root / "dataset").rename(tmp_path / "dataset")
    (root / "wrap").symlink_to(tmp_path / "dataset")
    with pytest.raises(DataError, match="wrap: a link that leads out"):
        folder.list_splits(root, ["train"])


def annotated(root, text, *, images=("0.png", "1.png", "2.png"), place="val"):
    """Write Tiny ImageNet: train/CLASS/images, and val/images with a file of their classes."""
    for number, name in enumerate(("n01", "n02")):
        (root / "train" / name / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((2, 2), number, np.uint8)).save(root / "train" / name / "images" / f"{name}_0.png")
        (root / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.png\t0\t0\t1\t1\n")
    for number, name in enumerate(images):
        (root / place / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((2, 2), 10 + number, np.uint8)).save(root / place / "images" / name)
    (root / place / "val_annotations.txt").write_text(text, encoding="utf-8")
    (root / "test" / "images").mkdir(parents=True)
    (root / "test" / "images" / "9.png").touch()
    for name in ("wnids.txt", "words.txt"):
        (root / name).touch()


def test_a_file_beside_a_folder_of_images_says_their_classes(root):
    annotated(root, "0.png\tn02\t0\t0\t1\t1\n2.png\tn01\n1.png\tn02\n")
    found = read_tree(root)
    assert places(found) == {"train": "train", "val": "val"}
    assert [str(one) for one in found.passed_over if not one.expected] == [
        "test (1 folder): no class folders are in it"
    ]
    loaded = folder.load(root, ("train", "val"))
    assert loaded["val"].class_names == loaded["train"].class_names == ("n01", "n02")
    assert loaded["val"].y.tolist() == [0, 1, 1]
    assert loaded["val"].images[:, 0, 0, 0].tolist() == [12, 10, 11]  # each with the class that its line gives
    assert len(loaded["train"]) == 2


TWICE = "1 line with no image of that name, or named twice: "


@pytest.mark.parametrize(("text", "problem"), [
    ("0.png\tn01\n1.png\tn01\n", "does not name 1 image, such as 2.png"),
    ("0.png\tn01\n1.png\tn01\n2.png\tn01\n3.png\tn02\n", f"{TWICE}'3.png'"),
    ("0.png\tn01\n0.png\tn02\n1.png\tn01\n2.png\tn01\n", f"{TWICE}'0.png'"),
    ("0.png n01\n", "line 1 has no tab and name of a class"), ("0.png\t../x\n", "line 1 has no tab and name"),
    ("../train/n01/images/n01_0.png\tn01\n", "1 line with no image of that name"), ("", "does not name 3 images"),
])  # fmt: skip
def test_a_file_of_classes_and_the_images_beside_it_must_agree(root, text, problem):
    annotated(root, text)
    with pytest.raises(DataError, match=re.escape(problem)):
        folder.load(root, ("val",))
    assert len(folder.load(root, ("train",))["train"]) == 2


@pytest.mark.parametrize("test", ["test", "test1"])
def test_a_class_that_images_without_folders_are_named_after_is_suggested(tree, test):
    with pytest.raises(
        DataError, match=rf"train and {test} hold images, not class folders - .* train/cat for cat\.0\.jpg$"
    ):
        tree("train/cat.0.jpg", "train/dog.0.jpg", f"{test}/1.jpg")


def test_a_folder_of_images_that_is_named_like_the_split_around_it_is_no_class(tree):
    with pytest.raises(DataError, match="train and test1 hold images, not class folders"):
        tree("train/train/cat.0.jpg", "train/train/dog.0.jpg", "test1/test1/1.jpg")


def test_images_without_any_folder_are_named(tree):
    with pytest.raises(DataError, match=r"no class folders, but 2 files - .* after it, such as cat for cat\.0\.jpg$"):
        tree("cat.0.jpg", "dog.0.jpg")


def test_words_may_be_told_apart_by_capitals(tree):
    found = tree(*classes("TrainingData", "ValidationSet", "myTest"))
    assert places(found) == {"train": "TrainingData", "val": "ValidationSet", "test": "myTest"}
