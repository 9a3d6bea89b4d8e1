"""The model card is true: its code predicts what imgclf predicts, and its figures are the run's."""

import json
import math
import re
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import ExifTags, Image

from exported_models import NAMES, make
from imgclf.config import resolve
from imgclf.errors import RunError, UsageError
from imgclf.export.card import card
from imgclf.export.formats import FORMATS
from imgclf.report.run_facts import Counts
from imgclf.run.looks import OnTest
from imgclf.run.model_file import load_model
from pages import blocks

SHORT = ("-s", "train.epochs=2", "--no-plots", "--out", "run")
PHOTOS = ("-s", "data.source=folder", "-s", "data.path=photos", "-s", "data.val_fraction=0.25", *SHORT)
COLOR = (*PHOTOS, "-s", "preprocess.color=rgb")
RUNS = {  # what training is told, and what the model takes
    "gray": (("-s", "data.limit=300", *SHORT), "photos"),
    "color, squashed": ((*COLOR, "-s", "preprocess.image_size=20"), "photos"),
    "color, cut": ((*COLOR, "-s", "preprocess.image_size=20", "-s", "preprocess.resize=crop"), "photos"),
    "color, padded": ((*COLOR, "-s", "preprocess.image_size=19", "-s", "preprocess.resize=pad"), "photos"),
    "made gray, unit length": (
        (*PHOTOS, "-s", "preprocess={image_size: 12, color: gray, norm: l2}", "-s", "model.loss=svm"),
        "photos",
    ),
    "color, not square": (("-s", "data.source=folder", "-s", "data.path=same", *SHORT), "photos"),
    "vectors": (("vectors.npz", *SHORT), "vectors"),
    "vectors, float64": (("vectors.npz", "-s", "train.dtype=float64", "-s", "preprocess.norm=l2", *SHORT), "vectors"),
}
PAGE = Path(__file__).parents[2] / "docs" / "export.md"
FORMS = ["onnx", pytest.param("safetensors", marks=pytest.mark.torch)]


