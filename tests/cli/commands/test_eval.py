"""`imgclf eval` and `imgclf predict`: one model, one way to see a picture."""

import csv
import io
import json
import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_limits

from imgclf.config import resolve
from imgclf.numerics.products import slab_scores
from imgclf.numerics.sums import BLOCK
from imgclf.run.model_file import load_model
from imgclf.training.evaluation import PairCounts, score_images
from imgclf.training.loading import load_test
from imgclf.training.other_data import load_for


@pytest.fixture
def trained(imgclf, pictures, on_pictures):
    """A run on pictures, its directory."""
    assert imgclf("train", *on_pictures, "-s", "train.epochs=10", "--out", "run").code == 0
    return Path("run")


def test_eval_prints_what_the_contract_names(imgclf, trained):
    seen = imgclf("eval", "run", "--json").json
    assert set(seen) == {"run", "split", "n", "objective", "data_loss", "accuracy", "accuracy_interval", "top_k",
                         "per_class", "macro", "weighted", "balanced_accuracy", "most_confused", "confusion",
                         "classes"}  # fmt: skip
    assert (seen["split"], seen["n"], seen["classes"]) == ("test", 14, ["cat", "dog"])
    assert seen["accuracy"] == np.trace(seen["confusion"]) / 14
    assert np.sum(seen["confusion"], axis=1).tolist() == [7, 7]
    assert seen["top_k"] == {"2": 1.0}
    assert set(seen["per_class"]["cat"]) == {"precision", "recall", "f1", "support"}
    low, high = seen["accuracy_interval"]
    assert 0 <= low <= seen["accuracy"] <= high <= 1


def test_a_table_for_people_has_the_same_numbers(imgclf, trained):
    done = imgclf("eval", "run")
    seen = imgclf("eval", "run", "--json").json
    assert f"{100 * seen['accuracy']:.1f} %" in done.out
    assert f"{seen['objective']:.4f}" in done.out
    assert "precision" in done.out
    assert "true \\ predicted" in done.out


