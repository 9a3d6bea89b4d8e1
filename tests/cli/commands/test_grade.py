"""`imgclf grade`: whatever one student's code does, the others get their grades."""

import csv
import json
import re
import signal
import subprocess
import sys
import time

import pytest

from grading.submissions_of_all_kinds import (
    DAEMON,
    EXERCISES,
    KINDS,
    SOFTMAX,
    SPAWN,
    SVM,
    end_left_behind,
    left_behind,
    on_call,
    write_class,
)
from imgclf.grading import grade

SVM_ALONE = ("--exercise", EXERCISES[0])


@pytest.fixture
def graded(imgclf, tmp_path):
    """Grade submissions/ into a folder; return the rows of its table, seconds aside."""

    def run(out, *arguments):
        done = imgclf("grade", "submissions", "--out", out, *arguments)
        assert done.code == 0, done.err
        rows = list(csv.DictReader((tmp_path / out / "grades.csv").read_text().splitlines()))
        assert all(float(row.pop("seconds")) >= 0 for row in rows)
        return rows

    yield run
    left = left_behind()
    end_left_behind()
    assert not left


def told(tmp_path, out):
    """Return what the students of a folder are told, one text each."""
    return [path.read_text() for path in sorted((tmp_path / out / "students").rglob("*.*"))]


def test_grades_for_the_teacher_and_for_each_student(graded, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    (tmp_path / "submissions" / "anna").mkdir(parents=True)
    (tmp_path / "submissions" / "anna" / "linear_svm.py").write_text(SVM.replace("2 * reg * W", "reg * W"))
    (tmp_path / "submissions" / "bo.py").write_text(
        SVM + "\nimport os, imgclf\nassert 'SECRET_TOKEN' not in os.environ\n"
    )
    anna, bo = graded("grades", *SVM_ALONE, "--jobs", 2, "--hints", "none")
    assert (anna["student"], anna["verdict"], anna["points"], anna["of"]) == ("anna", "wrong", "4.0", "10.0")
    assert anna["finding"].startswith("penalty: the penalty is wrong in dW; gradient: ")
    assert "the penalty's gradient is half" in anna["advice"]
    assert (bo["student"], bo["verdict"], bo["points"], bo["uses_imgclf"]) == ("bo", "right", "10.0", "yes")
    anna, bo = map(json.loads, told(tmp_path, "grades"))
    assert (anna["score"], anna["tests"][0]["output"]) == (4, "wrong")
    assert (bo["score"], bo["tests"][0]["output"]) == (10, "right")


def test_a_table_and_an_object(imgclf, tmp_path):
    for name in ("anna", "bo"):
        (tmp_path / "submissions" / name).mkdir(parents=True)
    (tmp_path / "submissions" / "cy.zip").write_bytes(b"")
    done = imgclf("grade", "submissions", "--exercise", "softmax")
    assert done.code == 0
    assert "warning: submissions: not graded: cy.zip: a student is a folder or a .py file; unpack archives" in done.err
    assert re.search(r"^anna +0 of 2 +0 +20$", done.out, re.MULTILINE)
    assert re.search(r"^softmax-looped +0 +0 +0 +0 +2$", done.out, re.MULTILINE)
    assert re.search(r"^ +2  there is no softmax.py; there is no .py file$", done.out, re.MULTILINE)
    assert max(map(len, done.out.splitlines())) <= 80
    assert sorted(path.name for path in tmp_path.iterdir()) == ["submissions"]
    done = imgclf("grade", "submissions", "--exercise", "softmax-looped", "--json")
    assert [one["verdict"] for one in done.json["grades"]] == ["missing"] * 2
    assert done.json["mistakes"] == [{"mistake": "there is no softmax.py; there is no .py file", "students": 2}]


def test_what_cannot_be_graded_is_one_line(refused, imgclf, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "anna.py").write_text("")
    refused(2, "there is no such folder", "grade", "none")
    refused(2, "there are svm-looped", "grade", "full", "--exercise", "sv")
    refused(2, "not an empty folder", "grade", "full", "--out", "full")
    refused(2, "not an empty folder", "grade", "full", "--starter")
    refused(2, "it grades nothing", "grade", "new", "--starter", "--exercise", "svm")
    assert imgclf("grade", "new", "--starter").code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["exercises.yaml", "solution", "starter"]
    assert (tmp_path / "new" / "solution" / "softmax.py").read_text() == SOFTMAX


def verdicts_of(rows):
    verdicts = {}
    for row in rows:
        verdicts.setdefault(row["student"], []).append(row["verdict"])
    return verdicts


@pytest.mark.long
def test_nothing_stops_the_others(graded, tmp_path):
    kinds = ["endless", "memory", "exit", "daemons", "kills-parent"]
    right = write_class(tmp_path / "submissions", kinds)
    rows = graded("grades", *SVM_ALONE, "--jobs", 2)
    assert verdicts_of(rows) == {student: own[:1] for student, own in right.items()}
    assert len(list((tmp_path / "grades" / "students").iterdir())) == len(kinds)


@pytest.mark.long
def test_a_check_that_is_stopped_is_given_up(graded, tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "LONGEST", 8.0)
    body = on_call("import os, signal; os.kill(os.getppid(), signal.SIGSTOP)")
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "anna.py").write_text(body)
    assert [row["verdict"] for row in graded("grades", *SVM_ALONE)] == ["crashed"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_grader_that_is_stopped_leaves_no_process(tmp_path, number, code):
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "anna.py").write_text(on_call(f"{SPAWN}; {DAEMON}\n    while True: pass"))
    grader = subprocess.Popen([sys.executable, "-m", "imgclf", "grade", "submissions", *SVM_ALONE], cwd=tmp_path)
    while len(left_behind()) < 2:
        assert grader.poll() is None
    grader.send_signal(number)
    assert grader.wait() == code
    for _ in range(3000):
        if not left_behind():
            break
        time.sleep(0.02)
    assert not left_behind()


@pytest.mark.slow
def test_any_number_of_jobs_gives_the_same_grades_whatever_students_are_told(graded, tmp_path):
    write_class(tmp_path / "submissions", ["factor", "raises", "no-file"])
    one, three = graded("one", *SVM_ALONE), graded("three", *SVM_ALONE, "--jobs", 3, "--hints", "where")
    assert one == three
    why, where = told(tmp_path, "one")[0], told(tmp_path, "three")[0]
    assert "advice: the penalty's gradient is half" in why
    assert "gradient: at random W, reg > 0: dW is wrong" in where
    assert "advice" not in where
    assert "ours" not in where


@pytest.mark.long
@pytest.mark.parametrize("hints", ["none", "why"])
def test_a_class_of_forty(graded, tmp_path, hints):
    right = write_class(tmp_path / "submissions", KINDS, copies=2)
    chosen = [word for name in EXERCISES for word in ("--exercise", name)]
    rows = graded("two", *chosen, "--hints", hints, "--jobs", 2)
    assert len(rows) == 80
    assert verdicts_of(rows) == dict(sorted(right.items()))
    assert graded("three", *chosen, "--hints", hints, "--jobs", 3) == rows
    if hints == "none":
        for text in told(tmp_path, "two"):
            assert {test["output"] for test in json.loads(text)["tests"]} <= {"right", "wrong", "crashed", "missing"}
