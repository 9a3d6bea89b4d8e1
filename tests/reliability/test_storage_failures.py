"""The disk refuses one operation, or from one on all: one clear error, the old checkpoint, no litter."""

import errno
import os
import sys
from contextlib import closing
from itertools import islice

import pytest

from imgclf import run_dir, storage
from imgclf.checkpoint import load_checkpoint
from imgclf.config import dump
from imgclf.errors import StorageError
from imgclf.parallel import workers
from imgclf.run import run

CHANGES = {"os.rename", "os.mkdir", "os.truncate", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR


def fail_from(number, code, times):
    """Have operations that change the disk fail, in this process for good: `times` of them from that number on."""
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


@pytest.mark.parametrize("times", [1, 10**9], ids=["once", "from then on"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_every_operation_of_a_run_that_goes_on(runs, code, times):
    plan = runs.plan("train.epochs=2")
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    for number in range(1, 500):
        directory = runs.at / f"failed-{number}"
        child = os.fork()
        if child == 0:
            told = 1
            try:
                begin_and_fail(runs, plan, directory, number, code, times)
                told = 0
            except StorageError:
                told = StorageError.exit_code
            finally:
                os._exit(told)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == 0:
            break
        assert ended == StorageError.exit_code, number
        assert [path.name for path in directory.iterdir() if storage._UNFINISHED.fullmatch(path.name)] == [], number
        assert load_checkpoint(directory)[0].snapshot.epochs >= 1
        runs.go_on(plan, directory)
        assert runs.left(directory) == expected, number
    assert number > 20


def begin_and_fail(runs, plan, directory, number, code, times):
    """Train for an epoch, then go on with a disk that fails."""
    with closing(run_dir.create("", directory, {"config.yaml": dump(plan.config).encode()})), workers(1) as sum_blocks:
        training = run(plan, directory, sum_blocks)
        for _ in islice(training, 5):
            pass
        training.close()
    fail_from(number, code, times)
    runs.go_on(plan, directory)