def test_lines_for_people_fit_80_columns_and_end_with_commands_that_work(imgclf):
    names, rng = [(f"{kind} of a long name " * 4).strip() for kind in "abc"], np.random.default_rng(0)
    for name in names:
        (Path("data") / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(rng.integers(0, 256, (4, 4), np.uint8)).save(Path("data", name, f"{number}.png"))
    run = f"a run of a name that is as long as that {'x' * 20}"
    assert imgclf("train", "data", "--no-plots", "--out", run, "-s", "train.epochs=1").code == 0
    done = imgclf("eval", run)
    end = done.out[done.out.index("accuracy   ") :]
    assert end.count(" taken for ") == 3
    assert max(len(line) for line in end.splitlines() if run not in line) <= 80
    commands = end[end.index("next") + 4 :].replace("\\\n", "").splitlines()
    first, report = (shlex.split(line)[1:] for line in commands if line.strip().startswith("imgclf "))
    assert imgclf(*first).code == 0
    assert (Path(first[-1]) / "predictions.csv").is_file()
    assert report == ["report", run, "--open"]
    assert "next       imgclf report" in imgclf("eval", run).out


def test_the_newest_finished_run_is_evaluated(imgclf, pictures, on_pictures):
    for name in ("a", "b"):
        imgclf("train", *on_pictures, "-s", f"name={name}")
    assert imgclf("eval", "--json").json["run"] == "runs/b"


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_can_be_chosen_and_has_the_numbers_of_training(imgclf, trained, split):
    seen = imgclf("eval", "run", "--split", split, "--json").json
    metrics = json.loads((trained / "metrics.json").read_text())[split]
    assert {key: seen[key] for key in metrics} == metrics


def test_without_a_test_split_val_is_used_and_said(imgclf, trained, pictures):
    shutil.rmtree(pictures / "test")
    done = imgclf("eval", "run", "--json")
    assert done.json["split"] == "val"
    assert "no test split" in done.err


def test_files_given_to_a_model_of_0_and_1_are_warned_of(imgclf):
    imgclf("--version")
    bits, y = np.random.default_rng(0).integers(0, 2, (30, 4, 4), dtype=np.uint8), np.arange(30) % 2
    np.savez("bits.npz", X=bits, y=y)
    np.savez("bytes.npz", X=255 * bits[:9], y=y[:9])
    np.savez("few.npz", X=bits[:9], y=y[:9])
    Image.fromarray(255 * bits[0]).save("image.png")
    given = ("-s", "data.source=npz", "-s", "data.path=bits.npz", "-s", "train.epochs=1")
    assert imgclf("train", *given, "--out", "run", "--no-plots").code == 0
    for words in (("predict", "run", "image.png"), ("eval", "run", "--data", "bytes.npz")):
        done = imgclf(*words)
        assert done.code == 0
        assert "learned from images of values up to 1, these go up to 255" in done.err
    assert imgclf("eval", "run", "--data", "few.npz").err == ""


def test_images_of_0_and_1_given_to_a_model_of_bytes_are_warned_of(imgclf):
    bits, y = np.random.default_rng(0).integers(0, 2, (30, 4, 4), dtype=np.uint8), np.arange(30) % 2
    for name, X in (("bytes", 255 * bits), ("bits", bits), ("floats", bits * 1.0)):
        np.savez(f"{name}.npz", X=X, y=y)
    assert imgclf("train", "bytes.npz", "-s", "train.epochs=1", "--out", "run", "--no-plots").code == 0
    for words in (
        ("eval", "run", "--data", "bits.npz"),
        ("predict", "run", "bits.npz"),
        ("predict", "run", "floats.npz"),
    ):
        assert "learned from images of larger values, these are of 0 and 1" in imgclf(*words).err
    assert imgclf("predict", "run", "bytes.npz").err == ""


def test_classes_are_matched_by_name_in_other_data(imgclf, trained, pictures):
    # One class only, in another order of folders, pictures of another size and color.
    other = Path("other")
    (other / "dog").mkdir(parents=True)
    (other / "cat").mkdir()
    for path in (pictures / "test" / "dog").iterdir():
        Image.open(path).resize((40, 40)).convert("RGBA").save(other / "dog" / path.name)
    Image.open(pictures / "test" / "cat" / "0.png").convert("L").save(other / "cat" / "0.png")
    seen = imgclf("eval", "run", "--data", "other", "--json").json
    assert (seen["split"], seen["n"], seen["classes"]) == ("data", 8, ["cat", "dog"])
    assert np.sum(seen["confusion"], axis=1).tolist() == [1, 7]


def test_other_data_with_splits_means_its_test_split(imgclf, trained):
    assert imgclf("eval", "run", "--data", "pictures", "--json").json["n"] == 14


def test_min_accuracy_is_a_check(imgclf, trained):
    accuracy = imgclf("eval", "run", "--json").json["accuracy"]
    assert imgclf("eval", "run", "--min-accuracy", accuracy).code == 0
    below = imgclf("eval", "run", "--min-accuracy", min(1.0, accuracy + 0.01), "--json")
    if accuracy < 1:
        assert below.code == 1
        assert below.json["accuracy"] == accuracy
    assert imgclf("eval", "run", "--split", "train", "--min-accuracy", 0).code == 0


def test_out_holds_the_report(imgclf, trained):
    done = imgclf("eval", "run", "--out", "report", "--json")
    assert {path.name for path in Path("report").iterdir()} == {
        "eval.json", "predictions.csv", "confusion_matrix.png", "confusion_matrix.csv",
    }  # fmt: skip
    assert json.loads(Path("report/eval.json").read_text()) == done.json


@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_predict_gives_the_scores_that_eval_has(imgclf, pictures, on_pictures, loss, color):
    options = ("-s", f"model.loss={loss}", "-s", f"preprocess.color={color}", "-s", "preprocess.std=pixel")
    imgclf("train", *on_pictures, *options, "--out", "run")
    model = load_model(Path("run/model.npz"))
    data = load_for(model, pictures)
    expected = slab_scores(model.preprocess.apply(data.pixels(np.arange(len(data)))), model.weights)
    files = [pictures / "test" / name / f"{i}.png" for name in ("cat", "dog") for i in range(7)]
    together = imgclf("predict", "run", *files, "--format", "json").json["predictions"]
    assert len(files) < BLOCK
    for row, one in enumerate(together):
        assert (
            np.array([one["scores"][name] for name in ("cat", "dog")], np.float32).tobytes() == expected[row].tobytes()
        )
        alone = imgclf("predict", "run", files[row], "--format", "json").json["predictions"]
        assert (alone[0]["image"], alone[0]["class"]) == (one["image"], one["class"])
        assert alone[0]["scores"] == pytest.approx(one["scores"], rel=1e-5)  # its place among others may round its sums
    assert (together[0]["probabilities"] is None) == (loss != "softmax")


def test_predict_takes_any_size_and_mode(imgclf, trained, pictures):
    for number, mode in enumerate(("L", "RGBA", "P", "1", "CMYK")):
        Image.new(mode, (50 + number, 9)).save(f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}")
    names = ["L.png", "RGBA.png", "P.png", "1.png", "CMYK.jpg"]
    done = imgclf("predict", "run", *names, "--format", "json")
    assert [one["image"] for one in done.json["predictions"]] == names
    for one in done.json["predictions"]:
        assert list(one["scores"].values()) == sorted(one["scores"].values(), reverse=True)
        assert one["class"] == next(iter(one["scores"]))
        assert sum(one["probabilities"].values()) == pytest.approx(1)


def test_predict_writes_csv_and_a_table(imgclf, trained, pictures):
    file = pictures / "test" / "cat" / "0.png"
    one = imgclf("predict", "run", file, "--format", "json").json["predictions"][0]
    rows = list(csv.DictReader(io.StringIO(imgclf("predict", "run", file, "--format", "csv").out)))
    assert [row["class"] for row in rows] == list(one["scores"])
    assert [float(row["score"]) for row in rows] == list(one["scores"].values())
    assert len(imgclf("predict", "run", file, "--top-k", 1).out.splitlines()) == 2


def test_an_unreadable_image_does_not_hide_the_others(imgclf, trained, pictures):
    Path("bad.png").write_text("no image")
    file = pictures / "test" / "cat" / "0.png"
    done = imgclf("predict", "run", "bad.png", file, "absent.png", "--format", "json")
    assert done.code == 3
    assert [one["image"] for one in done.json["predictions"]] == [str(file)]
    assert len(done.err.splitlines()) == 2
    assert "bad.png" in done.err
    assert "absent.png" in done.err


def test_predict_has_the_scores_of_eval_however_many_threads_blas_would_take(imgclf, tmp_path):
    imgclf("train", "-s", "train.epochs=1", "--no-plots", "--out", "run")
    model = load_model(Path("run/model.npz"))
    test = load_test(resolve().config, model.class_names)
    for i in range(20):
        Image.fromarray(test.pixels(np.array([i]))[0, :, :, 0]).save(f"{i}.png")
    with threadpool_limits(1, user_api="blas"):
        expected = score_images(model, test.pixels(np.arange(20)))
    with threadpool_limits(4, user_api="blas"):
        done = imgclf("predict", "run", *(f"{i}.png" for i in range(20)), "--format", "json")
    for row, one in enumerate(done.json["predictions"]):
        got = np.array([one["scores"][name] for name in model.class_names], np.float32)
        assert got.tobytes() == expected[row].tobytes()


def test_a_folder_of_one_class_can_be_evaluated(imgclf, trained, pictures):
    shutil.move(pictures / "test" / "dog", "alone/dog")
    seen = imgclf("eval", "run", "--data", "alone", "--json").json
    assert (seen["n"], seen["per_class"]["cat"]["recall"]) == (7, None)


def test_quiet_says_which_run_it_was(imgclf, trained):
    trained.rename("moved")
    assert imgclf("-q", "eval", "moved").out.splitlines()[-1] == "run        moved"


def test_quiet_still_says_which_split_it_was(imgclf, trained, pictures):
    assert "of 14 test images" in imgclf("-q", "eval", "run").out
    shutil.rmtree(pictures / "test")
    done = imgclf("-q", "eval", "run")
    assert "no test split" in done.out
    assert "val images" in done.out


def test_a_min_accuracy_that_is_no_number_is_refused(imgclf, trained):
    assert imgclf("eval", "run", "--min-accuracy", "nan").code == 2


def test_a_run_whose_config_is_damaged_is_a_run_error(imgclf, trained):
    (trained / "config.yaml").write_text("{")
    done = imgclf("eval", "run")
    assert done.code == 4
    assert done.err.count("\n") == 1


def test_a_name_that_is_not_utf8_is_still_json(imgclf, trained, pictures):
    name = os.fsdecode(b"caf\xe9.png")
    shutil.copy(pictures / "test" / "cat" / "0.png", name)
    assert imgclf("predict", "run", name, "--format", "json").json["predictions"][0]["image"] == name


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_predict_prints_nothing_where_nothing_could_be_read(imgclf, trained, form):
    done = imgclf("predict", "run", "absent.png", "--format", form)
    assert (done.code, done.out) == (3, "")


def test_a_value_far_too_large_is_named_and_not_scored(imgclf):
    imgclf("--version")
    X, y = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32), np.arange(60) % 3
    outlier = X[:6].copy()
    outlier[2, 1] = 3e38
    np.savez("data.npz", x_train=X, y_train=y, x_test=outlier, y_test=y[:6])
    options = ("-s", "data.source=npz", "-s", "data.path=data.npz", "-s", "preprocess.scale=1", "--no-plots")
    assert imgclf("train", *options, "-s", "model.loss=svm_squared", "--out", "run").code == 0
    done = imgclf("eval", "run")
    assert done.code == 3
    assert "far too large" in done.err
    np.savez("data.npz", x_train=X, y_train=y, x_val=outlier, y_val=y[:6])
    done = imgclf("train", *options, "-s", "model.loss=svm_squared", "--out", "other")
    assert done.code == 5
    assert "validation" in done.err
    assert len(Path("other/metrics.csv").read_text().splitlines()) == 1
    assert json.loads(Path("other/status.json").read_text()) == {"status": "diverged"}


