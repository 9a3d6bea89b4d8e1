"""Run directories: nothing is overwritten, every file is whole."""

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.errors import RunError, StorageError, UsageError
from imgclf.files.writing import json_bytes, write_json
from imgclf.run import run_dir
from interruption import interrupt


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def create(name, out=None):
    path, lock = run_dir.create(name, out, {"config.yaml": b""})
    lock.close()
    return path


def finished(name, started, status="finished"):
    path = create(name)
    run_dir.write_status(path, status)
    write_json(path / "environment.json", {"started": started})
    return path


def test_a_name_that_is_taken_gets_a_number():
    names = [create("cats") for _ in range(3)]
    assert names == [Path("runs/cats"), Path("runs/cats-2"), Path("runs/cats-3")]


@pytest.mark.parametrize("present", ["a file", "a folder that holds something"])
def test_out_that_exists_is_refused_and_left_alone(present):
    out = Path("out")
    if present == "a file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        create("cats", out)
    assert (out if out.is_file() else out / "mine").read_text() == "mine"


def test_out_may_be_absent_or_empty():
    Path("empty").mkdir()
    assert create("cats", Path("empty")) == Path("empty")
    assert create("cats", Path("new/deep")).is_dir()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # between its opening and its owner
@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.long)])
def test_a_signal_at_any_instruction_leaves_a_whole_directory_or_none_and_no_litter(every):
    create("cats")  # what is done the first time only is done
    found = []
    for number in itertools.count(1, every):
        shutil.rmtree(run_dir.RUNS)
        reached = interrupt(number, lambda: create("cats"))
        found.append(list(run_dir.RUNS.iterdir()) if run_dir.RUNS.exists() else [])
        assert found[-1] in ([], [Path("runs/cats")]), number
        assert all((path / "config.yaml").read_bytes() == b"" for path in found[-1]), number
        if not reached:
            break
        run_dir.RUNS.mkdir(exist_ok=True)
    assert found.count([]) > 500 / every  # interrupted before it had its name, and after
    assert found.count([Path("runs/cats")]) > 50 / every


def open_in(directory):
    """Return the files below a directory that this process has open."""
    paths = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [path for path in paths if directory.resolve() in path.parents]


@pytest.mark.parametrize("out", [None, Path("out")])
def test_no_file_in_a_directory_is_open_while_it_gets_its_name(monkeypatch, out):
    """Where one is, systems such as the disks of Windows under WSL do not rename."""
    rename, seen = Path.rename, []

    def watched(self, target):
        seen.append(open_in(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    path = create("cats", out)
    assert seen == [[]]
    assert sorted(file.name for file in path.iterdir()) == [".lock", "config.yaml"]


def test_where_there_are_no_locks_no_run_begins(monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    for out, where in ((None, "runs"), (Path("out"), "out")):
        with pytest.raises(StorageError, match=f"^{where}: the file system has no locks"):
            create("cats", out)
    assert [path.name for path in Path().iterdir()] == ["runs"]
    assert list(run_dir.RUNS.iterdir()) == []


def test_a_disk_that_is_full_still_has_the_true_status(monkeypatch):
    run_dir.write_status(Path(), "running")

    def full(path, *_):
        raise StorageError(path, "no space left on device")

    monkeypatch.setattr(run_dir, "write_json", full)
    run_dir.correct_status(Path(), "interrupted")
    assert run_dir.read_status(Path()) == "interrupted"
    run_dir.correct_status(Path(), "diverged")
    assert Path("status.json").read_bytes() == json_bytes({"status": "diverged"})
    with pytest.raises(StorageError):
        run_dir.write_status(Path(), "running")


def test_the_newest_finished_run_is_found_by_its_start():
    finished("b", "2026-01-02")
    newest = finished("a", "2026-01-03")
    finished("c", "2026-01-04", "running")
    (run_dir.RUNS / "stray").write_text("")
    assert run_dir.find_run(None) == newest


def test_no_run_is_an_error_of_its_own():
    with pytest.raises(RunError, match="no finished run"):
        run_dir.find_run(None)
    with pytest.raises(RunError, match="no such run"):
        run_dir.find_run(Path("nowhere"))


def test_a_table_is_read_back_to_the_bit():
    columns = ("epoch", "value", "nothing")
    rows = [{"epoch": 1, "value": 0.1 + 0.2, "nothing": None}, {"epoch": 2, "value": 1e-300, "nothing": None}]
    path = Path("table.csv")
    run_dir.start_table(path, columns)
    for row in rows:
        run_dir.append_row(path, columns, row)
    assert path.read_text() == "epoch,value,nothing\n1,0.30000000000000004,\n2,1e-300,\n"
    assert run_dir.read_table(path) == {"epoch": [1, 2], "value": [0.1 + 0.2, 1e-300], "nothing": [None, None]}


@pytest.mark.parametrize("raw", [
    b"", b"\n", b"a,b\n1\n", b"a,b\n1,2,3\n", b"a,a\n1,2\n", b"a\nx\n", b"a\n1\n2", b"\xff\n", b"a\0\n1\n",
    b"a\n" + b"9" * 200_000 + b"x\n", b"<!DOCTYPE html>\n<p>\n",
])  # fmt: skip
def test_what_is_no_whole_table_is_one_error(raw):
    Path("table.csv").write_bytes(raw)
    with pytest.raises(RunError, match=r"table\.csv: not a table of numbers") as caught:
        run_dir.read_table(Path("table.csv"))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_table_that_is_missing_or_no_file_is_an_error_without_waiting():
    os.mkfifo("pipe")
    for path in (Path("absent.csv"), Path("pipe"), Path()):
        with pytest.raises(RunError):
            run_dir.read_table(path)


def test_a_table_without_rows_has_its_columns():
    Path("table.csv").write_bytes(b"a,b\n")
    assert run_dir.read_table(Path("table.csv")) == {"a": [], "b": []}


def test_a_number_that_is_not_finite_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        write_json(Path("x.json"), {"loss": float("nan")})
    assert not Path("x.json").exists()


@given(st.text() | st.binary().map(os.fsdecode))
def test_json_of_any_name_reads_back(text):
    assert json.loads(json_bytes({text: [text]})) == {text: [text]}
