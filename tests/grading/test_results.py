"""The tables that a grader leaves, from grades made by hand."""

import csv
import json

from imgclf.grading.check import Checked
from imgclf.grading.grade import Grade
from imgclf.grading.results import HEADER, gradescope, mistakes, row, write_results

HALF = Checked("wrong", ["value"], [("gradient", "dW is wrong"), ("derivative", "no")], ["it is half"], ["a", "b"])
CRASH = Checked("crashed", findings=[("answer", "f raises")])
GRADES = [
    Grade("anna", "one", HALF, 4.0, 10.0, 1.234),
    Grade("anna", "two", HALF, 4.0, 10.0, 1.0),
    Grade("bo", "one", HALF, 4.0, 10.0, 1.0),
    Grade("bo", "two", CRASH, 0.0, 10.0, 1.0),
    Grade("=cy", "one", Checked("right", uses_imgclf=True), 10.0, 10.0, 0.5),
]


def test_a_row_is_a_grade():
    assert row(GRADES[0]) == [
        "anna", "one", "wrong", 4.0, 10.0, "gradient: dW is wrong; derivative: no", "it is half", 1.23, "no",
    ]  # fmt: skip
    assert row(GRADES[4])[-1] == "yes"


def test_a_mistake_counts_once_a_student():
    assert mistakes(GRADES) == [("it is half", 2), ("f raises", 1)]


def test_files_are_written_for_the_teacher_and_for_each_student(tmp_path):
    write_results(tmp_path, GRADES)
    rows = list(csv.reader((tmp_path / "grades.csv").read_text().splitlines()))
    assert rows[0] == HEADER
    assert [line[0] for line in rows[1:]] == ["anna", "anna", "bo", "bo", "'=cy"]  # no formula of a spreadsheet
    results = json.loads((tmp_path / "students" / "bo" / "results.json").read_text())
    assert results == gradescope(GRADES[2:4])
    assert results["score"] == 4
    assert results["tests"][0] == {
        "name": "one", "score": 4.0, "max_score": 10.0, "status": "failed", "output": "wrong\na\nb",
    }  # fmt: skip
