from pathlib import Path
from types import SimpleNamespace

import pytest

from imgclf.report.pictures import PICTURES, pictures_of

OF_IMAGES = {"templates.png", "steps.png", "errors.png"}
OF_RESULTS = {"errors.png", "confusion_matrix.png", "confusion_matrix.csv", "report.html"}


def run(classes=10, *, is_image=True, is_finished=True):
    model = SimpleNamespace(preprocess=SimpleNamespace(is_image=is_image), class_names=("a",) * classes)
    return SimpleNamespace(model=model, directory=Path(), evaluate=print if is_finished else None)


@pytest.mark.parametrize(
    ("drawn", "without"),
    [
        (run(2000), set()),
        (run(2000, is_image=False), OF_IMAGES),
        (run(2001), {*PICTURES} - {"curves.png", "report.html"}),
        (run(is_finished=False), OF_RESULTS),
        (run(is_image=False, is_finished=False), {*PICTURES} - {"curves.png"}),
    ],
)
def test_a_run_has_the_pictures_that_can_be_drawn_of_it(tmp_path, monkeypatch, drawn, without):
    """Feature vectors have no templates, many classes only curves and a page, an unfinished run no results."""
    monkeypatch.chdir(tmp_path)
    Path("path.npz").touch()
    assert pictures_of(drawn) == [name for name in PICTURES if name not in without]


def test_without_a_path_there_are_no_steps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "steps.png" not in pictures_of(run())
