"""The record of learning holds the losses and weights that the steps had, whatever became of the run."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.errors import RunError
from imgclf.run import learning
from imgclf.run.learning import KEPT, Learning, kept_losses, read_path, read_steps
from imgclf.trainer import TrainState
from imgclf.training.state import Snapshot


def snapshot(steps):
    """After so many steps: weights full of their number; the loss of step s is s / 8."""
    loss = (steps - 1) / 8 if steps else None
    return Snapshot(TrainState(steps, np.full((3, 2), steps, np.float32), {}), previous_loss=loss)


def after(steps):
    record = Learning.start(snapshot(0))
    for step in range(steps + 1):
        record.note(snapshot(step))
    return record


def test_weights_are_kept_at_powers_of_the_root_of_two():
    assert sorted(KEPT)[:14] == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91]
    assert sum(step <= 440 for step in KEPT) == 18


@pytest.mark.parametrize(("steps", "stride"), [(1, 1), (3000, 1), (3001, 2), (6000, 2), (6001, 4), (1_000_000, 512)])
def test_at_most_3000_losses_are_kept_from_the_first_on(steps, stride):
    assert kept_losses(steps) == range(0, steps, stride)
    assert steps < 3000 or 1500 <= len(kept_losses(steps)) <= 3000


@pytest.mark.parametrize("steps", [0, 1, 2, 7, 10, 11, 12, 20, 21, 40, 41, 79, 80, 81, 1000])
def test_files_hold_the_losses_and_weights_of_their_steps(tmp_path, monkeypatch, steps):
    monkeypatch.setattr(learning, "MOST_ROWS", 10)
    after(steps).finish(tmp_path, snapshot(steps))
    at, losses = read_steps(tmp_path)
    assert at.tolist() == list(kept_losses(steps))
    assert losses.tolist() == [step / 8 for step in at]
    path = read_path(tmp_path)
    assert path.steps.tolist() == sorted({step for step in KEPT if step <= steps} | {steps})
    assert (path.weights == path.steps[:, None, None]).all()
    assert path.weights.dtype == np.float32


@pytest.mark.parametrize("broken", [0, 1, 5, 11, 13, 24, 40])
def test_a_run_that_goes_on_leaves_the_same_bytes(tmp_path, monkeypatch, broken):
    monkeypatch.setattr(learning, "MOST_ROWS", 10)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    after(100).finish(first, snapshot(100))
    record = after(broken)
    record.finish(second, snapshot(broken))
    record = Learning.resume(second, snapshot(broken), record.losses)
    for step in range(broken, 101):
        record.note(snapshot(step))
    record.finish(second, snapshot(100))
    for name in ("steps.csv", "path.npz"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_step_noted_twice_is_kept_once(monkeypatch):
    monkeypatch.setattr(learning, "MOST_ROWS", 10)
    record = Learning.start(snapshot(0))
    for step in range(22):
        record.note(snapshot(step))
        record.note(snapshot(step))
    assert record.losses.tolist() == [step / 8 for step in kept_losses(21)]


def test_weights_are_written_when_more_of_them_are_kept(tmp_path):
    record = after(8)
    record.write(tmp_path)
    assert read_path(tmp_path).steps.tolist() == [0, 1, 2, 3, 4, 6, 8]
    (tmp_path / "path.npz").unlink()
    record.note(snapshot(9))
    record.write(tmp_path)
    assert not (tmp_path / "path.npz").exists()
    record.note(snapshot(11))
    record.write(tmp_path)
    assert read_path(tmp_path).steps.tolist() == [0, 1, 2, 3, 4, 6, 8, 11]


def test_a_run_without_a_record_goes_on_without(tmp_path):
    record = Learning.resume(tmp_path, snapshot(5), None)
    record.note(snapshot(6))
    record.finish(tmp_path, snapshot(6))
    assert read_steps(tmp_path) is None
    assert read_path(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_no_path_is_kept_of_a_large_model(tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "MOST_WEIGHTS", 5)
    after(4).finish(tmp_path, snapshot(4))
    assert read_steps(tmp_path)[0].tolist() == [0, 1, 2, 3]
    assert read_path(tmp_path) is None


def test_another_path_is_refused(tmp_path):
    after(8).write(tmp_path)
    with pytest.raises(RunError, match="not the path of this run up to its checkpoint - remove it"):
        Learning.resume(tmp_path, snapshot(11), None)
    other = snapshot(8)
    with pytest.raises(RunError, match="not the path of this run"):
        Learning.resume(tmp_path, replace(other, state=other.state._replace(weights=np.zeros((4, 2)))), None)
    (tmp_path / "path.npz").write_bytes((tmp_path / "path.npz").read_bytes()[:-50])
    with pytest.raises(RunError, match=r"damaged path: .* - remove it"):
        read_path(tmp_path)


@pytest.mark.parametrize("text", ["step,loss\n0,nan\n", "step,loss\n0,\n", "step\n0\n", "a,b\n1,2\n"])
def test_another_table_is_refused(tmp_path, text):
    (tmp_path / "steps.csv").write_text(text)
    with pytest.raises(RunError, match="not a table of steps and losses"):
        read_steps(tmp_path)
