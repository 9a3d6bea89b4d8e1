"""Sanity checks: eight numbers, each beside what it should be.

They are those of the notes of CS231n (Neural Networks Part 3, "Before learning: sanity checks"), and four more. Each
takes a moment, whatever the data set, as it sees at most some thousand images.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.data.batches import SampleFn, steps_per_epoch
from imgclf.data.dataset import Dataset
from imgclf.data.splits import limit
from imgclf.errors import DivergedError, plural
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.check import exhaustive
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images, wide
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.machine.progress import advancing
from imgclf.metrics import wilson_interval
from imgclf.model import split
from imgclf.numerics.random_streams import CHECK, normal, shuffled, stream
from imgclf.numerics.sums import serial_sum
from imgclf.schedules import Schedule, constant
from imgclf.trainer import TrainState, descend, start
from imgclf.training.class_weights import loss_at_zero
from imgclf.training.epochs import Finished, first_snapshot, train
from imgclf.training.plan import Plan, analytic_kernel, make_sampler, make_schedule

SEEN = 512  # images for the loss and a step
BY_HEART, STEPS = 20, 2000  # images, and steps at most, to learn them
RATIO_STEPS = 50
COMPARED = 2000  # images of each split
SHUFFLED_EPOCHS = 5
Z_999 = 3.290527  # standard deviations around the mean that hold 99.9 % of a normal distribution

_SAME_LOSS, _SAME_STEP = 1e-4, 0.05  # relative: float32 rounds; a small step is not infinitely small
_SMALL = 1e-3  # of the loss: what a small step takes away
_DARKER, _RARER = 0.1, 0.02  # standard deviations, and shares: differences that matter


class Line(NamedTuple):
    """One check: what was measured, what it should be, and what to look at if it is not.

    passed   None where it is for people to judge, or cannot be measured
    """

    name: str
    measured: str
    expected: str
    passed: bool | None
    remedy: str = ""


@dataclass(frozen=True)
class _Parts:
    """What several checks need."""

    plan: Plan

    @property
    def objective(self) -> Objective:
        return self.plan.objective

    @cached_property
    def gradient(self) -> GradientFn:
        """The analytic gradient, by the kernel of the config."""
        return analytic_kernel(self.plan.config)(serial_sum)

    @cached_property
    def images(self) -> Batch:
        """Training images in the type that trains, stratified by class."""
        return self.batch(SEEN)

    def batch(self, n: int) -> Batch:
        X, y = stratified_images(self.plan, n)
        return Batch.of(X.astype(self.plan.weights.dtype), y)


def sanity(plan: Plan) -> Iterator[Line]:
    """Yield the checks of a plan, the fast ones first."""
    parts = _Parts(plan)
    advance = advancing("checking", len(CHECKS), "check")
    for check in CHECKS:
        yield check(parts)
        advance(1)


def loss_of_equal_scores(parts: _Parts) -> Line:
    """At W = 0 all classes have equal scores, and the loss is known: ln C for softmax, C - 1 for svm."""
    _, y = parts.images
    support = np.bincount(y, minlength=parts.plan.weights.shape[1])
    expected = loss_at_zero(parts.plan.config.model.loss, support, parts.plan.class_weights)
    seen = parts.gradient(parts.objective, parts.images, np.zeros_like(parts.plan.weights)).loss
    passed = math.isclose(seen, expected, rel_tol=_SAME_LOSS)
    return Line("loss at W = 0", f"{seen:.4f}", f"{expected:.4f}", passed, "the loss itself is wrong: imgclf gradcheck")


def penalty(parts: _Parts) -> Line:
    """The loss rises with the penalty, by l2/2 * sum(W**2)."""
    plan, objective = parts.plan, parts.objective
    weights = normal(stream(plan.config.seed, CHECK), plan.weights.shape).astype(plan.weights.dtype)
    weights /= np.sqrt(len(weights))
    squares = float(np.square(split(weights)[0], dtype=np.float64).sum())
    low, high = (
        parts.gradient(replace(objective, l2=l2, l1=0.0), parts.images, weights).loss for l2 in (0.0, 20 / squares)
    )
    rises = math.isclose(high - low, 10, rel_tol=1e-3)
    return Line(
        "penalty on W", f"loss rises by {high - low:.4f}", "rises by 10.0000", rises, "the penalty is wrong or missing"
    )


def by_heart(parts: _Parts) -> Line:
    """A few images can be learned by heart: as many as there are numbers an image, at most 20, without a penalty."""
    plan = parts.plan
    images = parts.batch(min(BY_HEART, len(plan.weights) - 1))
    most = 0
    steps = _steps(parts, lambda _: images, constant(plan.config.schedule.step_size), penalized=False)
    for step, (seen, _) in enumerate(steps):
        most = max(most, seen.correct)
        if most == len(images) or not math.isfinite(seen.loss) or step == STEPS:
            break
    measured = f"{100 * most / len(images):.0f} % after {plural(step, 'step')}"
    remedy = "another schedule.step_size; or preprocess leaves nothing of the images"
    return Line(f"{plural(len(images), 'image')} by heart", measured, "100 %", most == len(images), remedy)


def gradient(parts: _Parts) -> Line:
    """The gradient that trains is that of differences, at every weight: `imgclf gradcheck` does more."""
    plan, loss = parts.plan, parts.plan.config.model.loss
    X, y = stratified_images(plan, BY_HEART)
    code = replace(Implementation.of(plan, loss), gradient=parts.gradient)
    case = Case(loss, X, y, wide(plan, plan.objective, X), plan.class_weights)
    outcome = exhaustive(code, case, plan.objective.l2, plan.objective.l1)
    name, expected = f"gradient ({plural(outcome.checked, 'weight')})", "at most 1"
    if outcome.verdict == "inconclusive":
        return Line(name, "rounding could hide it", expected, None)
    worst = outcome.worst[0].ratio if outcome.worst else math.inf
    passed = outcome.verdict == "pass"
    return Line(name, f"error {worst:.2g} of its bound", expected, passed, "imgclf gradcheck says where it is wrong")


def small_step(parts: _Parts) -> Line:
    """A small step takes from the loss what the gradient says: step size * grad . direction."""
    plan, images = parts.plan, parts.images
    X, _ = images
    weights = wide(plan, plan.objective, X).astype(plan.weights.dtype)  # far from the minimum, where a slope is
    before = parts.gradient(parts.objective, images, weights)
    direction, _ = plan.optimizer.direction(before.grad, plan.optimizer.init(weights))
    slope = float((before.grad.astype(np.float64) * direction).sum())
    size = _SMALL * before.loss / slope if slope else 0.0
    _, state = next(_steps(parts, lambda _: images, constant(abs(size)), weights=weights))
    fall = before.loss - parts.gradient(parts.objective, images, state.weights).loss
    said = abs(size) * slope
    passed = fall > 0 and math.isclose(fall, said, rel_tol=_SAME_STEP)
    remedy = "the step is not against the gradient, or has another length: look at the optimizer and preprocess"
    return Line(
        "one small step",
        f"loss {'falls' if fall >= 0 else 'rises'} by {abs(fall):.4g}",
        f"falls by {said:.4g}",
        passed,
        remedy,
    )


def update_ratio(parts: _Parts) -> Line:
    """How much of W a step changes. The notes' 1e-3 is of long runs: early steps change more."""
    plan = parts.plan
    steps = _steps(parts, plan.sample, plan.step_size)
    before = after = plan.weights
    number = min(RATIO_STEPS, plan.steps)
    for _, state in islice(steps, number):
        before, after = after, state.weights
    change, size = (float(np.linalg.norm(split(each)[0])) for each in (after - before, after))
    ratio = (f"{change / size:.2g}" if math.isfinite(change / size) else "not finite") if size else "no number: W is 0"
    return Line("update ratio", f"{ratio} at step {number}", "1e-3 late in training", None)


