"""What drawing raises costs a command its pictures and nothing else."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgclf.errors import DataError, StorageError
from imgclf.report.pictures import PICTURES, Picture
from imgclf.report.style import add_axes, class_labels, new_figure, png_bytes, styled
from imgclf.run.model_file import load_model

pytestmark = pytest.mark.slow

FEW = ("-s", "data.limit=200", "-s", "train.epochs=2", "--progress", "none")
ERRORS = [
    (RuntimeError("Could not determine home directory."), 6, "RuntimeError: Could not determine home directory."),
    (ImportError("no module named matplotlib"), 6, "ImportError: no module named matplotlib"),
    (ValueError("two\nlines \x1b[31m of " + "x" * 500), 6, "ValueError: two lines "),
    (OSError(28, "No space left on device"), 6, "No space left on device"),
    (MemoryError(), 6, "not enough memory"),
    (StorageError("run/curves.png", "no space left on device", "check the disk"), 6, "run/curves.png: no space left"),
    (DataError("data", "damaged"), 3, "data: damaged"),
]


@pytest.fixture(params=ERRORS, ids=lambda one: type(one[0]).__name__)
def drawing_fails(request, monkeypatch):
    error, code, words = request.param

    def fail(*_, **__):
        raise error

    for room in ("curves", "confusion", "class_grid", "step_curve"):
        monkeypatch.setattr(f"imgclf.report.{room}.new_figure", fail)
    return code, words


def said(done, code, words, what):
    assert done.code == code, done
    assert done.err.count("\n") == 1
    assert len(done.err) < 500
    assert "\x1b" not in done.err
    assert words in done.err
    assert what in done.err


def test_a_finished_run_says_its_results_first(imgclf, drawing_fails):
    done = imgclf("-q", "train", *FEW, "--out", "run")
    said(done, *drawing_fails, "run: the run is finished and saved; only its pictures are missing")
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert [line.split()[0] for line in done.out.splitlines()] == ["train", "val"]
    assert f"accuracy {100 * metrics['val']['accuracy']:.1f} %" in done.out
    assert json.loads(Path("run/status.json").read_text()) == {"status": "finished"}


def test_a_run_whose_drawing_failed_gets_its_pictures_on_resume(imgclf, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("imgclf.report.style.png_bytes", lambda _: 1 / 0)
        done = imgclf("train", *FEW, "--out", "run")
    said(done, 6, "ZeroDivisionError", "`imgclf train --resume run` draws them")
    assert imgclf("train", "--resume", "run").code == 0
    assert Path("run/curves.png").exists()


def test_eval_has_its_results_and_eval_json(imgclf, drawing_fails):
    assert imgclf("train", *FEW, "--no-plots", "--out", "run").code == 0
    done = imgclf("-q", "eval", "run", "--out", "report")
    said(done, *drawing_fails, "all is written but the picture of the confusion matrix")
    assert done.out.startswith("accuracy")
    assert {path.name for path in Path("report").iterdir()} == {
        "eval.json", "predictions.csv", "confusion_matrix.csv",
    }  # fmt: skip


@pytest.mark.slow
def test_gradcheck_has_its_verdict(imgclf, drawing_fails):
    options = ("-s", "model.loss=svm", "-s", "data.limit=100", "--images", "10")
    done = imgclf("-q", "gradcheck", *options, "--plot", "look")
    said(done, *drawing_fails, "the check is done; only its pictures are missing")
    assert "verdict: pass" in done.out


@pytest.mark.parametrize("quiet", [True, False])
def test_matplotlibs_own_warnings_are_silent_where_quiet_is_asked_for(imgclf, monkeypatch, quiet):
    log = logging.getLogger("matplotlib.font_manager")
    warns = []
    monkeypatch.setattr(logging.getLogger("matplotlib"), "level", logging.NOTSET)
    log.manager._clear_cache()
    monkeypatch.setattr("imgclf.report.pictures.draw_run", lambda *_: warns.append(log.isEnabledFor(logging.WARNING)))
    imgclf(*(["-q"] if quiet else []), "train", *FEW, "--out", "run")
    assert warns == [not quiet]


def biases(run):
    """Return a picture made by the recipe of CONTRIBUTING.md."""

    @styled()
    def draw(b, class_names):
        figure, top = new_figure("The bias of each class", "A class that is likely whatever the image.", 6, 2.5)
        axes = add_axes(figure, 1, top, 4.5, 2)
        axes.barh(class_labels(class_names, 0.7, 8), b)
        return figure

    return draw(run.model.weights[-1], run.model.class_names)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_picture_added_by_the_recipe_is_drawn_and_named_and_drawn_again(imgclf, monkeypatch, is_there):
    monkeypatch.setitem(PICTURES, "biases.png", Picture(biases, lambda model: is_there))
    done = imgclf("train", *FEW, "--out", "run")
    assert done.code == 0, done.err
    picture = Path("run/biases.png")
    assert picture.exists() == ("biases.png" in done.out) == is_there
    if is_there:
        expected = png_bytes(biases(SimpleNamespace(model=load_model(Path("run/model.npz")))))
        assert picture.read_bytes() == expected
        picture.unlink()
        assert "drawn  run\n       biases.png\n" in imgclf("train", "--resume", "run").out
        assert picture.read_bytes() == expected
