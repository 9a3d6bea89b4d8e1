"""A run that was broken off and goes on ends with the bytes of one that was not."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.errors import RunError
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.run import run_dir, writer
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch
from imgclf.training.state import Tally

pytestmark = pytest.mark.bits

STEPS = 12
EVENTS = STEPS + 3  # and an epoch's end after every four


# adam has the most to remember; the others differ from it in their arithmetic alone.
OTHERS = [pytest.param(name, marks=pytest.mark.long) for name in OPTIMIZERS if name not in ("momentum", "adam")]


@pytest.mark.parametrize("optimizer", ["momentum", "adam", *OTHERS])
def test_from_every_step_with_every_optimizer(runs, optimizer):
    plan = runs.plan(f"optimizer.name={optimizer}")
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    for events in range(1, EVENTS + 1):
        directory = runs.at / f"broken-{events}"
        runs.begin(plan, directory, events)
        runs.resume(plan, directory)
        assert runs.left(directory) == expected, events


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_every_loss_and_both_types(runs, loss, dtype):
    plan = runs.plan(f"model.loss={loss}", f"train.dtype={dtype}")
    runs.begin(plan, runs.at / "whole")
    for events in (3, 5, 9):
        runs.begin(plan, runs.at / f"{events}", events)
        runs.resume(plan, runs.at / f"{events}")
        assert runs.left(runs.at / f"{events}") == runs.left(runs.at / "whole")


@pytest.mark.parametrize("kernel", ["compiled", pytest.param("torch", marks=pytest.mark.torch)])
def test_with_other_kernels(runs, kernel):
    plan = runs.plan(f"train.kernel={kernel}", "train.batch_size=200")
    runs.begin(plan, runs.at / "whole")
    plan = runs.plan(f"train.kernel={kernel}", "train.batch_size=200")  # nothing is left of the first
    runs.begin(plan, runs.at / "broken", 2)
    runs.resume(plan, runs.at / "broken")
    assert runs.left(runs.at / "broken") == runs.left(runs.at / "whole")


@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "cosine", "linear"])
def test_with_every_schedule_and_warmup(runs, schedule):
    plan = runs.plan(f"schedule.name={schedule}", "schedule.warmup_epochs=1")
    runs.begin(plan, runs.at / "whole")
    runs.begin(plan, runs.at / "broken", 6)
    runs.resume(plan, runs.at / "broken")
    assert runs.left(runs.at / "broken") == runs.left(runs.at / "whole")


@pytest.mark.parametrize("patience", [1, 2])
def test_early_stopping_remembers_its_best(runs, patience):
    plan = runs.plan("train.epochs=8", f"early_stopping={{monitor: val/accuracy, patience: {patience}}}")
    runs.begin(plan, runs.at / "whole")
    for events in range(4, 24, 3):
        runs.begin(plan, runs.at / f"{events}", events)
        runs.resume(plan, runs.at / f"{events}")
        assert runs.left(runs.at / f"{events}") == runs.left(runs.at / "whole")


def test_broken_off_again_and_again(runs):
    plan = runs.plan()
    runs.begin(plan, runs.at / "whole")
    runs.begin(plan, runs.at / "broken", 1)
    for _ in range(EVENTS):
        runs.resume(plan, runs.at / "broken", 2)
    runs.resume(plan, runs.at / "broken")
    assert runs.left(runs.at / "broken") == runs.left(runs.at / "whole")


def test_a_run_that_is_over_is_the_same_after_going_on(runs):
    plan = runs.plan()
    runs.begin(plan, runs.at / "run")
    before = runs.left(runs.at / "run")
    runs.resume(plan, runs.at / "run")
    assert runs.left(runs.at / "run") == before


@pytest.mark.parametrize(("unit", "every", "made"), [("epoch", 1, 3), ("epoch", 2, 2), ("step", 1, 12), ("step", 5, 3)])
def test_checkpoints_are_made_as_often_as_asked_and_at_the_end(runs, monkeypatch, unit, every, made):

    seen = []
    save = writer.save_checkpoint
    monkeypatch.setattr(writer, "save_checkpoint", lambda *a: seen.append(a[1].snapshot.state.step) or save(*a))
    runs.begin(runs.plan(f"checkpoint={{unit: {unit}, every: {every}}}"), runs.at / "run")
    assert len(seen) == made
    assert seen[-1] == STEPS
    assert all(step % every == 0 for step in seen[:-1])


def test_a_longer_run_goes_on_as_the_longer_schedule_says(runs):
    runs.begin(runs.plan(), runs.at / "run")
    longer = runs.plan("train.epochs=5")
    owned = run_dir.acquire(runs.at / "run")
    since, _ = load_checkpoint(runs.at / "run")
    with workers(1) as sum_blocks:
        rows = [event.row for event in run(longer, runs.at / "run", sum_blocks, since) if isinstance(event, Epoch)]
    owned.close()
    assert [row["epoch"] for row in rows] == [4, 5]
    assert [row["step_size"] for row in rows] == [longer.step_size(15), longer.step_size(19)]
    assert len((runs.at / "run" / "metrics.csv").read_text().splitlines()) == 6


def nothing(memory):
    return {name: np.zeros_like(array) for name, array in memory.items()}


FORGOTTEN = {
    "memory": lambda was: replace(was, state=was.state._replace(memory=nothing(was.state.memory))),
    "weights": lambda was: replace(was, state=was.state._replace(weights=np.zeros_like(was.state.weights))),
    "step": lambda was: replace(was, state=was.state._replace(step=0)),
    "epochs": lambda was: replace(was, epochs=0),
    "place in the epoch": lambda was: replace(was, tally=Tally()),
    "best epoch": lambda was: replace(was, best=None),
}


@pytest.mark.parametrize("part", FORGOTTEN)
def test_every_part_of_a_checkpoint_is_needed(runs, part):
    """Were it forgotten, the bytes would differ, or the run be refused: the alarm rings."""
    # Steps so large that the first epoch stays the best one.
    plan = runs.plan("early_stopping={monitor: train/loss, patience: 9}", "schedule.step_size=3")
    runs.begin(plan, runs.at / "whole")
    runs.begin(plan, runs.at / "broken", 7)
    since, _ = load_checkpoint(runs.at / "broken")
    try:
        runs.resume(plan, runs.at / "broken", since=replace(since, snapshot=FORGOTTEN[part](since.snapshot)))
    except RunError as error:
        assert "not the rows that the checkpoint counts" in str(error)  # noqa: PT017 - or the bytes differ
    else:
        assert runs.left(runs.at / "broken") != runs.left(runs.at / "whole")


def test_nothing_else_than_a_checkpoint_is_needed(runs):
    plan = runs.plan("early_stopping={monitor: train/loss, patience: 9}", "schedule.step_size=3")
    runs.begin(plan, runs.at / "whole")
    runs.begin(plan, runs.at / "broken", 7)
    runs.resume(plan, runs.at / "broken")
    assert runs.left(runs.at / "broken") == runs.left(runs.at / "whole")


def test_where_early_stopping_is_lifted_the_last_weights_count(runs):
    watched = runs.plan("early_stopping={monitor: train/loss, patience: 9}", "schedule.step_size=3")
    free = runs.plan("schedule.step_size=3")
    runs.begin(free, runs.at / "whole")
    runs.begin(watched, runs.at / "lifted", EVENTS)  # every epoch is made, and the first was the best
    runs.resume(free, runs.at / "lifted")
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert (runs.at / "lifted" / name).read_bytes() == (runs.at / "whole" / name).read_bytes(), name
