"""A folder of submissions as it comes: folders and files, links and litter."""

import pytest

from imgclf.errors import UsageError
from imgclf.grading.spec import read_spec
from imgclf.grading.submissions import not_graded, submissions

EXERCISE = read_spec(None)["softmax-looped"]


def test_a_folder_or_a_file_is_a_student(tmp_path):
    for name in ("bo", "anna", ".git", "__pycache__", "cy.py", "dee.py"):
        (tmp_path / name).mkdir()
    for name in ("anna.py", "eve.py", "notes.txt", ".hidden.py"):
        (tmp_path / name).write_text("")
    assert [one.student for one in submissions(tmp_path)] == ["anna", "anna.py", "bo", "cy.py", "dee.py", "eve"]
    assert not_graded(tmp_path) == ["notes.txt"]


def test_the_file_of_an_exercise_is_found_or_what_is_there_is_said(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "softmx.py").write_text("")
    (tmp_path / "bo.py").write_text("")
    anna, bo = submissions(tmp_path)
    assert bo.file_of(EXERCISE) == tmp_path / "bo.py"
    assert anna.file_of(EXERCISE) == "there is no softmax.py; there is softmx.py"
    (tmp_path / "anna" / "softmax.py").symlink_to(tmp_path / "bo.py")
    assert anna.file_of(EXERCISE) == "softmax.py is a link that leads out of the folder"
    (tmp_path / "anna" / "softmax.py").unlink()
    (tmp_path / "anna" / "softmax.py").symlink_to("softmax.py")
    assert isinstance(anna.file_of(EXERCISE), str)


def test_a_file_in_folders_of_its_own_is_found_if_it_is_the_only_one(tmp_path):
    deep = tmp_path / "anna" / "assignment1" / "cs231n" / "classifiers"
    deep.mkdir(parents=True)
    (deep / "softmax.py").write_text("")
    for litter in ("__MACOSX", ".ipynb_checkpoints"):
        (tmp_path / "anna" / litter).mkdir()
        (tmp_path / "anna" / litter / "softmax.py").write_text("")
    (deep.parent / "softmax.py").symlink_to("/etc/hosts")
    (anna,) = submissions(tmp_path)
    assert anna.file_of(EXERCISE) == deep / "softmax.py"
    (tmp_path / "anna" / "old").mkdir()
    (tmp_path / "anna" / "old" / "softmax.py").write_text("")
    both = "assignment1/cs231n/classifiers/softmax.py, old/softmax.py"
    assert anna.file_of(EXERCISE) == f"there is no softmax.py; there is {both}"


def test_without_submissions_there_is_nothing_to_grade(tmp_path):
    with pytest.raises(UsageError, match="there are no submissions"):
        submissions(tmp_path)
    with pytest.raises(UsageError, match="there is no such folder"):
        submissions(tmp_path / "none")