@pytest.fixture(name="data")
def data_fixture(tmp_path):
    """Photos of two classes, of many sizes; and vectors."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            height, width = rng.integers(9, 60, 2)
            coarse = rng.integers(0, 200, (4, 5, 3), dtype=np.uint8) + np.uint8(50 * (name == "dog"))
            photo = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
            kept = photo.convert("L") if number == 7 else photo
            exif = kept.getexif()
            exif[ExifTags.Base.Orientation] = 6 if number == 6 else 1
            kept.save(tmp_path / "photos" / name / f"{number}.png", exif=exif)
            (tmp_path / "same" / name).mkdir(parents=True, exist_ok=True)
            photo.resize((24, 15)).save(tmp_path / "same" / name / f"{number}.png")
    X = rng.standard_normal((60, 7)).astype(np.float32) * 10.0 ** np.arange(7) + 3
    np.savez(tmp_path / "vectors.npz", X=X, y=np.arange(60) % 3)
    np.save(tmp_path / "features.npy", X[:20].astype(np.float64))


def run_code(text, folder, monkeypatch):
    """Run the code on a card in its folder; return what it printed, and its variables."""
    (code,) = (content for language, content in blocks(text) if language == "python")
    variables = {}
    with monkeypatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.chdir(folder)
        exec(compile(code, "README.md", "exec"), variables)
    if "linear" in variables:
        variables["scores"] = variables["linear"](variables["x"]).detach().numpy()
    return out.getvalue(), np.atleast_2d(variables["scores"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", RUNS)
def test_its_code_predicts_what_imgclf_predicts(name, form, imgclf, data, monkeypatch):
    arguments, kind = RUNS[name]
    trained = imgclf("train", *arguments)
    assert trained.code == 0, trained
    assert imgclf("export", "run", "--format", form, "--out", "model").code == 0
    text = Path("model/README.md").read_text(encoding="utf-8")
    class_names = load_model(Path("run/model.npz")).class_names
    given = sorted(Path("photos").rglob("*.png")) if kind == "photos" else [Path("features.npy")]
    for path in given:
        Path("model", "image.png" if kind == "photos" else path.name).write_bytes(path.read_bytes())
        printed, scores = run_code(text, "model", monkeypatch)
        predicted = imgclf("predict", "run", path, "--format", "json").json["predictions"]
        classes = [one["class"] for one in predicted]
        assert printed == f"{classes[0] if kind == 'photos' else classes}\n"
        expected = np.array([[one["scores"][class_name] for class_name in class_names] for one in predicted])
        assert np.abs(scores - expected).max() <= 1e-4


def test_its_figures_are_those_of_the_run(imgclf):
    assert imgclf("train", "-s", "data.limit=300", *SHORT).code == 0
    assert imgclf("export", "run", "--format", "onnx", "--out", "model").code == 0
    text = Path("model/README.md").read_text(encoding="utf-8")
    val = json.loads(Path("run/metrics.json").read_text())["val"]
    p, n, z = val["accuracy"], val["n"], 1.959964
    center, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (100 * (center + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    interval = f"95 % interval {low:.1f} % to {high:.1f} %"
    assert f"**{100 * p:.1f} % of {n} validation images are right ({interval}).**" in text
    head = yaml.safe_load(text.split("---\n")[1])
    (result,) = head["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": pytest.approx(p, abs=1e-4)}]
    assert result["dataset"]["split"] == "val"
    assert head["tags"] == ["imgclf", "linear-classifier", "onnx"]
    assert "license" not in head


def test_each_class_has_its_recall():
    exported, _ = make()
    counts = np.arange(10)
    facts = replace(exported.facts, seen=Counts(counts, np.where(counts == 3, 0, 2 * counts), counts))
    rows = re.findall(
        r"^\| (\d+) \| .* \| (.*?) \|$", card(replace(exported, facts=facts), "onnx").decode(), re.MULTILINE
    )
    recalls = {int(number): recall for number, recall in rows}
    assert (recalls[1], recalls[9]) == ("50.0 % of 2", "50.0 % of 18")
    assert recalls[0] == recalls[3] == "-"


def test_its_config_repeats_the_run_and_names_no_folder_of_the_machine(imgclf, data, tmp_path):
    assert imgclf("train", *COLOR, "-s", "preprocess.image_size=9").code == 0
    assert imgclf("export", "run", "--format", "onnx", "--out", "model").code == 0
    text = Path("model/README.md").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    (config,) = (content for language, content in blocks(text) if language == "yaml")
    Path("card.yaml").write_text(config)
    assert imgclf("train", "-c", "card.yaml", "--no-plots", "--out", "again").code == 0
    assert Path("again/model.npz").read_bytes() == Path("run/model.npz").read_bytes()


def test_without_a_validation_split_it_says_so():
    exported, _ = make()
    text = card(replace(exported, facts=replace(exported.facts, val=None)), "onnx").decode()
    assert "**87.5 % of 2,000 training images are right, on which it was trained.**" in text
    assert "fewer will be right" in text
    assert "95 % interval " not in text.replace("| 95 % interval |", "")


@pytest.mark.parametrize(("look", "words"), [(1, "evaluated once."), (7, "evaluated 7 times: what was chosen by it")])
def test_a_result_on_test_images_comes_first(look, words):
    exported, _ = make()
    text = card(replace(exported, test=OnTest(30, 40, look)), "onnx").decode()
    assert "**75.0 % of 40 test images are right (95 % interval 59.8 % to 85.8 %).**" in text
    assert "| test | 40 | 75.0 % | 59.8 % to 85.8 % |" in text
    assert words in text
    (result,) = yaml.safe_load(text.split("---\n")[1])["model-index"][0]["results"]
    assert (result["dataset"]["split"], result["metrics"][0]["value"]) == ("test", 0.75)


def test_it_says_that_early_stopping_chose_by_the_same_images():
    exported, _ = make()
    config = resolve((), ["early_stopping={monitor: val/accuracy}"]).config
    assert "early stopping" not in card(exported, "onnx").decode()
    assert "(early stopping)" in card(replace(exported, facts=replace(exported.facts, config=config)), "onnx").decode()


@pytest.mark.parametrize("form", ["onnx", "safetensors"])
def test_a_class_name_is_a_cell_of_the_table_whatever_is_in_it(form):
    text = card(make()[0], form).decode()
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(len(NAMES)))
    for (_, cell), name in zip(rows, NAMES, strict=True):
        assert re.sub(r"\\(.)", r"\1", cell) == name
        assert not re.search(r"(?<!\\)[|<`*]", cell)


@pytest.mark.parametrize("form", ["onnx", "safetensors"])
def test_the_page_shows_the_code_of_the_card(form):
    assert ("python", f"{FORMATS[form].code(make()[0])}\n") in blocks(PAGE.read_text(encoding="utf-8"))


def test_many_classes_are_folded_up():
    exported, _ = make()
    names = tuple(f"class {number}" for number in range(100))
    weights = np.zeros((exported.model.preprocess.size + 1, 100), np.float32)
    many = replace(exported, model=replace(exported.model, weights=weights, class_names=names))
    text = card(many, "onnx").decode()
    assert "<details><summary>100 classes</summary>\n\n| number" in text
    assert "| 99 | class 99 |\n\n</details>" in text


def test_a_run_without_figures_has_no_card():
    exported, _ = make()
    with pytest.raises(RunError, match="there is no metrics"):
        card(replace(exported, facts=replace(exported.facts, train=None)), "onnx")


def test_a_model_with_features_is_refused():
    from imgclf.data.features.fitted import Features

    exported, _ = make()
    features = Features("hog", {}, (28, 28, 1))
    preprocess = replace(exported.model.preprocess, example_shape=(features.size,), mean=None, std=None)
    weights = np.zeros((features.size + 1, len(NAMES)), np.float32)
    model = replace(exported.model, weights=weights, preprocess=preprocess, features=features)
    with pytest.raises(UsageError, match=r"features \(hog\) that only imgclf computes"):
        replace(exported, model=model)
