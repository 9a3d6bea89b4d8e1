"""Write grades as CSV, and for Gradescope."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgclf.files.csv_text import Cell, csv_text
from imgclf.files.writing import translate_os_errors, write_json, write_whole
from imgclf.grading.grade import Grade

HEADER = ["student", "exercise", "verdict", "points", "of", "finding", "advice", "seconds", "uses_imgclf"]
STUDENTS = "students"


def row(grade: Grade) -> list[Cell]:
    """Return the row of a grade."""
    checked = grade.checked
    finding = "; ".join(f"{name}: {reason}" for name, reason in checked.findings)
    advice = "; ".join(checked.advice)
    uses = "yes" if checked.uses_imgclf else "no"
    student, exercise, seconds = grade.student, grade.exercise, round(grade.seconds, 2)
    return [student, exercise, checked.verdict, grade.points, grade.of, finding, advice, seconds, uses]


def mistakes(grades: Sequence[Grade]) -> list[tuple[str, int]]:
    """Return how many students made which mistake, in words of the advice, else of the first finding; most first."""
    who: defaultdict[str, set[str]] = defaultdict(set)
    for grade in grades:
        checked = grade.checked
        for words in checked.advice or [reason for _, reason in checked.findings[:1]]:
            who[words].add(grade.student)
    return sorted(((words, len(those)) for words, those in who.items()), key=lambda one: (-one[1], one[0]))


def gradescope(grades: Sequence[Grade]) -> dict[str, Any]:
    """Return the results of one student in the format of Gradescope."""
    return {
        "score": sum(grade.points for grade in grades),
        "tests": [
            {
                "name": grade.exercise,
                "score": grade.points,
                "max_score": grade.of,
                "status": "passed" if grade.checked.verdict == "right" else "failed",
                "output": "\n".join([grade.checked.verdict, *grade.checked.told]),
            }
            for grade in grades
        ],
    }


def write_results(out: Path, grades: Sequence[Grade]) -> None:
    """Write grades.csv and students/NAME/results.json into a folder."""
    by_student: defaultdict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_student[grade.student].append(grade)
    for student, own in by_student.items():
        folder = out / STUDENTS / student
        with translate_os_errors(folder):
            folder.mkdir(parents=True)
        write_json(folder / "results.json", gradescope(own))
    text = csv_text([HEADER, *map(row, grades)])
    write_whole(out / "grades.csv", text.encode(errors="surrogateescape"))