@pytest.mark.parametrize("split", ["test", "val"])
def test_predictions_of_each_image_are_those_of_predict(imgclf, trained, pictures, split):
    seen = imgclf("eval", "run", "--split", split, "--out", "report", "--json").json
    rows = list(csv.DictReader(Path("report/predictions.csv").read_text().splitlines()))
    assert list(rows[0]) == ["example", "true", "predicted", "score", "margin", "probability"]
    assert len(rows) == seen["n"]
    paths = [row["example"] for row in rows]
    predictions = imgclf("predict", "run", *paths, "--format", "json").json["predictions"]
    counts = np.zeros((2, 2), int)
    for row, one in zip(rows, predictions, strict=True):
        first, second = one["scores"].values()
        assert row["predicted"] == one["class"]
        assert float(row["score"]) == pytest.approx(first, abs=1e-5)
        assert float(row["margin"]) == pytest.approx(first - second, abs=1e-5)
        assert float(row["probability"]) == pytest.approx(one["probabilities"][one["class"]], abs=1e-5)
        assert row["true"] == Path(row["example"]).parent.name
        counts[["cat", "dog"].index(row["true"]), ["cat", "dog"].index(row["predicted"])] += 1
    assert counts.tolist() == seen["confusion"]


def test_examples_without_a_file_have_the_number_of_their_row(imgclf):
    imgclf("--version")
    X, y = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32), np.arange(60) % 3
    np.savez("a.npz", X=X, y=y)
    given = ("-s", "data.source=npz", "-s", "data.path=a.npz", "-s", "model.loss=svm", "-s", "train.epochs=1")
    imgclf("train", *given, "--out", "run", "--no-plots")
    imgclf("eval", "run", "--split", "val", "--out", "report")
    rows = list(csv.DictReader(Path("report/predictions.csv").read_text().splitlines()))
    assert all(row["true"] == str(y[int(row["example"])]) and row["probability"] == "" for row in rows)
    assert len({row["example"] for row in rows}) == 6


