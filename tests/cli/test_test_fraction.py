"""A run with `data.test_fraction` from train to eval, verify and resume."""

import json

import pytest

from cli.conftest import write_pictures
from imgclf.data.sources.csv import loading

WITH_TEST = ("-s", "data.test_fraction=0.25", "-s", "train.epochs=2", "--no-plots")


@pytest.fixture
def run(imgclf, tmp_path):
    """A run on 40 images, of which 10 are tested on."""
    write_pictures(tmp_path / "set", each=20)
    assert imgclf("train", "set", *WITH_TEST, "--out", "r").code == 0
    return tmp_path / "r"


def test_eval_tests_on_the_images_that_were_set_aside(imgclf, run):
    assert imgclf("eval", "r", "--json").json["split"] == "test"
    assert imgclf("eval", "r", "--split", "test", "--json").json["n"] == 10
    assert imgclf("eval", "r", "--split", "val", "--json").json["n"] == 3
    assert imgclf("eval", "r", "--split", "train", "--json").json["n"] == 27
    assert json.loads((run / "environment.json").read_text())["data_images"] == {"train": 27, "val": 3}


@pytest.mark.parametrize("features", [(), ("-s", "features.name=hog", "-s", "features.cell=3")])
def test_the_banner_says_how_many_images_are_set_aside(imgclf, run, features):
    said = imgclf("train", "set", *WITH_TEST, *features, "--dry-run")
    assert "3 validation images,\n          10 test images set aside; " in said.out
    assert said.err == ""


@pytest.mark.parametrize(("each", "fraction", "taken", "untested"), [
    ((1, 1), 0.2, "no test images", "takes no image for test"),
    ((20, 20), 0.001, "no test images", "takes no image for test"),
    ((20, 1), 0.25, "5 test images", "no test images of 'rare'"),
    ((20, 2), 0.5, "11 test images", None),
])  # fmt: skip
def test_classes_that_are_too_small_for_test_images_are_named(imgclf, tmp_path, each, fraction, taken, untested):
    for name, n in zip(("common", "rare"), each, strict=True):
        write_pictures(tmp_path / "set", classes=(name,), each=n)
    options = ("-s", f"data.test_fraction={fraction}", "-s", "data.val_fraction=0")
    said = imgclf("train", "set", "--dry-run", *options)
    assert f"{taken} set aside; " in said.out
    of_features = imgclf("train", "set", "--dry-run", *options, "-s", "features.name=hog", "-s", "features.cell=3")
    for one in (said, of_features, imgclf("data", "info", "set", *options)):
        assert (untested in one.err) if untested else ("of 'rare'" not in one.err)


@pytest.mark.parametrize(("singles", "is_said"), [(5, True), (4, False)])
def test_most_classes_with_a_single_example_are_said(imgclf, tmp_path, singles, is_said):
    names = [*map(str, range(singles)), *("cat", "dog", "fox", "owl") * 2]
    rows = [f"{number}.5,{number % 3}.5,{name}" for number, name in enumerate(names)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *rows]))
    said = imgclf("train", "t.csv", "--dry-run", "-s", "data.val_fraction=0").err
    assert (f"t.csv: {singles} of {singles + 4} classes have a single training example" in said) == is_said


def test_info_shows_what_is_set_aside(imgclf, run):
    def counts(*options):
        return {
            split: seen["n"] for split, seen in imgclf("data", "info", "set", *options, "--json").json["splits"].items()
        }

    assert counts() == {"train": 40}
    assert counts("-s", "data.test_fraction=0.25", "-s", "data.val_fraction=0.1") == {"train": 27, "val": 3, "test": 10}


def test_a_set_that_has_changed_is_refused_for_its_rows_would_be_other_images(refused, run, tmp_path):
    image = tmp_path / "set" / "cat" / "0.png"
    image.rename(image.with_name("500.png"))
    refused(3, "the images have changed since the run began", "eval", "r")


def test_it_is_found_where_it_has_moved_to(imgclf, run, tmp_path):
    (tmp_path / "set").rename(tmp_path / "moved")
    assert imgclf("eval", "r", "--split", "test", "--data", "moved", "--json").json["n"] == 10


@pytest.mark.slow
def test_verify_and_resume_go_on_with_the_same_images(imgclf, run, tmp_path):
    assert imgclf("verify", "r").code == 0
    assert imgclf("train", "--resume", "r", "-s", "train.epochs=3").code == 0
    assert imgclf("gradcheck", "--run", "r", "--images", "4").code == 0
    assert imgclf("eval", "r", "--json").json["n"] == 10


def test_all_of_the_set_as_other_data_is_warned_of(imgclf, run):
    done = imgclf("eval", "r", "--data", "set")
    assert done.code == 0
    assert "the run was trained on most of these images; --split test evaluates the others" in done.err


def test_a_fraction_that_is_not_used_is_said(imgclf):
    done = imgclf("train", "--dry-run", "-s", "data.test_fraction=0.2")
    assert "data.test_fraction: not used, because the data has a test split" in done.err
    assert "set aside" not in done.out


@pytest.fixture
def table(tmp_path):
    """A file of 40 rows, in a folder, and its header."""
    rows = [f"{number % 2},{number / 7:.3f},{number % 5}.5" for number in range(40)]
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "train.csv").write_text("\n".join(["label,a,b", *rows]))
    return tmp_path / "table" / "train.csv"


@pytest.mark.parametrize("path", ["table", "table/train.csv"])
def test_rows_of_a_table_are_set_aside_and_it_is_read_once(imgclf, table, monkeypatch, path):
    read = []
    monkeypatch.setattr(
        loading, "_load_numbers", lambda *given, load=loading._load_numbers: read.append(load(*given)) or read[-1]
    )
    assert imgclf("train", path, *WITH_TEST, "--out", "r").code == 0
    assert len(read) == 1
    assert imgclf("eval", "r", "--split", "test", "--json").json["n"] == 10
    assert len(read) == 2
    assert imgclf("data", "info", path, "-s", "data.test_fraction=0.25", "--json").json["splits"]["test"]["n"] == 10
    assert len(read) == 3
    assert imgclf("eval", "r", "--split", "train", "--json").json["n"] == 27


@pytest.mark.parametrize("path", ["table", "table/train.csv"])
def test_a_column_of_splits_is_heard_in_whatever_file_it_is(imgclf, table, path):
    header, *rows = table.read_text().splitlines()
    words = ["train", "test", "train", "val", "train"] * 8
    table.write_text("\n".join([f"{header},split", *map(",".join, zip(rows, words, strict=True))]))
    done = imgclf("train", path, *WITH_TEST, "--out", "r")
    assert "data.test_fraction: not used, because the data has a test split" in done.err
    seen = imgclf("eval", "r", "--json").json
    assert (seen["split"], seen["n"]) == ("test", 8)
