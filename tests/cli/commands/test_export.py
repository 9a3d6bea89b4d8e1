"""`imgclf export` as a user calls it."""

import re
import sys
from pathlib import Path

import pytest

from imgclf.cli.commands.export import FORMATS
from imgclf.export import formats

FILES = {
    "onnx": ["README.md", "model.onnx"],
    "safetensors": ["README.md", "model.safetensors", "preprocess.safetensors"],
}


def test_the_formats_of_the_command_are_those_there_are():
    assert list(FORMATS) == list(formats.FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_it_writes_the_model_and_its_card_and_says_so(imgclf, run, form):
    done = imgclf("export", "run", "--format", form, "--out", "new/model")
    assert done.code == 0, done
    assert sorted(path.name for path in Path("new/model").iterdir()) == FILES[form]
    said = dict(re.findall(r"^(new/model/\S+) +([\d,]+)$", done.out, re.MULTILINE))
    assert said == {str(path): f"{path.stat().st_size:,}" for path in Path("new/model").iterdir()}
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert not done.err


def test_the_picture_of_the_run_is_shown_on_its_card(imgclf, run):
    (run / "templates.png").write_bytes(b"a picture")
    assert imgclf("export", "run", "--format", "onnx", "--out", "model").code == 0
    assert Path("model/templates.png").read_bytes() == b"a picture"
    assert "](templates.png)" in Path("model/README.md").read_text()


def test_after_eval_the_card_has_the_accuracy_on_test_images(imgclf, run):
    ending = ("--format", "onnx", "--out")
    assert "imgclf eval run\n" in imgclf("export", "run", *ending, "before").out
    accuracy = imgclf("eval", "run", "--json").json["accuracy"]
    assert "imgclf eval" not in imgclf("export", "run", *ending, "after").out
    assert f"**{100 * accuracy:.1f} % of 1,000 test images are right" in Path("after/README.md").read_text()
    assert "test images are right" not in Path("before/README.md").read_text()


def test_by_default_it_is_the_newest_finished_run(imgclf, run):
    Path("runs").mkdir()
    run.rename("runs/a")
    assert "runs/a: softmax" in imgclf("export", "--format", "onnx", "--out", "model").out


def test_nothing_of_the_users_is_overwritten(refused, run):
    Path("model").mkdir()
    Path("model/README.md").write_text("mine")
    refused(2, "is not an empty folder", "export", "run", "--format", "onnx", "--out", "model")
    assert [path.read_text() for path in Path("model").iterdir()] == ["mine"]


@pytest.mark.parametrize(("package", "form"), [("onnx", "onnx"), ("safetensors", "safetensors")])
def test_a_missing_package_is_one_line_and_nothing_is_written(refused, run, monkeypatch, package, form):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    refused(2, f"{package} is not installed - pip install 'imgclf[export]'",
            "export", "run", "--format", form, "--out", "model")  # fmt: skip
    assert not Path("model").exists()


def test_a_model_with_features_is_one_line_and_nothing_is_written(imgclf, refused, small):
    hog = ("-s", "features.name=hog", "-s", "schedule.step_size=0.01")
    assert imgclf("train", *small, *hog, "--out", "run").code == 0
    refused(2, "features (hog) that only imgclf computes", "export", "run", "--format", "onnx", "--out", "model")
    assert not Path("model").exists()


def test_a_model_file_and_a_run_without_figures_are_refused(refused, run):
    ending = ("--format", "onnx", "--out", "model")
    refused(2, "not a run directory", "export", run / "model.npz", *ending)
    (run / "metrics.json").unlink()
    refused(4, "no metrics.json", "export", "run", *ending)
    (run / "model.npz").unlink()
    refused(4, "no model.npz", "export", "run", *ending)
    refused(4, "no finished run", "export", *ending)
    assert not Path("model").exists()


def test_format_and_out_are_asked_for(refused, run):
    refused(2, "--format", "export", "run", "--out", "model")
    refused(2, "--out", "export", "run", "--format", "onnx")
    refused(2, "pickle", "export", "run", "--format", "pickle", "--out", "model")
