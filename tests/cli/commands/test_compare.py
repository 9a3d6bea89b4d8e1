"""`imgclf compare`: the same images, counted by hand."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.metrics import wilson_interval
from imgclf.report import comparison
from imgclf.run.run_dir import write_status
from imgclf.training.comparison import mcnemar_p

CLASSES = ("a", "b", "c")


@pytest.fixture
def photos(tmp_path):
    """A folder of 240 noisy color images of 3 classes."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(80):
            pixels = rng.integers(0, 200, (5, 4, 3))
            pixels[..., label] += 20
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def train(imgclf):
    def run(out, *overrides, data="photos", source="folder"):
        settings = (f"data.source={source}", f"data.path={data}", "train.epochs=3", "data.val_fraction=0.5", *overrides)
        done = imgclf("train", "--no-plots", "--out", out, *(word for one in settings for word in ("-s", one)))
        assert done.code == 0, done.err

    return run


def predictions(imgclf, run):
    """Return {image: (true, predicted)} of the val split, as `eval` writes them."""
    assert imgclf("eval", run, "--split", "val", "--out", f"{run}-val").code == 0
    with Path(f"{run}-val", "predictions.csv").open(newline="") as file:
        return {row["example"]: (row["true"], row["predicted"]) for row in csv.DictReader(file)}


