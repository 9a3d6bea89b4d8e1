"""One owner a run directory, and every run a directory of its own."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from imgclf import run_dir
from imgclf.errors import RunInUseError

FILES = {"config.yaml": b"seed: 0\n"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def child_of(function, *arguments):
    """Fork a child that ends with what function returns as its exit code; return its number."""
    pid = os.fork()
    if pid == 0:
        code = 99  # an error
        try:
            code = function(*arguments) or 0
        finally:
            os._exit(code)
    return pid


def children(number, function):
    """Call function(i) in so many forked children that begin at once; return their exit codes."""
    ready, go = os.pipe()

    def wait_and_call(i):
        os.close(go)
        os.read(ready, 1)  # until the parent closes its end
        return function(i)

    pids = [child_of(wait_and_call, i) for i in range(number)]
    os.close(ready)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_runs_that_begin_at_once_with_one_name_get_directories_of_their_own():
    def create(i):
        with closing(run_dir.create("cats", None, FILES | {"who": str(i).encode()})):
            pass

    assert children(40, create) == [0] * 40
    runs = list(Path("runs").iterdir())
    assert {path.name for path in runs} == {"cats", *(f"cats-{i}" for i in range(2, 41))}
    assert sorted(int((path / "who").read_text()) for path in runs) == list(range(40))


def test_of_many_that_want_one_directory_one_gets_it():
    def create(i):
        try:
            with closing(run_dir.create("", Path("out"), FILES | {"who": str(i).encode()})):
                pass
        except run_dir.UsageError:
            return 2

    codes = children(30, create)
    assert sorted(codes) == [0] + [2] * 29
    assert codes[int(Path("out/who").read_text())] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["out"]


def test_of_many_that_go_on_with_a_run_one_may():
    with closing(run_dir.create("", Path("out"), FILES)):
        pass
    held, wait = os.pipe()

    def own(_):
        try:
            with closing(run_dir.own(Path("out"))):
                os.close(wait)
                os.read(held, 1)  # keeps it until all the others have ended
        except RunInUseError:
            return 7

    pids = [child_of(own, i) for i in range(20)]
    ended = [os.waitpid(-1, 0) for _ in range(19)]
    assert {os.waitstatus_to_exitcode(status) for _, status in ended} == {7}
    os.close(wait)
    os.close(held)
    (owner,) = set(pids) - {pid for pid, _ in ended}
    assert os.waitstatus_to_exitcode(os.waitpid(owner, 0)[1]) == 0


def test_an_owner_that_is_killed_leaves_the_run_free():
    with closing(run_dir.create("", Path("out"), FILES)):
        pass
    told, tell = os.pipe()

    def own_for_ever():
        with closing(run_dir.own(Path("out"))):
            os.write(tell, b"x")
            signal.pause()

    pid = child_of(own_for_ever)
    os.read(told, 1)
    with pytest.raises(RunInUseError, match=f"in use by process {pid} since 20"):
        run_dir.own(Path("out"))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(told)
    os.close(tell)
    with closing(run_dir.own(Path("out"))):
        pass


def test_a_directory_that_was_never_named_is_cleared_away_when_it_is_old():
    old = Path("runs/.imgclf-unfinished-old")
    new = Path("runs/.imgclf-unfinished-new")
    for path in (old, new):
        path.mkdir(parents=True)
    os.utime(old, (0, 0))
    with closing(run_dir.create("cats", None, FILES)):
        assert not old.exists()
        assert new.exists()  # its maker may not yet have come to lock it