def shuffled_labels(parts: _Parts) -> Line:
    """With the labels of all images shuffled, nothing can be learned: val stays where guessing is."""
    plan, name, expected = parts.plan, "labels shuffled", "no better than guessing"
    if plan.val is None:
        return Line(name, "there is no val split", expected, None)
    splits = [limit(each, COMPARED, plan.config.seed) for each in (plan.train, plan.val)]
    n = [len(each) for each in splits]
    y = np.concatenate([each.y for each in splits])[shuffled(sum(n), plan.config.seed, CHECK)]
    other = _short_run(plan, *(_relabeled(each, part) for each, part in zip(splits, np.split(y, n[:1]), strict=True)))
    try:
        *_, end = train(other, serial_sum, first_snapshot(other))
    except DivergedError as error:
        return Line(name, "training diverges", expected, False, str(error))
    assert isinstance(end, Finished)
    assert end.val is not None
    _, support, predicted = end.val.pairs.totals(plan.weights.shape[1])
    chance = float(support @ predicted) / n[1] ** 2  # what the same answers have right in any order
    low, high = wilson_interval(end.val.correct, n[1], Z_999)
    measured = f"val {100 * low:.1f} to {100 * high:.1f} %"
    remedy = "the label of an image can be read off it, or is counted wrongly"
    return Line(name, measured, f"{100 * chance:.1f} %, by guessing", low <= chance <= high, remedy)