def test_every_number_is_that_of_the_predictions_of_each_run(imgclf, photos, train):
    train("one")
    train("two", "model.init_scale=1", "schedule.step_size=0.001")
    seen = imgclf("compare", "one", "two", "--json", "--out", "both").json
    one, two = predictions(imgclf, "one"), predictions(imgclf, "two")
    assert one.keys() == two.keys()
    right = {
        (image, run): answers[image][0] == answers[image][1] for run, answers in enumerate((one, two)) for image in one
    }
    counts = [sum((right[image, 0], right[image, 1]) == case for image in one)
              for case in ((1, 1), (1, 0), (0, 1), (0, 0))]  # fmt: skip
    assert seen["n"] == sum(counts) == 120
    assert seen["mcnemar"] == [{"runs": ["one", "two"], "both_right": counts[0], "only_first": counts[1],
                                "only_second": counts[2], "both_wrong": counts[3],
                                "p": mcnemar_p(counts[1], counts[2])}]  # fmt: skip
    assert 0 < counts[1] != counts[2] > 0
    for run, (name, answers) in enumerate((("one", one), ("two", two))):
        correct = sum(right[image, run] for image in one)
        assert seen["runs"][run]["run"] == name
        assert seen["runs"][run]["accuracy"] == correct / 120
        assert seen["runs"][run]["accuracy_interval"] == list(wilson_interval(correct, 120))
        for c in CLASSES:
            of_class = [true == predicted for true, predicted in answers.values() if true == c]
            assert seen["runs"][run]["recall"][c] == sum(of_class) / len(of_class)
    assert seen["config"] == {"model.init_scale": [0.0, 1.0], "schedule.step_size": [0.1, 0.001]}
    with Path("both/flipped.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["image", "true", "one", "two"]
    assert rows == [[image, one[image][0], one[image][1], two[image][1]] for image in one if one[image] != two[image]]
    assert seen["flipped"] == len(rows)
    with Image.open("both/comparison.png") as picture:
        picture.verify()


def test_where_the_splits_differ_only_common_images_count(imgclf, photos, train, refused):
    train("one", "data.val_fraction=0.7")
    train("two", "data.val_fraction=0.7", "seed=1")
    seen = imgclf("compare", "one", "two", "--json").json
    one, two = predictions(imgclf, "one"), predictions(imgclf, "two")
    common = one.keys() & two.keys()
    assert 100 <= seen["n"] == len(common) < len(one)
    assert seen["runs"][0]["images"] == len(one)
    for run, answers in enumerate((one, two)):
        assert seen["runs"][run]["accuracy"] == np.mean([answers[image][0] == answers[image][1] for image in common])
    train("three", "seed=1", "data.val_fraction=0.3")
    refused(3, [" val images in common, too few", "--split test"], "compare", "one", "three", "--out", "both")
    assert not Path("both").exists()


def test_the_same_few_images_are_enough(imgclf, photos, train):
    train("one", "data.val_fraction=0.1")
    seen = imgclf("compare", "one", "one", "--json").json
    assert (seen["n"], seen["flipped"], seen["mcnemar"][0]["p"]) == (24, 0, 1.0)


def test_a_run_that_is_not_finished_is_compared_and_said_to_be_none(imgclf, photos, train):
    train("one")
    train("two")
    write_status(Path("two"), "interrupted")
    out = imgclf("compare", "one", "two").out
    assert "run         1  one\n            2  two, not finished\n" in out


def test_images_are_known_again_in_another_size_and_color_and_in_another_file(imgclf, photos, train):
    train("one")
    expected = imgclf("compare", "one", "one", "--json").json["runs"][0]
    train("gray", "preprocess.color=gray", "preprocess.image_size=3")
    seen = imgclf("compare", "one", "gray", "--json").json
    assert (seen["n"], seen["runs"][0]) == (120, expected)
    assert imgclf("data", "pack", "-s", "data.source=folder", "-s", "data.path=photos", "--out", "packed").code == 0
    train("of-pack", data="packed", source="pack")
    seen = imgclf("compare", "one", "of-pack", "--json").json
    assert (seen["n"], seen["flipped"]) == (120, 0)
    assert seen["runs"][0] == expected | {"run": "one"}


def test_classes_are_matched_by_name(imgclf, train):
    y = np.arange(600) % 3
    X = np.random.default_rng(0).integers(0, 156, (600, 4, 4, 1)) + 50 * y[:, None, None, None]
    np.savez("abc.npz", X=X.astype(np.uint8), y=y, class_names=["a", "b", "c"])
    np.savez("cab.npz", X=X.astype(np.uint8), y=(y + 1) % 3, class_names=["c", "a", "b"])
    train("abc", data="abc.npz", source="npz")
    train("cab", "train.epochs=1", data="cab.npz", source="npz")
    seen = imgclf("compare", "abc", "cab", "--json").json
    one, two = predictions(imgclf, "abc"), predictions(imgclf, "cab")
    common = one.keys() & two.keys()  # the rows are the same in both files
    assert 100 <= seen["n"] == len(common)
    for run, answers in zip(seen["runs"], (one, two), strict=True):
        assert run["accuracy"] == np.mean([answers[row][0] == answers[row][1] for row in common]) > 0.5


def test_what_cannot_be_compared_is_one_line(imgclf, photos, train, refused):
    train("one")
    refused(2, ["only one run", "imgclf compare RUN RUN"], "compare", "one")
    refused(2, "at most 8", "compare", *["one"] * 9)
    refused(2, "not say which images", "compare", "one", "one/model.npz")
    refused(4, "no such run", "compare", "one", "gone")
    refused(3, ["there is no test split", "compare on val"], "compare", "one", "one", "--split", "test")
    train("none", "data.val_fraction=0")
    refused(3, ["no val split", "data.val_fraction above 0"], "compare", "one", "none")
    shutil.copytree("photos", "fewer")
    shutil.rmtree("fewer/c")
    train("two", data="fewer")
    refused(3, ["two: its classes are not those of one"], "compare", "one", "two")
    Path("photos/a/0.png").unlink()
    refused(3, ["the images have changed since the run began", "restore"], "compare", "one", "one")


@pytest.mark.parametrize(("setting", "same"), [
    ("schedule.step_size=0.01", True),
    ("model.loss=svm", False),
    ("regularization.l2=0.1", False),
    ("train.class_weight={a: 3}", False),
])  # fmt: skip
def test_losses_of_different_objectives_are_drawn_as_such(imgclf, photos, train, monkeypatch, setting, same):
    drawn, draw = [], comparison.comparison
    monkeypatch.setattr(comparison, "comparison", lambda *given, **how: drawn.append(how) or draw(*given, **how))
    train("one")
    train("two", setting)
    assert imgclf("compare", "one", "two", "--out", "seen").code == 0
    assert drawn == [{"same_objective": same}]


def test_the_test_split_is_opened_only_when_asked_for(imgclf, monkeypatch, on_pictures, pictures):
    assert imgclf("train", *on_pictures, "-s", "data.val_fraction=0.5", "--out", "one").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("imgclf.run.comparison.load_own_test", pytest.fail)
        assert imgclf("compare", "one", "one").code == 0
    seen = imgclf("compare", "one", "one", "--split", "test", "--json").json
    assert (seen["split"], seen["n"]) == ("test", 14)


def test_lines_for_people_say_which_is_better_and_fit_80_columns(imgclf, photos, train):
    train("one", "train.epochs=30")
    train("bad", "model.init_scale=1", "schedule.step_size=1e-9")
    for runs, said in ((("one", "bad"), "run 1 is better, by more than chance explains"),
                       (("bad", "one"), "run 2 is better, by more than chance explains"),
                       (("one", "one"), "neither is right more often")):  # fmt: skip
        done = imgclf("compare", *runs)
        assert done.code == 0
        assert said in done.out
        assert max(map(len, done.out.splitlines())) <= 80
    assert "no key differs" in done.out


def test_sentences_fit_a_narrow_terminal(imgclf, photos, train, monkeypatch):
    monkeypatch.setattr("imgclf.cli.console.room", lambda: 40)
    train("one", "train.epochs=1")
    lines = imgclf("compare", "one", "one").out.splitlines()
    tables = [line for line in lines if line.startswith(("recall", *"abc"))]
    assert max(len(line) for line in lines if line not in tables) <= 40
