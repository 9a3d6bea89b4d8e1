"""Verify a run: repeat its last steps and compare bytes."""

from dataclasses import dataclass
from pathlib import Path

from imgclf.errors import RunError
from imgclf.files.writing import json_bytes
from imgclf.machine.progress import advancing
from imgclf.numerics.sums import Summation
from imgclf.run import run_dir
from imgclf.run.checkpoint import NEWEST, PREVIOUS, read_checkpoint
from imgclf.run.model_file import model_bytes
from imgclf.run.writer import check_fingerprints, check_fit
from imgclf.training.epochs import Epoch, Event, Finished, Step, first_snapshot, train
from imgclf.training.plan import Plan
from imgclf.training.state import Snapshot


@dataclass(frozen=True)
class Replay:
    """The steps of a run that were repeated, and the results that differ."""

    start: int
    stop: int
    differences: tuple[str, ...]


def replay(plan: Plan, directory: Path, sum_blocks: Summation) -> Replay:
    """Train from the older of the two checkpoints, or from the start, and compare the results.

    Stops at the newer checkpoint; a finished run is repeated to the end, with its model and metrics.
    """
    newest = read_checkpoint(_existing(directory / NEWEST))
    check_fingerprints(plan, newest, directory, "restore the data, or say where it is now: --data PATH")
    older = directory / PREVIOUS
    since = first_snapshot(plan)
    if older.exists():
        before = read_checkpoint(older)
        check_fit(plan, before, directory)
        since = before.snapshot
    finished = run_dir.read_status(directory) == "finished"
    rows = run_dir.table_lines(directory / "metrics.csv")
    differences: list[str] = []
    advance = advancing("repeating", newest.snapshot.state.step - since.state.step, "step")
    for event in train(plan, sum_blocks, since):
        if isinstance(event, Step):
            advance(1)
        differences += _compare(event, newest.snapshot, rows, directory)
        if _is_at(event, newest.snapshot) and not finished:
            break
    return Replay(since.state.step, newest.snapshot.state.step, tuple(differences))


def _compare(event: Event, newest: Snapshot, rows: list[str], directory: Path) -> list[str]:
    if isinstance(event, Finished):
        return _compare_files(event, directory)
    differences = []
    if isinstance(event, Epoch):
        number = event.snapshot.epochs
        if rows[number : number + 1] != [run_dir.format_row(run_dir.METRICS, event.row)]:
            differences.append(f"metrics.csv, epoch {number}")
    if _is_at(event, newest):
        made, kept = event.snapshot.state, newest.state
        if made.weights.tobytes() != kept.weights.tobytes():
            differences.append(f"weights after step {kept.step}")
        differences += [
            f"{name} of the optimizer after step {kept.step}"
            for name in sorted(kept.memory)  # the same names: `check_fit` has seen to it
            if made.memory[name].tobytes() != kept.memory[name].tobytes()
        ]
    return differences


def _compare_files(finished: Finished, directory: Path) -> list[str]:
    made = {"model.npz": model_bytes(finished.model), "metrics.json": json_bytes(finished.metrics())}
    return [name for name, content in made.items() if content != run_dir.read_file(directory / name)]


def _is_at(event: Event, snapshot: Snapshot) -> bool:
    return not isinstance(event, Finished) and event.snapshot.moment == snapshot.moment


def _existing(path: Path) -> Path:
    if not path.exists():
        raise RunError(path, "no such checkpoint", "nothing to compare with: train again")
    return path