def splits_alike(parts: _Parts) -> Line:
    """Train and val are of one kind: their values have the same mean, their classes the same shares."""
    plan, name = parts.plan, "train and val alike"
    if plan.val is None:
        return Line(name, "there is no val split", "nearly equal", None)
    ours, others = (limit(each, COMPARED, plan.config.seed) for each in (plan.train, plan.val))
    means, other_means = _means(ours), _means(others)
    noise = Z_999 * math.sqrt(1 / len(ours) + 1 / len(others))
    apart, deviation = float(abs(means.mean() - other_means.mean())), float(max(means.std(), other_means.std()))
    p, q = (each.class_counts() / len(each) for each in (plan.train, plan.val))
    share = np.average([p, q], axis=0, weights=[len(plan.train), len(plan.val)])  # of both together
    noise_of_shares = Z_999 * np.sqrt(share * (1 - share) * (1 / len(plan.train) + 1 / len(plan.val)))
    rarest = int(np.argmax(np.abs(p - q) - noise_of_shares))
    most, most_of_shares = (_DARKER + noise) * deviation, _RARER + noise_of_shares
    alike, shared = apart <= most, bool((np.abs(p - q) <= most_of_shares).all())
    measured = f"mean value {means.mean():.4g}, {other_means.mean():.4g}"
    expected = f"at most {most:.3g} apart"
    if not shared:
        expected = f"at most {100 * most_of_shares[rarest]:.1f} % apart"
        measured = f"{plan.train.class_names[rarest]}: {100 * p[rarest]:.1f} %, {100 * q[rarest]:.1f} %"
    remedy = "the splits come from different sources: imgclf data info"
    return Line(name, measured, expected, alike and shared, remedy)


CHECKS: tuple[Callable[[_Parts], Line], ...] = (
    loss_of_equal_scores, penalty, by_heart, gradient, small_step, update_ratio, shuffled_labels, splits_alike,
)  # fmt: skip


def _steps(
    parts: _Parts, sample: SampleFn, step_size: Schedule, *, weights: FloatArray | None = None, penalized: bool = True
) -> Iterator[tuple[BatchGradient, TrainState]]:
    """Take steps with the optimizer of the config."""
    plan = parts.plan
    objective = parts.objective if penalized else replace(parts.objective, l2=0.0, l1=0.0)
    return descend(
        start(plan.weights if weights is None else weights, plan.optimizer),
        sample=sample,
        objective=objective,
        evaluate_gradient=parts.gradient,
        optimizer=plan.optimizer,
        step_size=step_size,
    )


def _means(dataset: Dataset) -> FloatArray:
    """Return the mean value of each example, (N,)."""
    examples = dataset.pixels(np.arange(len(dataset)))
    return np.asarray(examples.reshape(len(examples), -1).mean(axis=1, dtype=np.float64))


def _relabeled(dataset: Dataset, y: IntArray) -> Dataset:
    labels = dataset.labels.astype(np.int64)
    labels[dataset.rows] = y
    return replace(dataset, labels=labels)


def _short_run(plan: Plan, ours: Dataset, others: Dataset) -> Plan:
    """Return the plan of a short run on other data."""
    settings = {"train": plan.config.train.model_copy(update={"epochs": SHUFFLED_EPOCHS}), "early_stopping": None}
    config = plan.config.model_copy(update=settings)
    size = min(plan.batch_size, len(ours))
    per_epoch = steps_per_epoch(len(ours), size)
    return replace(
        plan,
        config=config,
        train=ours,
        val=others,
        kernel=analytic_kernel(config),
        step_size=make_schedule(config, per_epoch),
        sample=make_sampler(config, ours, plan.preprocess, size),
        batch_size=size,
        steps_per_epoch=per_epoch,
    )
