"""`imgclf data check`: planted faults are found, each by its own finding."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def draw(path, rng, size=(24, 20), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: size[1], : size[0]]
    waves = rng.uniform(0.1, 0.9, (2, 3)), rng.uniform(0, 7, (2, 3))
    pixels = (
        128
        + 60 * np.sin(x[..., None] * waves[0][0] + waves[1][0])
        + 60 * np.cos(y[..., None] * waves[0][1] + waves[1][1])
    )
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """Color images of two classes in two splits, all different."""
    rng = np.random.default_rng(0)
    for split, each in (("train", 20), ("test", 8)):
        for name in ("cat", "dog"):
            for i in range(each):
                draw(tmp_path / "photos" / split / name / f"{i}.png", rng)
    return tmp_path / "photos"


def found(imgclf, *options):
    seen = imgclf("data", "check", "photos", "--json", *options)
    assert seen.code == 0, seen.err
    return {one["kind"]: one for one in seen.json["findings"]}, seen.json


def test_clean_images_have_nothing_serious(imgclf, photos):
    kinds, seen = found(imgclf, "--strict")
    assert {kind for kind, one in kinds.items() if one["serious"]} == set()
    assert seen["splits"] == {"train": 40, "test": 16}
    assert kinds["sizes"]["sentence"] == "images of 1 size: 56 of 24 x 20"
    assert seen["duplicates"] == []
    assert "nothing that makes a result doubtful" in imgclf("data", "check", "photos").out


def equal_across(photos):
    shutil.copy(photos / "train/cat/3.png", photos / "test/cat/copy.png")


def equal_within(photos):
    shutil.copy(photos / "train/cat/3.png", photos / "train/cat/copy.png")


def other_label(photos):
    shutil.copy(photos / "train/cat/3.png", photos / "train/dog/copy.png")


def recompressed(photos):
    Image.open(photos / "train/cat/3.png").save(photos / "test/cat/copy.jpg", quality=90)


def flat(photos):
    Image.new("RGB", (24, 20), "red").save(photos / "train/cat/flat.png")


def unreadable(photos):
    (photos / "train/cat/3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")


def turned(photos):
    exif = Image.Exif()
    exif[0x0112] = 3
    draw(photos / "train/cat/turned.jpg", np.random.default_rng(5), exif=exif)


def rare(photos):
    for i in range(2, 20):
        (photos / f"train/dog/{i}.png").unlink()


def odd(photos):
    (photos / "notes").mkdir()
    (photos / "notes" / "a.png").write_bytes(b"")


PLANTED = {
    equal_across: {"equal across splits"},
    equal_within: {"equal within a split"},
    other_label: {"equal within a split", "equal have two different labels"},
    recompressed: {"nearly equal across splits"},
    flat: {"one value"},
    unreadable: {"unreadable"},
    turned: {"turned"},
    rare: {"imbalance"},
    odd: {"passed over"},
}
FOR_INFORMATION = {"sizes", "equal within a split", "turned"}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_fault_is_a_finding(imgclf, photos, plant):
    plant(photos)
    kinds, seen = found(imgclf)
    assert set(kinds) - {"sizes"} == PLANTED[plant]
    assert {kind for kind, one in kinds.items() if not one["serious"]} == set(kinds) & FOR_INFORMATION
    serious = any(one["serious"] for one in kinds.values())
    result = imgclf("data", "check", "photos", "--strict")
    assert result.code == int(serious)
    assert ("!: makes a result wrong or doubtful" in result.out) == serious
    if plant in (equal_across, other_label, recompressed):
        (pair,) = seen["duplicates"]
        assert "train/cat/3.png" in pair["images"][0]
        assert "copy" in pair["images"][1]
        assert (pair["distance"] == 0) is (plant is not recompressed)


def test_sizes_and_colors_are_counted(imgclf, photos):
    draw(photos / "train/cat/small.png", np.random.default_rng(1), size=(9, 9))
    Image.open(photos / "train/dog/0.png").convert("L").save(photos / "train/dog/0.png")
    kinds, _ = found(imgclf)
    assert kinds["sizes"]["sentence"] == "images of 2 sizes: 56 of 24 x 20, 1 of 9 x 9"
    assert kinds["colors"]["sentence"] == "1 gray image and 56 in color"


def test_feature_vectors_are_compared_to_the_bit(imgclf):
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[50], X[:, 2] = X[7], 1
    np.savez("photos", X_train=X[:40], y_train=np.arange(40) % 3, X_test=X[40:], y_test=np.arange(20) % 3)
    Path("photos.npz").rename("photos")
    seen = imgclf(
        "data", "check", "--json", "-s", "data.source=npz", "-s", "data.path=photos", "-s", "data.val_fraction=0"
    )
    assert {one["kind"] for one in seen.json["findings"]} == {"equal across splits", "constant values"} | (
        {"equal have two different labels"} if 7 % 3 != 10 % 3 else set()
    )


IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
LABELS = np.arange(60) % 3
COLORED = np.stack([IMAGES[20:29]] * 3, -1)
OTHER_FORMS = {
    "size": ("test", IMAGES, IMAGES[20:29, :6], "test has images of 6 x 8 gray, train images of 8 x 8 gray"),
    "color": ("test", IMAGES, COLORED, "test has images of 8 x 8 color, train images of 8 x 8 gray"),
    "val": ("val", IMAGES, COLORED, "val has images of 8 x 8 color, train images of 8 x 8 gray"),
    "features": (
        "test", IMAGES[:, 0] / 255, IMAGES[:9, 1, :5] / 255,
        "test has examples of 5 features, train examples of 8 features",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_splits_of_another_form_are_a_finding_and_each_is_checked_by_itself(imgclf, name):
    split, train, other, sentence = OTHER_FORMS[name]
    train, other = train.copy(), other.copy()
    train[7], train[3], other[8] = train[4], train[3].flat[0], other[5]
    np.savez("d.npz", X=train, y=LABELS, **{f"X_{split}": other, f"y_{split}": LABELS[:9]})
    seen = imgclf("data", "check", "d.npz", "--json")
    assert seen.code == 0, seen.err
    kinds = {one["kind"]: one for one in seen.json["findings"]}
    assert kinds["doubtful"]["sentence"].startswith(sentence)
    assert kinds["doubtful"]["serious"]
    assert kinds["one value"]["examples"] == ["train row 3 (0)"]
    rows = {tuple(image.split(" (")[0] for image in pair["images"]) for pair in seen.json["duplicates"]}
    assert rows >= {("train row 4", "train row 7"), (f"{split} row 5", f"{split} row 8")}
    info = imgclf("data", "info", "d.npz")
    assert sentence in info.err
    of_split, of_train = (part.split(" of ")[1] for part in sentence.split(", "))
    assert info.out.startswith(f"d.npz (npz): train {of_train}, {split} {of_split}, 3 classes")


def test_all_that_train_warns_of_is_a_finding(imgclf):
    found = {}
    for name, arrays in {
        "a class only in val": {"X": IMAGES[:40], "y": LABELS[:40] % 2, "X_val": IMAGES[40:], "y_val": LABELS[40:]},
        "one class": {"X": IMAGES, "y": LABELS * 0},
        "one image a class": {"X": IMAGES, "y": np.arange(60)},
        "arrays that are not read": {"X": IMAGES, "y": LABELS, "X_test": IMAGES},
        "one-hot": {"X": IMAGES, "y": np.eye(3)[LABELS]},
    }.items():
        np.savez("d.npz", **arrays)
        seen = imgclf("data", "check", "d.npz", "--json").json["findings"]
        found[name] = [(one["kind"], one["sentence"], one["serious"]) for one in seen]
    ((kind, one_hot, serious),) = found.pop("one-hot")
    assert (kind, serious) == ("read as", False)
    assert one_hot.endswith("one-hot labels (60, 3), read as y.argmax(axis=1)")
    many = "60 of 60 classes have a single training image - check that the labels are classes, or add images"
    assert found == {
        "a class only in val": [("doubtful", "val has images of '2', classes that train lacks", True)],
        "one class": [("one class", "only one class, '0': a classifier needs at least two", True)],
        "one image a class": [("doubtful", many, True)],
        "arrays that are not read": [("passed over", "passed over: 'X_test' (no labels: for `imgclf predict`)", False)],
    }


def test_columns_of_a_table_that_are_not_used_are_a_finding(imgclf):
    Path("d.csv").write_text("id,a,b,label\n" + "".join(f"{i},{i}.5,{i * 7 % 60},{i % 2}\n" for i in range(60)))
    seen = imgclf("data", "check", "d.csv", "--json")
    assert [one["sentence"] for one in seen.json["findings"]] == ["columns not used: 'id'"]
