"""Grade all functions of all students, several at a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import NamedTuple

from imgclf.gradcheck.student.process import START, environment
from imgclf.grading.check import LIMITS, Checked
from imgclf.grading.spec import Exercise
from imgclf.grading.submissions import Submission
from imgclf.machine.orphans import adopting

LONGEST = LIMITS.seconds + START  # seconds of a check, whose function has limits of its own
PATIENCE = 5.0  # seconds for a check that is stopped to end


class Grade(NamedTuple):
    """A student's grade in one exercise."""

    student: str
    exercise: str
    checked: Checked
    points: float
    of: float
    seconds: float


def grade(students: Sequence[Submission], exercises: Mapping[str, Exercise], jobs: int, hints: str) -> Iterator[Grade]:
    """Yield the grades, by student and exercise; the same for any number of jobs, seconds aside.

    jobs: functions that are checked at the same time. hints: one of HINTS, for what students are told.
    """
    running: set[subprocess.Popen[bytes]] = set()
    tasks = [(student, name) for student in students for name in exercises]

    def work(task: tuple[Submission, str]) -> Grade:
        student, name = task
        began = time.perf_counter()
        checked = _checked(student, exercises[name], hints, running)
        points = _points(exercises[name], checked)
        return Grade(student.student, name, checked, points, exercises[name].points, time.perf_counter() - began)

    with adopting():
        pool = ThreadPoolExecutor(jobs)
        try:
            yield from pool.map(work, tasks)
        finally:  # also when the user stops it
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.terminate()  # it ends what it has started
            for process in list(running):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                process.kill()
            pool.shutdown()


def _points(exercise: Exercise, checked: Checked) -> float:
    if checked.verdict == "right":
        return exercise.points
    return sum((points for name, points in exercise.findings.items() if name in checked.passed), 0.0)


def _checked(student: Submission, exercise: Exercise, hints: str, running: set["subprocess.Popen[bytes]"]) -> Checked:
    path = student.file_of(exercise)
    if isinstance(path, str):
        return Checked("missing", findings=[("answer", path)], told=[path] if hints != "none" else [])
    arguments = [str(os.getpid()), str(path.absolute()), exercise.function, exercise.loss, hints]
    # What the function writes into the current or the temporary folder is removed with it.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", "imgclf.grading.check", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment() | {"TMPDIR": folder},
            start_new_session=True,
        )
        running.add(process)
        try:
            output, _ = process.communicate(timeout=LONGEST)
            return Checked(*json.loads(output))
        except (subprocess.TimeoutExpired, ValueError, TypeError):
            pass  # the function has stopped or killed its checker
        finally:
            process.kill()
            with process:  # closes its output, whoever else has that open
                running.discard(process)
    reason = f"{exercise.function} stops the process that checks it"
    return Checked("crashed", findings=[("answer", reason)], told=[reason] if hints != "none" else [])
