"""Train epoch by epoch, and yield the events of a run."""

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.config import Config
from imgclf.errors import DivergedError
from imgclf.model import split
from imgclf.numerics.sums import Summation, all_finite
from imgclf.trainer import descend, start
from imgclf.training.classifier import Model
from imgclf.training.early_stopping import Best, watch
from imgclf.training.evaluation import Evaluation, evaluate
from imgclf.training.plan import Plan, scale_advice
from imgclf.training.state import Snapshot, Tally

LARGE_SPREAD = 20.0  # standard deviation of X; a larger one is the first suspect when training diverges

Row: TypeAlias = dict[str, float | int | None]  # by the columns of metrics.csv


@dataclass(frozen=True)
class Step:
    """A training step; `loss` is that of its batch, with the weights before the step."""

    step: int
    loss: float
    snapshot: Snapshot


@dataclass(frozen=True)
class Epoch:
    """A complete epoch; `row` goes into metrics.csv."""

    row: Row
    seconds: float
    images_per_second: float
    improved: bool | None  # None without early stopping
    snapshot: Snapshot


@dataclass(frozen=True)
class Finished:
    """The end of a run: its model, evaluated on the whole of both splits."""

    model: Model
    epochs: int
    steps: int
    best_epoch: int | None  # under early stopping: the epoch that the model is of
    train: Evaluation
    val: Evaluation | None

    def evaluated(self) -> tuple[str, Evaluation]:
        """Return the split of the confusion matrix, and its evaluation."""
        return ("val", self.val) if self.val else ("train", self.train)

    def metrics(self) -> dict[str, dict[str, float | int] | None]:
        """Return the content of metrics.json."""
        return {"train": self.train.summary(), "val": self.val.summary() if self.val else None}


Event: TypeAlias = Step | Epoch | Finished


def first_snapshot(plan: Plan) -> Snapshot:
    """Return the snapshot before the first step."""
    return Snapshot(start(plan.weights, plan.optimizer))


def train(plan: Plan, sum_blocks: Summation, snapshot: Snapshot) -> Generator[Event, None, None]:
    """Train from a snapshot to the end, and yield each event as it happens; writes nothing."""
    steps = descend(
        snapshot.state,
        sample=plan.sample,
        objective=plan.objective,
        evaluate_gradient=plan.kernel(sum_blocks),
        optimizer=plan.optimizer,
        step_size=plan.step_size,
    )
    if plan.config.early_stopping is None:
        snapshot = replace(snapshot, best=None)  # switched off on resume: the model gets the last weights
    while snapshot.epochs < plan.config.train.epochs and not patience_is_over(plan.config, snapshot.best):
        began, examples_before = time.perf_counter(), snapshot.tally.examples
        while snapshot.tally.examples < len(plan.train):
            before = snapshot
            seen, state = next(steps)
            _check_finite(plan, seen.loss, before.state.step, before.previous_loss)
            if not all_finite(state.weights):
                _check_finite(plan, math.inf, state.step, seen.loss, what="a weight")
            # A square that is inf makes the step 0: the weights would stay finite, and never change again.
            if not all(map(all_finite, state.memory.values())):
                _check_finite(plan, math.inf, state.step, seen.loss, what="a number in the optimizer's state")
            tally = before.tally.plus(seen.loss, seen.correct, plan.examples(before.state.step))
            snapshot = replace(before, state=state, tally=tally, previous_loss=seen.loss)
            # An epoch's row needs the weights before and after its last step, so no checkpoint is made in between.
            yield Step(state.step, seen.loss, snapshot if tally.examples < len(plan.train) else before)
        seconds = time.perf_counter() - began
        row = _row(plan, before, snapshot, sum_blocks)
        best = _watch(plan, snapshot.best, row, snapshot.state.weights)
        speed = (len(plan.train) - examples_before) / seconds
        snapshot = replace(snapshot, epochs=snapshot.epochs + 1, tally=Tally(), best=best)
        yield Epoch(row, seconds, speed, best.improved if best else None, snapshot)
    yield _finish(plan, snapshot, sum_blocks)


def _row(plan: Plan, before: Snapshot, after: Snapshot, sum_blocks: Summation) -> Row:
    state, tally = after.state, after.tally
    val = None if plan.val is None else evaluate(plan.model(state.weights), plan.val, sum_blocks, plan.judging)
    if val is not None:
        _check_finite(plan, val.objective, state.step, what="the loss on the validation split")
    W_before, W = (split(one.state.weights)[0].astype(np.float64) for one in (before, after))
    length = float(np.linalg.norm(W))
    return {
        "epoch": after.epochs + 1,
        "step": state.step,
        "step_size": plan.step_size(before.state.step),
        "train/loss": tally.loss / tally.examples,
        "train/accuracy": tally.correct / tally.examples,
        "val/loss": val.objective if val else None,
        "val/accuracy": val.accuracy if val else None,
        "update_ratio": float(np.linalg.norm(W - W_before)) / length if length else None,
    }


def _watch(plan: Plan, best: Best | None, row: Row, weights: FloatArray) -> Best | None:
    watched = plan.config.early_stopping
    if watched is None:
        return None
    value = row[watched.monitor]
    assert value is not None, "the plan has checked the monitor"
    larger = watched.monitor.endswith("accuracy")
    return watch(best, int(row["epoch"] or 0), value, weights, larger_is_better=larger, min_delta=watched.min_delta)


def patience_is_over(config: Config, best: Best | None) -> bool:
    """Whether early stopping ends the run here."""
    watched = config.early_stopping
    return watched is not None and best is not None and best.waited >= watched.patience


def _finish(plan: Plan, snapshot: Snapshot, sum_blocks: Summation) -> Finished:
    state, best = snapshot.state, snapshot.best
    model = plan.model(best.weights if best else state.weights)
    train = evaluate(model, plan.train, sum_blocks, plan.judging)
    val = None if plan.val is None else evaluate(model, plan.val, sum_blocks, plan.judging)
    _check_finite(plan, train.objective, state.step)
    return Finished(model, snapshot.epochs, state.step, best.epoch if best else None, train, val)


def _check_finite(
    plan: Plan, loss: float, steps: int, previous_loss: float | None = None, what: str = "the loss"
) -> None:
    """Raise DivergedError if a loss is not finite, `steps` steps after the start."""
    if math.isfinite(loss):
        return
    size = f"after a step of size {plan.step_size(steps - 1):.6g}" if steps else "before the first step"
    was = "" if previous_loss is None else f"; the loss was {previous_loss:.6g} before"
    smaller = f"try a smaller schedule.step_size than {plan.config.schedule.step_size:g}"
    remedy = scale_advice(plan, LARGE_SPREAD) or smaller
    raise DivergedError(f"step {steps}", f"{what} is {loss} {size}{was}", remedy)
