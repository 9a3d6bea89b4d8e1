"""A power cut: what was not synced is gone, cut off or zeros; what was renamed may not be. A checkpoint is there."""

import os
import sys
from pathlib import Path

import pytest

import imgclf.run.writer
from imgclf.errors import RunError
from imgclf.run.checkpoint import NEWEST, PREVIOUS, load_checkpoint
from imgclf.run.writer import TABLES

pytestmark = pytest.mark.slow

LOST = {"empty": lambda content: b"", "half": lambda content: content[: len(content) // 2],
        "zeros": lambda content: bytes(len(content))}  # fmt: skip
LOOKED_AT = (NEWEST, PREVIOUS, *TABLES)


class Disk:
    """Watches what this process does to the files of one folder, in order: (what, name, more).

    sync    name, its content; or None, None for the folder
    rename  name, (new name, content)
    saved   None, the step of a checkpoint of which the run believes that it is safe
    """

    log = None  # a list while it watches; audit hooks cannot be taken away
    folder = None


def _hook(event, arguments):
    if Disk.log is not None and event == "os.rename":
        source, target = (Path(os.fsdecode(path)) for path in arguments[:2])
        if source.parent == Disk.folder:
            # The content goes with the name; by now it is all written.
            Disk.log.append(("rename", source.name, (target.name, source.read_bytes())))


sys.addaudithook(_hook)


def logged(monkeypatch, runs, events):
    """Train for so many events with a checkpoint after each step; return what was done to the disk."""
    plan = runs.plan("train.epochs=1000000", "checkpoint={unit: step, every: 1}")
    sync, save = os.fsync, imgclf.run.writer.save_checkpoint

    def synced(number):
        sync(number)
        path = Path(f"/proc/self/fd/{number}").readlink()
        if path == Disk.folder:
            Disk.log.append(("sync", None, None))
        elif path.parent == Disk.folder:
            Disk.log.append(("sync", path.name, path.read_bytes()))

    def saved(directory, checkpoint):
        save(directory, checkpoint)
        Disk.log.append(("saved", None, checkpoint.snapshot.state.step))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        patch.setattr(imgclf.run.writer, "save_checkpoint", saved)
        Disk.log, Disk.folder = [], runs.at / "run"
        runs.begin(plan, Disk.folder, events)
        log, Disk.log = Disk.log, None
    return log


class File:
    """What a file holds, and what of it is safe: nothing (None) until it is synced."""

    def __init__(self, content=b""):
        self.content, self.safe = content, None


def states(log, lost):
    """Every folder that a power cut may leave, {name: content}, and the step that must not be lost by then."""
    files, names, pending, promised = {}, {}, [], None
    for kind, name, more in log:
        if kind == "saved":
            promised = more
        elif kind == "rename":
            target, content = more
            file = files[target] = files.pop(name, None) or File()
            file.content = content
            pending.append((name, target, file))
        elif name is not None:
            files.setdefault(name, File()).safe = more
        else:  # all names are safe
            names, pending = renamed(names, pending), []
        for number in range(len(pending) + 1):
            left = renamed(names, pending[:number])
            yield {n: lost(f.content) if f.safe is None else f.safe for n, f in left.items()}, promised


def renamed(names, renames):
    names = dict(names)
    for source, target, file in renames:
        names.pop(source, None)
        names[target] = file
    return names


def count_lost(log, tmp_path):
    """Return how many of the states there are, and in how many a run could not go on from what was promised."""
    seen, bad = 0, 0
    folder = tmp_path / "after"
    folder.mkdir()
    for lost in LOST.values():
        for state, promised in states(log, lost):
            seen += 1
            for name in LOOKED_AT:
                (folder / name).unlink(missing_ok=True)
                if name in state:
                    (folder / name).write_bytes(state[name])
            bad += not can_resume(folder, promised)
    return seen, bad


def can_resume(folder, promised):
    try:
        found, _ = load_checkpoint(folder)
    except RunError:
        found = None
    if found is None:
        return promised is None
    # And the rows are there that it counts.
    rows = all((folder / name).exists() and (folder / name).stat().st_size >= found.tables[name] for name in TABLES)
    return rows and found.snapshot.state.step >= (promised or 0)


@pytest.mark.parametrize("events", [60, pytest.param(600, marks=pytest.mark.long)])
def test_a_checkpoint_that_was_safe_is_never_lost(runs, tell, monkeypatch, events):
    seen, bad = count_lost(logged(monkeypatch, runs, events), runs.at)
    tell("states that a power cut may leave", seen, bad)
    assert seen > 20 * events
    assert bad == 0


WITHOUT = {
    "syncing files": lambda kind, name: kind == "sync" and name is not None and name not in TABLES,
    "syncing the folder": lambda kind, name: kind == "sync" and name is None,
    "syncing the rows before": lambda kind, name: kind == "sync" and name in TABLES,
}


@pytest.mark.parametrize("what", WITHOUT)
def test_without_it_checkpoints_are_lost(runs, monkeypatch, what):
    """The alarm rings."""
    log = logged(monkeypatch, runs, 10)
    less = [entry for entry in log if not WITHOUT[what](*entry[:2])]
    assert len(less) < len(log)
    assert count_lost(less, runs.at)[1] > 0
