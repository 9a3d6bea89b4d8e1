"""A power cut: what was not synced is gone, cut off or zeros; what was renamed may not be. A checkpoint is there."""

import os
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

from imgclf import run_dir
from imgclf.checkpoint import NEWEST, PREVIOUS, load_checkpoint
from imgclf.config import dump
from imgclf.errors import RunError
from imgclf.parallel import workers
from imgclf.run import run

LOST = {"empty": lambda content: b"", "half": lambda content: content[: len(content) // 2],
        "zeros": lambda content: bytes(len(content))}  # fmt: skip
KEPT = (NEWEST, PREVIOUS)


class Disk:
    """Watches what this process does to the files of one folder, in order."""

    log = None  # a list while it watches; audit hooks cannot be taken away

    @classmethod
    def watch(cls, monkeypatch, folder):
        cls.log, sync = [], os.fsync

        def synced(number):
            sync(number)
            path = Path(f"/proc/self/fd/{number}").readlink()
            cls.log.append(("sync", path.name if path.parent == folder else None, None))

        monkeypatch.setattr(os, "fsync", synced)
        return cls.log


def _hook(event, arguments):
    if Disk.log is not None and event == "os.rename":
        source, target = (Path(os.fsdecode(path)) for path in arguments[:2])
        # The content goes with the name; by now it is all written.
        Disk.log.append(("rename", source.name, (target.name, source.read_bytes() if source.is_file() else b"")))


sys.addaudithook(_hook)


def states(log, lost):
    """Every folder that a power cut may leave: {name: content}, and whether a checkpoint must be in it."""
    durable, pending, synced, checkpoints = {}, [], set(), 0
    for kind, name, more in log:
        if kind == "sync" and name is not None:
            synced.add(name)
        elif kind == "sync":  # of the folder: all names are safe
            for source, target, content in pending:
                durable.pop(source, None)
                durable[target] = content
                checkpoints += target == NEWEST
            pending = []
        else:
            target, content = more
            known = durable.get(name) or next((c for _, t, c in pending if t == name), None)
            if known is None:
                known = content if name in synced else lost(content)
            pending.append((name, target, known))
        for number in range(len(pending) + 1):
            folder = dict(durable)
            for source, target, content in pending[:number]:
                folder.pop(source, None)
                folder[target] = content
            yield folder, checkpoints > 0


def count_lost(log, tmp_path):
    """Return how many of the states there are, and in how many no checkpoint can be read that was safe before."""
    seen, bad = 0, 0
    folder = tmp_path / "after"
    folder.mkdir(exist_ok=True)
    for lost in LOST.values():
        for state, there in states(log, lost):
            seen += 1
            for name in KEPT:
                (folder / name).unlink(missing_ok=True)
                if name in state:
                    (folder / name).write_bytes(state[name])
            try:
                found, _ = load_checkpoint(folder)
            except RunError:
                found = None
            bad += there and found is None
    return seen, bad


def logged(monkeypatch, runs, events):
    plan = runs.plan("train.epochs=1000000", "checkpoint={unit: step, every: 1}")
    folder = runs.at / "run"
    with closing(run_dir.create("", folder, {"config.yaml": dump(plan.config).encode()})), workers(1) as sum_blocks:
        log = Disk.watch(monkeypatch, folder)
        training = run(plan, folder, sum_blocks)
        for _ in islice(training, events):
            pass
        training.close()
        Disk.log = None
    return log


def test_a_checkpoint_that_was_safe_is_never_lost(runs, monkeypatch):
    seen, bad = count_lost(logged(monkeypatch, runs, 150), runs.at)
    assert seen > 3000
    assert bad == 0


def test_without_syncing_files_checkpoints_are_lost(runs, monkeypatch):
    """The alarm rings."""
    log = [entry for entry in logged(monkeypatch, runs, 60) if entry[0] == "rename" or entry[1] is None]
    assert count_lost(log, runs.at)[1] > 0
