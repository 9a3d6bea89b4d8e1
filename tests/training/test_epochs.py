"""A run against the same steps taken by hand: every number in its files."""

import csv
import json
import tracemalloc
from itertools import islice

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.errors import DivergedError
from imgclf.numerics.sums import serial_sum
from imgclf.run.model_file import load_model
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.trainer import descend, start
from imgclf.training.epochs import Epoch, Finished, Step
from imgclf.training.plan import make_plan

DATA = "data.options={train: 150, classes: 3, size: 5, noise: 100}"


def make(*overrides):
    return make_plan(resolve(overrides=["data.source=synthetic", DATA, "train.batch_size=40", *overrides]).config)


def follow(plan, directory):
    directory.mkdir()
    with workers(2) as sum_blocks:
        return list(run(plan, directory, sum_blocks))


def rows(directory):
    with (directory / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def loss_by_hand(plan, data, weights):
    X = plan.preprocess.apply(data.pixels(np.arange(len(data)))).astype(np.float64)
    s = X @ weights[:-1].astype(np.float64) + weights[-1]
    W = weights[:-1].astype(np.float64)
    penalty = plan.objective.l2 / 2 * (W**2).sum() + plan.objective.l1 * np.abs(W).sum()
    return plan.objective.loss_fn(s, data.y)[0].mean() + penalty, (s.argmax(axis=1) == data.y).mean()


def test_every_column_is_what_its_name_says(tmp_path):
    plan = make("train.epochs=3", "regularization={l2: 0.5, l1: 0.01}", "model.loss=svm_squared",
                "schedule={name: linear, step_size: 0.01}")  # fmt: skip
    follow(plan, tmp_path / "run")
    found = rows(tmp_path / "run")
    weights, memory, step = plan.weights, plan.optimizer.init(plan.weights), 0
    assert len(found) == 3
    for epoch, row in enumerate(found, 1):
        losses, correct = [], 0
        for _ in range(4):  # 135 images in batches of 40: the last has 15
            batch = plan.sample(step)
            seen = plan.kernel(serial_sum)(plan.objective, batch, weights)
            losses += [seen.loss] * len(batch)
            correct += seen.correct
            direction, memory = plan.optimizer.direction(seen.grad, memory)
            before, size = weights, plan.step_size(step)
            weights = weights - size * direction
            step += 1
        assert (row["epoch"], row["step"]) == (str(epoch), str(step))
        assert float(row["step_size"]) == size
        assert float(row["train/loss"]) == pytest.approx(np.mean(losses), rel=1e-12)
        assert float(row["train/accuracy"]) == correct / 135
        change, after = (weights - before)[:-1].astype(np.float64), weights[:-1].astype(np.float64)
        ratio = np.sqrt((change**2).sum() / (after**2).sum())
        assert float(row["update_ratio"]) == pytest.approx(ratio, rel=1e-5, abs=1e-12)
        loss, accuracy = loss_by_hand(plan, plan.val, weights)
        assert float(row["val/loss"]) == pytest.approx(loss, rel=1e-6)
        assert float(row["val/accuracy"]) == accuracy
    assert load_model(tmp_path / "run" / "model.npz").weights.tobytes() == weights.tobytes()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["train"]["objective"] == pytest.approx(loss_by_hand(plan, plan.train, weights)[0], rel=1e-6)


def test_events_come_as_things_happen(tmp_path):
    events = follow(make("train.epochs=2"), tmp_path / "run")
    assert [type(event) for event in events] == [*[Step] * 4, Epoch, *[Step] * 4, Epoch, Finished]
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(("monitor", "sign"), [
    ("train/loss", -1), ("val/loss", -1), ("train/accuracy", 1), ("val/accuracy", 1),
])  # fmt: skip
@pytest.mark.parametrize("min_delta", [0.0, 0.02])
def test_patience_is_counted_from_the_best_epoch(tmp_path, monitor, sign, min_delta):
    rule = f"early_stopping={{monitor: {monitor}, patience: 4, min_delta: {min_delta}}}"
    plan = make("train.epochs=60", "schedule={name: constant, step_size: 0.3}", rule)
    *_, finished = follow(plan, tmp_path / "run")
    values = [sign * float(row[monitor]) for row in rows(tmp_path / "run")]
    best = 0
    for epoch, value in enumerate(values):
        assert epoch - best <= 4
        if value > values[best] + min_delta:
            best = epoch
    assert finished.best_epoch == best + 1
    assert finished.epochs == len(values) == best + 5 < 60


def test_weights_that_diverge_at_the_last_step_are_not_called_a_model(tmp_path):
    plan = make("train.epochs=1", "train.batch_size=all", "schedule={name: constant, step_size: 1e30}",
                "model.loss=svm_squared", "data.val_fraction=0")  # fmt: skip
    with pytest.raises(DivergedError, match="step 1: the loss is"):
        follow(plan, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "diverged"}
    assert not (tmp_path / "run" / "model.npz").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, RuntimeError])
def test_a_run_that_is_broken_off_keeps_what_it_learned(tmp_path, error):
    (tmp_path / "run").mkdir()
    events = run(make("train.epochs=5"), tmp_path / "run", serial_sum)
    steps = list(islice(events, 3))
    with pytest.raises(error):
        events.throw(error)
    assert len(steps) == 3
    assert load_model(tmp_path / "run" / "model.npz").weights.any()
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "interrupted"}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_allocates_nothing_of_the_size_of_its_batch(threads):
    plan = make("data.options={train: 6000, classes: 3, size: 16, noise: 100}", "train.batch_size=4096")
    batch_bytes = 4096 * plan.preprocess.size  # as it is stored; four times that as X
    with workers(threads) as sum_blocks:
        steps = descend(
            start(plan.weights, plan.optimizer),
            sample=plan.sample,
            objective=plan.objective,
            evaluate_gradient=plan.kernel(sum_blocks),
            optimizer=plan.optimizer,
            step_size=plan.step_size,
        )
        for _ in range(3):  # by then every thread has its memory
            next(steps)
        tracemalloc.start()
        try:
            next(steps)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < batch_bytes / 8
