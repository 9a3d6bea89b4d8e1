"""One owner a run directory, and every run a directory of its own."""

import fcntl
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from children import at_once, end_of, fork
from imgclf.errors import RunInUseError
from imgclf.run import run_dir

FILES = {"config.yaml": b"seed: 0\n"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def create_out():
    with run_dir.create("", Path("out"), FILES)[1]:
        pass


def test_of_many_that_want_one_directory_one_gets_it():
    def create(i):
        try:
            with run_dir.create("", Path("out"), FILES | {"who": str(i).encode()})[1]:
                pass
        except run_dir.UsageError:
            return 2

    codes = at_once(*(partial(create, i) for i in range(30)))
    assert sorted(codes) == [0] + [2] * 29
    assert codes[int(Path("out/who").read_text())] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["out"]


def owners(number):
    """Have so many children want a run until all of them know; return how many of them own it."""
    told, tell = os.pipe()
    held, hold = os.pipe()

    def own():
        os.close(hold)
        try:
            with run_dir.acquire(Path("out")):
                os.write(tell, b"1")
                os.read(held, 1)  # until the parent closes its end
        except RunInUseError:
            os.write(tell, b"0")

    children = [fork(own) for _ in range(number)]
    found = sum(int(os.read(told, 1)) for _ in children)
    for end in (told, tell, held, hold):
        os.close(end)
    assert {end_of(child) for child in children} == {0}
    return found


def test_of_many_that_go_on_with_a_run_one_may():
    create_out()
    assert owners(20) == 1


def test_without_the_lock_many_may(monkeypatch):
    """The alarm rings."""
    create_out()
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert owners(3) == 3


def test_an_owner_that_is_killed_leaves_the_run_free():
    create_out()
    told, tell = os.pipe()

    def own_for_ever():
        with run_dir.acquire(Path("out")):
            os.write(tell, b"x")
            signal.pause()

    pid = fork(own_for_ever)
    os.read(told, 1)
    try:
        with pytest.raises(RunInUseError, match=f"in use by process {pid} since 20"):
            run_dir.acquire(Path("out"))
    finally:
        os.kill(pid, signal.SIGKILL)
    assert end_of(pid) == -signal.SIGKILL
    os.close(told)
    os.close(tell)
    with run_dir.acquire(Path("out")):
        pass


def test_a_directory_that_was_never_named_is_cleared_away_when_it_is_old():
    old = Path("runs/.imgclf-unfinished-00000001")
    new = Path("runs/.imgclf-unfinished-00000002")
    for path in (old, new):
        path.mkdir(parents=True)
    os.utime(old, (0, 0))
    with run_dir.create("cats", None, FILES)[1]:
        assert not old.exists()
        assert new.exists()  # its maker may be at it
