"""`imgclf lesson`: the list, a lesson, its picture, its answer, and what is refused."""

import pytest
from PIL import Image

from imgclf.lessons import LESSONS, batches, strategies

HEADS = ["predict", "question", "answer", "picture"]
SMALL = ("-s", "data.source=synthetic", "-s", "data.options={train: 300, val: 200, classes: 4, size: 6, noise: 60}")


def test_without_a_name_every_lesson_is_listed(imgclf):
    done = imgclf("lesson")
    assert [line.split()[0] for line in done.out.splitlines()[1 : 1 + len(LESSONS)]] == list(LESSONS)
    assert max(map(len, done.out.splitlines())) <= 80
    assert [one["name"] for one in imgclf("lesson", "--json").json["lessons"]] == list(LESSONS)


def test_a_lesson_asks_first_and_answers_on_demand(imgclf, tmp_path):
    done = imgclf("lesson", "step", *SMALL)
    assert done.code == 0, done.err
    assert done.out.startswith("predict     ")
    assert "\nquestion    " in done.out
    assert "\nanswer      " not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    with Image.open(tmp_path / "lessons" / "step" / "step.png") as picture:
        assert picture.format == "PNG"
    assert "\nanswer      " in imgclf("lesson", "step", "--answer", *SMALL).out
    assert sorted(path.name for path in (tmp_path / "lessons").iterdir()) == ["step", "step-2"]


def test_sentences_fit_a_narrow_terminal(imgclf, monkeypatch):
    monkeypatch.setattr("imgclf.cli.commands.lesson.room", lambda: 40)
    done = imgclf("lesson", "step", *SMALL, "--out", "here")
    predict, _, _ = done.out.partition("\n\n")
    question = done.out[done.out.index("question    ") :]
    assert max(map(len, (predict + "\n" + question).splitlines())) <= 40


def test_json_is_one_object_with_the_numbers(imgclf, tmp_path):
    done = imgclf("lesson", "step", *SMALL, "--json", "--out", "here")
    assert done.json["lesson"] == "step"
    assert 0 < done.json["best_random_slope"] < 1
    assert done.json["picture"] == "here/step.png"
    assert "predict" in done.err


def test_nothing_of_the_user_is_overwritten(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "step.png").write_bytes(b"mine")
    refused(2, "not an empty folder", "lesson", "step", "--out", "mine")
    assert (tmp_path / "mine" / "step.png").read_bytes() == b"mine"


def test_an_unknown_lesson_is_named_with_its_neighbor(refused):
    refused(2, "did you mean gradient?", "lesson", "gradeint")
    refused(2, "the lessons are step,", "lesson", "zzz")
    refused(2, "name one", "lesson", "--answer")


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_has_numbers_a_picture_and_an_answer_that_fit(imgclf, tmp_path, monkeypatch, name):
    for lesson in (batches, strategies):
        monkeypatch.setattr(lesson, "SECONDS", 0.02)
    done = imgclf("lesson", name, *SMALL, "--json", "--answer")
    assert done.code == 0, done.err
    assert done.json["lesson"] == name
    assert len(done.json) >= 3
    assert (tmp_path / done.json["picture"]).is_file()
    heads = [line.split()[0] for line in done.err.splitlines() if line[:1].isalpha() and line[10:12] == "  "]
    assert [head for head in heads if head in HEADS] == HEADS
    assert max(map(len, done.err.splitlines())) <= 80


@pytest.mark.long
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_on_the_embedded_images(imgclf, name):
    done = imgclf("lesson", name, "--answer")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
