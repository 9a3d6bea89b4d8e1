"""`imgclf grade`: grade the functions of many students."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, fold, table
from imgclf.cli.options import PATH, json_option
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError, plural

if TYPE_CHECKING:
    from imgclf.grading.grade import Grade

SHOWN = 20  # mistakes


@click.command("grade", cls=Command, short_help="Grade the loss functions of many students.")
@click.argument("directory", type=PATH, metavar="DIR")
@click.option("--exercise", "names", multiple=True, metavar="NAME",
              help="Grade this exercise, or all that begin with NAME-; may be repeated (default: all).")  # fmt: skip
@click.option("--spec", type=PATH, metavar="FILE", help="YAML file of your own exercises (default: those of imgclf).")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
              help="Functions to check at the same time. The grades are the same.")  # fmt: skip
@click.option("--hints", type=click.Choice(["none", "where", "why"]), default="why", show_default=True,
              help="What students are told: the verdict alone, also where a mistake is, or also why.")  # fmt: skip
@click.option("--out", type=PATH, metavar="DIR",
              help="Write grades.csv, and students/NAME/results.json for Gradescope.")  # fmt: skip
@click.option("--starter", is_flag=True, help="Write imgclf's exercises, solutions and their spec into DIR, and stop.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, directory: Path, names: tuple[str, ...], spec: Path | None, jobs: int, hints: str,
    out: Path | None, starter: bool, as_json: bool,
) -> None:  # fmt: skip
    """Grade the functions f(W, X, y, reg) -> (loss, dW) in DIR, a folder or a .py file for each student.

    \b
    imgclf grade course --starter                six exercises, each with starter and solution
    imgclf grade submissions --jobs 2 --out grades
    imgclf grade submissions --exercise svm --hints none --out grades

    Each function runs in processes of its own, which end after 10 s a call, 60 s in all, or beyond 4 GB, and do not
    get environment variables that may hold secrets. But they run with your rights, and start as many processes as your
    system lets them (ulimit -u): unknown code belongs in a container.

    Exits with code 0 whatever the grades.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.files.writing import check_out, make_folder
    from imgclf.grading.grade import grade
    from imgclf.grading.results import write_results
    from imgclf.grading.spec import choose, read_spec, write_starters
    from imgclf.grading.submissions import NAMED, not_graded, submissions
    from imgclf.machine.progress import advancing

    console = Console(ctx, as_json=as_json)
    if starter:
        if names or spec or out:
            raise UsageError("--starter", "it grades nothing", "leave --exercise, --spec and --out out")
        written = write_starters(directory)
        console.result(f"written to {directory}: {', '.join(written)}")
        console.object({"out": str(directory), "written": written})
        return
    exercises = choose(read_spec(spec), names)
    students = submissions(directory)
    if left_out := not_graded(directory):
        listed = ", ".join(left_out[:NAMED]) + (", ..." if len(left_out) > NAMED else "")
        console.warn(f"{directory}: not graded: {listed}: a student is a folder or a .py file; unpack archives")
    if out is not None:
        check_out(out)
        make_folder(out)
    number = len(students) * len(exercises)
    console.say(f"{plural(len(students), 'student')}, {plural(len(exercises), 'exercise')}", "")
    advance = advancing("checking functions", number)
    grades: list[Grade] = []
    for one in grade(students, exercises, jobs, hints):
        grades.append(one)
        advance(1)
    _print(console, grades, list(exercises))
    if out is not None:
        write_results(out, grades)
        console.say("", f"written to {out}")
    else:
        console.say("", "next  with --out DIR: grades.csv, and a file for each student")
    console.object(_object(grades))


def _print(console: Console, grades: "list[Grade]", exercises: list[str]) -> None:
    from imgclf.grading.check import VERDICTS
    from imgclf.grading.results import mistakes

    students: dict[str, list[Grade]] = {}
    for one in grades:
        students.setdefault(one.student, []).append(one)
    rows = [
        [student, f"{sum(one.checked.verdict == 'right' for one in own)} of {len(own)}",
         f"{sum(one.points for one in own):g}", f"{sum(one.of for one in own):g}"]
        for student, own in students.items()
    ]  # fmt: skip
    console.result(*table(["student", "right", "points", "of"], rows), "")
    counts = Counter((one.exercise, one.checked.verdict) for one in grades)
    rows = [[name, *(str(counts[name, verdict]) for verdict in VERDICTS)] for name in exercises]
    console.result(*table(["exercise", *VERDICTS], rows))
    made = mistakes(grades)
    if made:
        console.result("", "students  mistake")
    for words, number in made[:SHOWN]:
        console.result(*fold(f"{number:>8}  ", words))
    if len(made) > SHOWN:
        console.result(f"{'':>8}  and {plural(len(made) - SHOWN, 'other')}")
    if cheats := sorted({one.student for one in grades if one.checked.uses_imgclf}):
        console.result("", *fold("note: ", f"these use imgclf itself: {', '.join(cheats)}"))


def _object(grades: "list[Grade]") -> dict[str, Any]:
    from imgclf.grading.results import HEADER, mistakes, row

    return {
        "grades": [dict(zip(HEADER, row(one), strict=True)) for one in grades],
        "mistakes": [{"mistake": words, "students": number} for words, number in mistakes(grades)],
    }
