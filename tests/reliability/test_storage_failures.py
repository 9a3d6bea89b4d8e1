"""The disk refuses one operation, or from one on all: one clear error, the old checkpoint, no litter."""

import contextlib
import errno
import itertools
import os
import sys

import pytest

from children import in_child
from imgclf.errors import StorageError
from imgclf.files import writing as storage
from imgclf.run.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

CHANGES = {"os.rename", "os.mkdir", "os.truncate", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR
UNSAID = 1  # exit code of a run that ends as if nothing had happened


def fail_from(number, code, times):
    """Have operations that change the disk fail, in this process for good: `times` of them from that number on.

    Returns what tells how many there were.
    """
    count = 0

    def step():
        nonlocal count
        count += 1
        if number <= count < number + times:
            raise OSError(code, os.strerror(code))

    def hook(event, arguments):
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            step()

    sync = os.fsync

    def synced(*arguments):
        step()
        sync(*arguments)

    os.fsync = synced
    sys.addaudithook(hook)
    return lambda: count


def failed_everywhere(runs, plan, code, times):
    """Train for an epoch, then go on with a disk that fails at one operation after the other.

    Yields the directory and how it ended, in an exit code.
    """

    def child():
        runs.begin(plan, directory, 5)
        operations = fail_from(number, code, times)
        try:
            runs.resume(plan, directory)
        except StorageError as error:
            return error.exit_code
        return UNSAID if operations() >= number else 0

    for number in itertools.count(1):
        directory = runs.at / f"failed-{number}"
        ended = in_child(child)
        if ended == 0:
            break
        yield directory, ended


ONCE, FOR_GOOD = 1, 10**9
LONG = [(code, times) for code in (errno.EACCES, errno.EROFS, errno.EDQUOT) for times in (ONCE, FOR_GOOD)]
LONG += [(errno.ENOSPC, ONCE), (errno.EIO, ONCE), (errno.EIO, FOR_GOOD)]


@pytest.mark.parametrize(
    ("code", "times"),
    [(errno.ENOSPC, FOR_GOOD), *(pytest.param(*one, marks=pytest.mark.long) for one in LONG)],
)
def test_every_operation_of_a_run_that_goes_on(runs, code, times):
    plan = runs.plan("train.epochs=2")
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    number = 0
    for number, (directory, ended) in enumerate(failed_everywhere(runs, plan, code, times), 1):
        assert ended == StorageError.exit_code, number
        assert [path.name for path in directory.iterdir() if storage.is_unfinished(path)] == [], number
        assert load_checkpoint(directory)[0].snapshot.epochs >= 1
        runs.resume(plan, directory)
        assert runs.left(directory) == expected, number
    assert number > 20


def test_a_writer_that_says_nothing_is_caught(runs, all_write):
    """The alarm rings."""
    write_whole = storage.write_whole

    def write_in_silence(*arguments, **options):
        with contextlib.suppress(StorageError):
            write_whole(*arguments, **options)

    all_write(write_in_silence)
    ends = failed_everywhere(runs, runs.plan("train.epochs=2"), errno.ENOSPC, 1)
    assert any(ended == UNSAID for _, ended in ends)
