"""Files that a model reads later are read as its training data was: columns by name, floats by the same formula."""

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from imgclf.run.model_file import load_model
from imgclf.sklearn import LinearImageClassifier

NAMES = ["petal", "sepal", "stem", "leaf"]
RNG = np.random.default_rng(0)
Y = np.arange(120) % 3
X = RNG.normal(size=(120, 4)) * [1, 5, 50, 500] + 3 * np.eye(4)[Y] * [1, 5, 50, 500]
TRAIN, TEST = slice(0, 80), slice(80, 120)


def write(path, rows, names=NAMES, order=NAMES, labeled=True, more=()):
    """Write rows of X as a table, its columns in an order; `more` are columns of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*order, *more, *(["label"] if labeled else [])])
        for x, y in zip(X[rows], Y[rows], strict=True):
            values = dict(zip(names, x, strict=True))
            table.writerow([*(values.get(name, 7) for name in order), *(x[0] * 9 for _ in more), *[y][:labeled]])


@pytest.fixture
def run(imgclf):
    """Train on a table of features."""
    write(Path("train.csv"), TRAIN)
    assert imgclf("train", "train.csv", "--out", "run", "--no-plots").code == 0
    return "run"


def predicted(imgclf, *arguments):
    done = imgclf("predict", "run", *arguments, "--format", "json")
    return [one["scores"] for one in json.loads(done.out)["predictions"]]


@pytest.mark.parametrize("order", [NAMES[::-1], ["leaf", "petal", "sepal", "stem"]])
def test_columns_in_another_order_give_the_same_scores(imgclf, run, order):
    write(Path("same.csv"), TEST)
    write(Path("other.csv"), TEST, order=order)
    write(Path("bare.csv"), TEST, order=order, labeled=False)
    expected = predicted(imgclf, "same.csv")
    assert predicted(imgclf, "other.csv") == predicted(imgclf, "bare.csv") == expected
    seen = [json.loads(imgclf("eval", "run", "--data", name, "--json").out) for name in ("same.csv", "other.csv")]
    assert seen[0]["confusion"] == seen[1]["confusion"]
    assert seen[0]["accuracy"] > 0.6  # by chance 1/3


def test_test_csv_is_read_by_the_names_of_train_csv(imgclf):
    for name, order in (("same", NAMES), ("other", NAMES[::-1])):
        write(Path(name, "train.csv"), TRAIN)
        write(Path(name, "test.csv"), TEST, order=order)
        assert imgclf("train", name, "--out", f"run-{name}", "--no-plots").code == 0
    confusion = [json.loads(imgclf("eval", f"run-{one}", "--json").out)["confusion"] for one in ("same", "other")]
    assert confusion[0] == confusion[1]
    assert imgclf("data", "pack", "other", "--out", "pack").code == 0
    packed = json.loads(imgclf("eval", "run-same", "--data", "pack", "--json").out)["confusion"]
    assert packed == confusion[0]
    assert imgclf("train", "pack", "--out", "run-packed", "--no-plots").code == 0
    assert load_model(Path("run-packed", "model.npz")).input_format.columns == tuple(NAMES)


def test_features_that_only_train_has_are_missing_in_test_whatever_the_folders(imgclf):
    write(Path("data/train/data.csv"), TRAIN)
    write(Path("data/test/data.csv"), TEST, order=NAMES[1:])
    done = imgclf("train", "data", "--no-plots")
    assert (done.code, "test/data.csv: there is no column 'petal'" in done.err) == (3, True)


@pytest.mark.parametrize("names", [["x", "y", "type", "class"], ["0", "1", "2", "3"]])
def test_a_feature_is_not_taken_for_the_label(imgclf, names):
    write(Path("train.csv"), TRAIN, names=names, order=names)
    label = ("-s", "data.options.label_column=label")
    assert imgclf("train", "train.csv", *label, "--out", "run", "--no-plots").code == 0
    write(Path("bare.csv"), TEST, names=names, order=names, labeled=False)
    write(Path("labeled.csv"), TEST, names=names, order=names)
    assert predicted(imgclf, "bare.csv") == predicted(imgclf, "labeled.csv")
    assert len(predicted(imgclf, "bare.csv")) == 40


@pytest.mark.parametrize("names", [["0", "1", "2", "3"], ["10", "2", "7", "3"]])
def test_names_of_numbers_are_a_header_in_any_order(imgclf, names):
    write(Path("train.csv"), TRAIN, names=names, order=names)
    assert imgclf("train", "train.csv", "--out", "run", "--no-plots").code == 0
    assert load_model(Path("run", "model.npz")).class_names == ("0", "1", "2")
    for name, order in (("same", names), ("other", names[::-1])):
        write(Path(f"{name}.csv"), TEST, names=names, order=order, labeled=False)
    assert predicted(imgclf, "other.csv") == predicted(imgclf, "same.csv")
    assert len(predicted(imgclf, "other.csv")) == 40


@pytest.mark.parametrize("packed", [False, True])
def test_the_label_of_training_is_read_by_its_name_whatever_else_looks_like_one(imgclf, packed):
    lines = [f"{a},{b},{'stu'[y]},{'tus'[y]}\n" for (a, b, *_), y in zip(X, Y, strict=True)]
    Path("train.csv").write_text("petal,sepal,quality\n" + "".join(line.rpartition(",")[0] + "\n" for line in lines))
    data = "pack" if packed else "train.csv"
    if packed:
        assert imgclf("data", "pack", "train.csv", "--out", data).code == 0
    assert imgclf("train", data, "--out", "run", "--no-plots").code == 0
    assert load_model(Path("run", "model.npz")).input_format.label == "quality"
    Path("plain.csv").write_text(Path("train.csv").read_text())
    Path("more.csv").write_text("petal,sepal,quality,type\n" + "".join(lines))
    seen = [json.loads(imgclf("eval", "run", "--data", f"{name}.csv", "--json").out) for name in ("plain", "more")]
    assert seen[0]["confusion"] == seen[1]["confusion"]
    assert predicted(imgclf, "more.csv") == predicted(imgclf, "plain.csv")


def test_eval_reads_test_csv_by_the_names_of_the_model(imgclf):
    write(Path("data/train.csv"), TRAIN)
    write(Path("data/test.csv"), TEST)
    assert imgclf("train", "data", "--out", "run", "--no-plots").code == 0
    before = json.loads(imgclf("eval", "run", "--json").out)["confusion"]
    write(Path("data/train.csv"), TRAIN, order=NAMES[::-1])
    assert json.loads(imgclf("eval", "run", "--json").out)["confusion"] == before


def test_where_features_are_taken_by_their_position_it_is_said(imgclf):
    write(Path("data/train.csv"), TRAIN)
    write(Path("data/test.csv"), TEST)
    bare = Path("data/test.csv").read_text().partition("\n")[2]
    Path("data/test.csv").write_text(bare)
    done = imgclf("train", "data", "--out", "run", "--no-plots")
    assert "test.csv: no column has a name: features are taken by their position" in done.err
    Path("bare.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in bare.splitlines()))
    assert (
        "bare.csv: no column has a name: features are taken by their position"
        in imgclf("predict", "run", "bare.csv").err
    )
    write(Path("twice.csv"), TRAIN, order=["petal", "sepal", "petal"])
    done = imgclf("train", "twice.csv", "--out", "twice", "--no-plots")
    assert "two columns have the same name: features are taken by their position" in done.err


def test_columns_that_are_missing_are_named(imgclf, run):
    write(Path("other.csv"), TEST, order=["petal", "sepal", "stalk", "leaf"])
    for command in (("eval", "run", "--data", "other.csv"), ("predict", "run", "other.csv")):
        done = imgclf(*command)
        assert done.code == 3
        problem = "other.csv: there is no column 'stem'; not among those of training: 'stalk'"
        assert f"{problem} - name the columns as in the training data" in done.err
    Path("twice.csv").write_text("petal,sepal,stem,leaf,stem\n1,2,3,4,5\n")
    done = imgclf("predict", "run", "twice.csv")
    assert (done.code, "two columns 'stem'" in done.err) == (3, True)


def test_long_names_of_columns_are_told_apart_by_their_ends(imgclf):
    start = "mean of the brightness of "
    names = [f"{start}{place}" for place in ("the top left", "the top right", "the middle", "all")]
    write(Path("train.csv"), TRAIN, names=names, order=names)
    assert imgclf("train", "train.csv", "--out", "run", "--no-plots").code == 0
    write(Path("other.csv"), TEST, names=names, order=[*names[:2], f"{start}the midst", names[3]])
    done = imgclf("predict", "run", "other.csv")
    assert done.code == 3
    assert f"there is no column '{names[2]}'; not among those of training: '{start}the midst'" in done.err
    longer = [f"{'the mean ' * 9}{name}" for name in ("top", "bottom")]
    Path("x.csv").write_text(f"{','.join(longer)}\n1,2\n")
    said = imgclf("train", "x.csv", "-s", "data.options.label_column=z").err
    assert "the mean top'" in said
    assert "mean bottom'" in said


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_of_columns_are_compared_in_one_form(imgclf, forms):
    names = ["café", "thé", "blé", "2"]
    trained, later = ([unicodedata.normalize(form, name) for name in names] for form in forms)
    for file, order, rows in (("train.csv", trained, TRAIN), ("same.csv", trained, TEST), ("other.csv", later, TEST)):
        write(Path(file), rows, names=order, order=order)
    assert imgclf("train", "train.csv", "--out", "run", "--no-plots").code == 0
    write(Path("bare.csv"), TEST, names=later, order=later, labeled=False)
    assert predicted(imgclf, "bare.csv") == predicted(imgclf, "other.csv") == predicted(imgclf, "same.csv")
    assert imgclf("data", "pack", "other.csv", "--out", "pack").code == 0
    assert imgclf("eval", "run", "--data", "pack").code == 0
    Path("words.csv").write_text(f"{trained[0]},b\nx,1\ny,2\n")
    assert imgclf("data", "info", "words.csv", "-s", f"data.options.label_column={later[0]}").code == 0


def test_a_column_that_training_did_not_have_is_passed_over_and_said(imgclf, run):
    write(Path("same.csv"), TEST)
    write(Path("more.csv"), TEST, more=["weight"])
    done = imgclf("predict", "run", "more.csv", "--format", "json")
    assert [one["scores"] for one in json.loads(done.out)["predictions"]] == predicted(imgclf, "same.csv")
    evaluated = imgclf("eval", "run", "--data", "more.csv")
    for one in (done, evaluated):
        assert (one.code, "more.csv: columns not used: 'weight'" in one.err) == (0, True)


def test_without_a_header_columns_stay_in_their_order(imgclf, run):
    write(Path("same.csv"), TEST, labeled=False)
    Path("bare.csv").write_text("".join(Path("same.csv").read_text().splitlines(keepends=True)[1:]))
    assert predicted(imgclf, "bare.csv") == predicted(imgclf, "same.csv")


def test_a_pack_of_other_columns_is_refused(imgclf, run):
    write(Path("other.csv"), TEST, names=NAMES[::-1], order=NAMES[::-1])
    assert imgclf("data", "pack", "other.csv", "--out", "pack").code == 0
    done = imgclf("eval", "run", "--data", "pack")
    assert (done.code, "its features are 'leaf', 'stem'" in done.err) == (3, True)


BRIGHT = np.arange(120) // 3 % 2 == 1
PIXELS = RNG.integers(0, 40, (120, 6, 6)) + 150 * BRIGHT[:, None, None]
PIXELS[np.arange(120), 0, Y] += 60  # what tells the classes apart
AS_FLOATS = {
    "0..1": PIXELS / 255, "-1..1": PIXELS / 127.5 - 1, "whole numbers of 0..255": PIXELS / 1.0,
    "0..255": PIXELS + 0.25, "features": PIXELS / 60 - 2,
}  # fmt: skip


@pytest.mark.parametrize("name", AS_FLOATS)
def test_images_of_floats_are_read_as_those_of_training_whatever_their_own_values(imgclf, name):
    floats = AS_FLOATS[name]
    np.savez("train.npz", X=floats[TRAIN], y=Y[TRAIN])
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    assert load_model(Path("run", "model.npz")).input_format.floats == name
    np.savez("test.npz", X=floats[TEST], y=Y[TEST])
    expected = predicted(imgclf, "test.npz")
    parts = np.zeros((3, 3), int)
    for some in (BRIGHT[TEST], ~BRIGHT[TEST]):
        np.savez("some.npz", X=floats[TEST][some], y=Y[TEST][some])
        assert predicted(imgclf, "some.npz") == [expected[i] for i in np.flatnonzero(some)]
        parts += json.loads(imgclf("eval", "run", "--data", "some.npz", "--json").out)["confusion"]
    assert parts.tolist() == json.loads(imgclf("eval", "run", "--data", "test.npz", "--json").out)["confusion"]


def test_floats_out_of_the_range_of_training_are_refused(imgclf):
    np.savez("train.npz", X=PIXELS / 255, y=Y)
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    np.savez("test.npz", X=PIXELS / 1.0, y=Y)
    for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz")):
        done = imgclf(*command)
        assert (done.code, "images of float64 from 0 to 249, in training 0..1 - " in done.err) == (3, True)


def test_floats_for_a_model_of_bytes_are_told_by_their_values_and_that_is_said(imgclf):
    np.savez("train.npz", X=PIXELS.astype(np.uint8), y=Y)
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    np.savez("test.npz", X=PIXELS / 255)
    done = imgclf("predict", "run", "test.npz", "--format", "json")
    assert "read as bytes: (255 * X).round()" in done.err
    assert [one["scores"] for one in json.loads(done.out)["predictions"]] == predicted(imgclf, "train.npz")


COLORS = RNG.integers(0, 256, (120, 6, 5, 3)) / 60 - 2 + Y[:, None, None, None] / 4


def test_images_of_features_have_their_axes_as_in_training(imgclf):
    np.savez("train.npz", X=COLORS[TRAIN], y=Y[TRAIN])
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    first = COLORS[TEST].transpose(0, 3, 1, 2)
    np.savez("test.npz", X=first, y=Y[TEST])
    for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz")):
        done = imgclf(*command)
        assert (done.code, "channels first, (40, 3, 6, 5) - store X.transpose(0, 2, 3, 1)" in done.err) == (3, True)
    np.savez("both.npz", X_train=COLORS[TRAIN], y_train=Y[TRAIN], X_test=first, y_test=Y[TEST])
    assert imgclf("train", "both.npz", "--out", "both", "--no-plots").code == 0
    assert imgclf("eval", "both").code == 3
    np.savez("flat.npz", X=COLORS[TEST].reshape(40, -1))
    np.savez("right.npz", X=COLORS[TEST])
    assert predicted(imgclf, "right.npz") == predicted(imgclf, "flat.npz")


def test_features_in_another_unit_give_one_warning_and_those_of_training_none(imgclf, run):
    far = "these examples are far from the training data, "
    tables = {1: 0, 10: 1, 1000: 1, 0.001: 0}  # numbers that are too small are near the mean
    for factor, expected in tables.items():
        np.savez("test.npz", X=X[TEST] * factor, y=Y[TEST])
        for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz", "test.npz")):
            done = imgclf(*command)
            assert (done.code, done.err.count(far)) == (0, expected), (factor, command)


def test_images_without_a_value_below_0_give_a_warning_where_training_had_some(imgclf):
    np.savez("train.npz", X=AS_FLOATS["-1..1"][TRAIN], y=Y[TRAIN])
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    for name, expected in (("0..1", True), ("-1..1", False)):
        np.savez("test.npz", X=AS_FLOATS[name][TEST], y=Y[TEST])
        for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz")):
            done = imgclf(*command)
            said = "in training -1..1: predictions may be wrong - if these are of 0..1, store 2 * X - 1"
            assert (done.code, said in done.err) == (0, expected)


@pytest.mark.parametrize("kind", ["bytes", "0..1", "features"])
def test_nan_in_an_image_is_named_by_its_row(imgclf, kind):
    np.savez("train.npz", X=PIXELS.astype(np.uint8) if kind == "bytes" else AS_FLOATS[kind], y=Y)
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    floats = AS_FLOATS["0..1" if kind == "bytes" else kind].copy()
    floats[3, 2, 1] = np.nan
    np.savez("test.npz", X=floats, y=Y)
    for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz")):
        done = imgclf(*command)
        assert (done.code, "NaN or Inf in row 3 - " in done.err) == (3, True)


def test_floats_that_a_model_of_bytes_cannot_tell_are_called_images(imgclf):
    np.savez("train.npz", X=PIXELS.astype(np.uint8), y=Y)
    assert imgclf("train", "train.npz", "--out", "run", "--no-plots").code == 0
    dark, remedy = PIXELS / 2800, "store them like the training images, as uint8, 0..255"
    whole = {"X_train": dark, "y_train": Y, "X_test": dark, "y_test": Y}
    for arrays, problem in (({"X": dark, "y": Y}, "too dark to tell their range"), (whole, "too dark to tell"),
                            ({"X": PIXELS - 99.5, "y": Y}, "no pixels")):  # fmt: skip
        np.savez("test.npz", **arrays)
        for command in (("eval", "run", "--data", "test.npz"), ("predict", "run", "test.npz")):
            done = imgclf(*command)
            assert done.code == 3
            assert "images of float64 from " in done.err
            assert problem in done.err
            assert remedy in done.err
    np.savez("test.npz", X_train=PIXELS / 255, y_train=Y, X_test=dark, y_test=Y)
    assert imgclf("predict", "run", "test.npz").code == 0  # the others of the file tell it


def test_the_names_of_a_data_frame_are_those_of_the_run_of_an_estimator(imgclf):
    pa = pytest.importorskip("pyarrow")
    frame = pa.table(dict(zip(NAMES, X.T, strict=True)))
    model = LinearImageClassifier().fit(frame, Y)
    again = LinearImageClassifier.from_run(model.to_run("run"))
    for one in (model, again):
        assert one.feature_names_in_.tolist() == NAMES
        assert (one.predict(frame) == model.predict(frame)).all()
        with pytest.raises(ValueError, match="in the same order as they were in fit"):
            one.predict(frame.select(NAMES[::-1]))
    write(Path("new.csv"), TEST, order=NAMES[::-1], labeled=False)
    classes = [one["class"] for one in imgclf("predict", "run", "new.csv", "--format", "json").json["predictions"]]
    assert classes == model.predict(frame)[TEST].astype(str).tolist()
    assert not hasattr(again.fit(X, Y), "feature_names_in_")
    alike = pa.table(dict(zip(["\u00e9", "e\u0301", "a", "b"], X.T, strict=True)))  # both are é
    other = LinearImageClassifier().fit(alike, Y).to_run("alike")
    assert imgclf("eval", other, "--data", "new.csv").code == 3