def test_averages_and_mistakes_are_those_of_the_confusion_matrix(imgclf, trained):
    imgclf("train", "-s", "train.epochs=1", "--out", "mini", "--no-plots")
    seen = imgclf("eval", "mini", "--json").json
    counts = np.array(seen["confusion"])
    right, support, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    by_class = {"precision": right / predicted, "recall": right / support, "f1": 2 * right / (predicted + support)}
    for key, values in by_class.items():
        assert seen["macro"][key] == pytest.approx(values.mean())
        assert seen["weighted"][key] == pytest.approx(np.average(values, weights=support))
    assert seen["balanced_accuracy"] == pytest.approx((right / support).mean())
    assert seen["weighted"]["recall"] == pytest.approx(seen["accuracy"])
    wrong = counts - np.diag(right)
    assert [one["count"] for one in seen["most_confused"]] == sorted(wrong.ravel().tolist())[:-11:-1]
    for one in seen["most_confused"]:
        assert counts[seen["classes"].index(one["true"]), seen["classes"].index(one["predicted"])] == one["count"]


def test_averages_are_those_of_scikit_learn_also_of_classes_without_examples_or_never_predicted():
    from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support

    from imgclf.training.evaluation import Evaluation

    # The second is never predicted, the third has no example, the fourth neither.
    counts = np.array([[3, 0, 1, 0], [2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    true, predicted = (np.repeat(index, counts.ravel()) for index in np.divmod(np.arange(16), 4))
    pairs = np.flatnonzero(counts)
    seen = Evaluation(0.0, 0.0, PairCounts(pairs, counts.ravel()[pairs]), np.array([3, 3, 0, 0]))
    for name, average in seen.averages().items():
        expected = precision_recall_fscore_support(true, predicted, average=name, zero_division=0)[:3]
        assert tuple(average.values()) == pytest.approx(expected)
    with pytest.warns(UserWarning, match="classes not in y_true"):
        assert seen.balanced_accuracy == balanced_accuracy_score(true, predicted)
    assert seen.most_confused(5) == [(1, 0, 2), (0, 2, 1)]


@pytest.mark.parametrize("data", ["new", "new/img0.png"])
def test_images_without_labels_are_told_how_to_be_predicted(imgclf, refused, trained, pictures, data):
    Path("new").mkdir()
    shutil.copy(pictures / "test" / "cat" / "0.png", "new/img0.png")
    words = f"{data}: images without labels, which eval needs"
    done = refused(3, words, "eval", "run", "--data", data)
    predict = done.err.split("`")[1]
    assert predict == f"imgclf predict run {data}"
    assert imgclf(*shlex.split(predict)[1:]).code == 0
    refused(3, "no such file or folder", "eval", "run", "--data", "nowhere")
    Path("new/labels.csv").write_text("file,label\nimg0.png,elk\n")
    refused(3, "'elk' not among the classes", "eval", "run", "--data", "new")


@pytest.mark.parametrize(("options", "ending"), [
    ([], ""), (["-s", "data.val_fraction=0"], " --split train"),
    (["-s", "data.val_fraction=0", "-s", "data.test_fraction=0.5"], ""),
])  # fmt: skip
def test_the_command_that_train_names_evaluates(imgclf, pictures, options, ending):
    (pictures / "test").rename("elsewhere")
    done = imgclf("train", "pictures", *options, "-s", "train.epochs=1", "--no-plots", "--out", "run")
    command = next(line for line in done.out.splitlines() if line.startswith("next")).removeprefix("next   ")
    assert command == f"imgclf eval run{ending}"
    assert imgclf(*shlex.split(command)[1:]).code == 0


@pytest.mark.parametrize("form", ["arrays", "folder"])
def test_the_test_images_of_a_run_become_the_size_and_color_of_training_as_other_data_does(imgclf, form):
    rng = np.random.default_rng(0)
    if form == "arrays":
        images = rng.integers(0, 256, (60, 8, 6), dtype=np.uint8)
        test = rng.integers(0, 256, (9, 10, 10, 3), dtype=np.uint8)
        np.savez("data.npz", X=images, y=np.arange(60) % 3, X_test=test, y_test=np.arange(9) % 3)
    else:
        for split, sizes in (("train", [8] * 9), ("test", [10, 11, 10, 12])):
            for name in "abc":
                Path("data", split, name).mkdir(parents=True)
                for row, size in enumerate(sizes):
                    pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(Path("data", split, name, f"{row}.png"))
    data = "data.npz" if form == "arrays" else "data"
    assert imgclf("train", data, "-s", "train.epochs=2", "--no-plots", "--out", "r").code == 0
    own, other = (imgclf("eval", "r", *more, "--json") for more in ((), ("--data", data)))
    assert (own.code, other.code) == (0, 0), (own.err, other.err)
    assert {**own.json, "split": ""} == {**other.json, "split": ""}
    compared = imgclf("compare", "r", "r", "--split", "test", "--json")
    assert compared.code == 0, compared.err


def test_test_examples_of_other_features_are_not_called_changed(imgclf, refused):
    X, y = np.random.default_rng(0).normal(size=(60, 6)), np.arange(60) % 3
    np.savez("data.npz", X=X, y=y, X_test=X[:9, :5], y_test=y[:9])
    assert imgclf("train", "data.npz", "-s", "train.epochs=1", "--no-plots", "--out", "r").code == 0
    done = refused(3, "examples of 5 features, the model takes 6 features - give it the same features", "eval", "r")
    assert "changed" not in done.err


def test_feature_vectors_are_called_examples(imgclf, refused):
    X, y = np.random.default_rng(0).normal(size=(60, 6)), np.arange(60) % 3
    np.savez("data.npz", X=X, y=y)
    assert imgclf("train", "data.npz", "-s", "train.epochs=1", "--no-plots", "--out", "r").code == 0
    done = imgclf("eval", "r", "--data", "data.npz")
    assert "the run was trained on most of these examples; --split val evaluates the others" in done.err
    np.savez("data.npz", X=X[:59], y=y[:59])
    refused(3, "the examples have changed since the run began: 60 examples then, 59 now", "eval", "r", "--split", "val")
