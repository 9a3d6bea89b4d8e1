from pathlib import Path
from types import SimpleNamespace

import pytest

from imgclf.config import resolve
from imgclf.errors import DataError
from imgclf.report import pictures
from imgclf.report.pictures import PAGE, PICTURES, Picture, draw_run, pictures_of
from imgclf.report.shown_run import read_run
from imgclf.report.style import png_bytes
from imgclf.run.session import train_run

OF_IMAGES = {"templates.png", "steps.png", "errors.png"}
OF_RESULTS = {"errors.png", "confusion_matrix.png", "confusion_matrix.csv", "report.html"}


def run(classes=10, *, is_image=True, is_finished=True, features=None):
    chosen = features and SimpleNamespace(kind=SimpleNamespace(drawing=features.get("drawing")))
    preprocess = SimpleNamespace(is_image=is_image)
    model = SimpleNamespace(preprocess=preprocess, features=chosen, class_names=("a",) * classes)
    return SimpleNamespace(model=model, directory=Path(), evaluate=print if is_finished else None)


@pytest.mark.parametrize(
    ("drawn", "without"),
    [
        (run(2000), {"features.png"}),
        (run(2000, is_image=False), OF_IMAGES | {"features.png"}),
        (run(2000, is_image=False, features={"drawing": "a grid"}), OF_IMAGES),
        (run(2000, is_image=False, features={"kind": "of a learner"}), OF_IMAGES | {"features.png"}),
        (run(2001), {*PICTURES} - {"curves.png", "report.html"}),
        (run(is_finished=False), OF_RESULTS | {"features.png"}),
        (run(is_image=False, is_finished=False), {*PICTURES} - {"curves.png"}),
    ],
)
def test_a_run_has_the_pictures_that_can_be_drawn_of_it(tmp_path, monkeypatch, drawn, without):
    """Feature vectors have no templates, many classes only curves and a page, an unfinished run no results.

    Features have a picture if it is known how to draw them.
    """
    monkeypatch.chdir(tmp_path)
    Path("path.npz").touch()
    assert pictures_of(drawn) == [name for name in PICTURES if name not in without]


def test_without_a_path_there_are_no_steps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "steps.png" not in pictures_of(run())


def test_pictures_and_page_have_the_bytes_that_each_has_alone(tmp_path):
    config = resolve(
        (), ("data.source=synthetic", "data.options={classes: 3, size: 6, channels: 1, train: 300}")
    ).config
    directory = train_run(config, tmp_path / "run", threads=1).directory
    shown = read_run(directory, config, "")
    draw_run(shown, pictures_of(shown))
    for name in pictures_of(shown):
        content = PICTURES[name].draw(shown)
        drawn = content.encode() if isinstance(content, str) else content
        assert (directory / name).read_bytes() == (drawn if isinstance(drawn, bytes) else png_bytes(drawn))


@pytest.mark.parametrize("lacks", ["curves.png", PAGE])
def test_what_cannot_be_drawn_is_said_and_the_others_are_there(tmp_path, monkeypatch, lacks):
    def fail(_):
        raise DataError(lacks, "gone")

    pages = {name: Picture(lambda _, name=name: name) for name in ("curves.png", PAGE, "other.png")}
    monkeypatch.setattr(pictures, "PICTURES", pages | {lacks: Picture(fail)})
    shown = SimpleNamespace(directory=tmp_path, prepare=lambda: fail(None))
    with pytest.raises(DataError, match=f"{lacks}: gone"):
        draw_run(shown, list(pages))
    assert {path.name for path in tmp_path.iterdir()} == {*pages} - {lacks}


def test_a_bug_of_the_page_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PICTURES", {PAGE: Picture(lambda _: 1 / 0)})
    with pytest.raises(ZeroDivisionError):
        draw_run(SimpleNamespace(directory=tmp_path, prepare=lambda: None), [PAGE])
