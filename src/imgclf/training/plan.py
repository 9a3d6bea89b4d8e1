"""Build the parts of a run from a config."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import signature
from typing import TypeAlias

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.config import Config
from imgclf.data.augment import augmented
from imgclf.data.batches import Reader, SampleFn, epoch_sampler, steps_per_epoch
from imgclf.data.dataset import Dataset, described
from imgclf.data.features.fitted import Features, FeatureVectors
from imgclf.data.preprocess import (
    Preprocess,
    default_scale,
    default_std,
    fit_preprocess,
    spread,
    tiny_range,
    widest_range,
)
from imgclf.data.splits import limit
from imgclf.errors import DataError, UsageError, plural
from imgclf.gradients import Objective, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.numerics.products import order_of
from imgclf.numerics.random_streams import WEIGHTS, normal, stream
from imgclf.numerics.sums import Summation, serial_sum
from imgclf.optimizers import OPTIMIZERS, Optimizer
from imgclf.schedules import SCHEDULES, Schedule, with_warmup
from imgclf.speed.judging import Judging
from imgclf.speed.kernels import Kernel, helpful_threads_of, judging_of, kernel_named
from imgclf.training.class_weights import class_weights_of, weighted
from imgclf.training.classifier import Model
from imgclf.training.features import featured, featured_splits, fit_features
from imgclf.training.loading import load_training_data, where

Loader: TypeAlias = Callable[[Config], tuple[Dataset, Dataset | None]]  # returns train and val

A_FEW = 64  # examples that a draft looks at
SMALL_SPREAD = 1 / 50  # standard deviation of X


@dataclass(frozen=True)
class Plan:
    """The parts of a run that has not started; `config` has no null left that depends on the data, and no sweep."""

    config: Config
    train: Dataset
    val: Dataset | None
    features: Features | None  # which train and val have in the place of images
    preprocess: Preprocess
    class_weights: FloatArray | None  # (C,)
    objective: Objective
    kernel: Kernel
    optimizer: Optimizer
    step_size: Schedule
    sample: SampleFn
    weights: FloatArray  # (D+1, C), before the first step
    batch_size: int
    steps_per_epoch: int
    is_draft: bool = False

    @property
    def steps(self) -> int:
        """The number of steps of the run."""
        return self.config.train.epochs * self.steps_per_epoch

    def examples(self, step: int) -> int:
        """Return the size of a step's batch: the last one of an epoch may be smaller."""
        start = step % self.steps_per_epoch * self.batch_size
        return min(self.batch_size, len(self.train) - start)

    @property
    def judging(self) -> Judging | None:
        """How the kernel evaluates, if it has a device of its own."""
        return judging_of(self.kernel)

    def threads(self, cores: int) -> int:
        """Return how many of these cores to train on: as many as make it faster."""
        return helpful_threads_of(self.kernel, cores, *self.weights.shape)

    def model(self, weights: FloatArray) -> Model:
        """Return the classifier with these weights."""
        names, loss = self.train.class_names, self.config.model.loss
        objective = loss, self.objective.l2, self.objective.l1, self.class_weights
        return Model(weights, self.preprocess, names, *objective, self.features, self.train.input_format)


def make_plan(
    config: Config,
    sum_blocks: Summation = serial_sum,
    load: Loader = load_training_data,
    *,
    threads: int | None = None,
    draft: bool = False,
) -> Plan:
    """Load the data of a run and build its parts. The test split is never opened.

    threads   that compute features; None: all cores
    draft     a plan to look at: features that are not in the cache are computed when they are read, and preprocessing
              of features is fitted on a few
    """
    config = config.model_copy(update={"sweep": None})  # a run is one of its trials, and repeats as that
    kernel = make_kernel(config)  # first: a compiled one loads while the data is read
    train, val = load(config)
    check_early_stopping(config, val)
    features = fit_features(config, train)
    train, val = featured_splits(features, (train, val), threads, on_demand=draft)
    check_augment(config, train)
    seen = limit(train, A_FEW, config.seed) if draft and features else train
    config = with_data_defaults(config, seen)
    class_weights = class_weights_of(config, train)
    preprocess = fit(config, seen, sum_blocks)
    size = len(train) if config.train.batch_size == "all" else min(config.train.batch_size, len(train))
    per_epoch = steps_per_epoch(len(train), size)
    return Plan(
        config=config,
        train=train,
        val=val,
        features=features,
        preprocess=preprocess,
        class_weights=class_weights,
        objective=make_objective(config, class_weights=class_weights),
        kernel=kernel,
        optimizer=make_optimizer(config),
        step_size=make_schedule(config, per_epoch),
        sample=make_sampler(config, train, preprocess, size),
        weights=initial_weights(config, preprocess.size, len(train.class_names)),
        batch_size=size,
        steps_per_epoch=per_epoch,
        is_draft=draft,
    )


def continue_from(plan: Plan, model: Model) -> Plan:
    """Return the plan of a run that starts from a trained model."""
    images = plan.train.pictures if isinstance(plan.train, FeatureVectors) else plan.train
    if model.class_names != plan.train.class_names or model.input.example_shape != images.example_shape:
        classes = len(plan.train.class_names)
        raise DataError(
            where(plan.config),
            f"{images.unit}s of {described(images.example_shape)} in {plural(classes, 'class', 'classes')}, "
            f"the model was trained on {described(model.input.example_shape)} in {len(model.class_names):,}",
            "the data has changed since the run: restore it, or train again",
        )
    # The model's: on another processor, others are learned in the last bits.
    train = featured(model.features, images, on_demand=plan.is_draft)
    return replace(
        plan,
        train=train,
        features=model.features,
        preprocess=model.preprocess,
        sample=make_sampler(plan.config, train, model.preprocess, plan.batch_size),
        weights=model.weights,
    )


def make_sampler(config: Config, train: Dataset, preprocess: Preprocess, batch_size: int) -> SampleFn:
    """Return sample(step), which shuffles and augments by the config's seed."""
    read, changes = Reader(preprocess, train), config.augment
    sample = epoch_sampler(len(train), batch_size, config.seed, read)
    return augmented(sample, read, config.seed, flip=changes.flip, shift=changes.shift)


def make_kernel(config: Config) -> Kernel:
    """Return the config's gradient: the analytic one by its kernel, or the numerical one."""
    if config.train.gradient == "numerical":
        return lambda sum_blocks: numerical_gradient
    return analytic_kernel(config)


def analytic_kernel(config: Config) -> Kernel:
    """Return the config's kernel."""
    return kernel_named(config.train.kernel, config.train.dtype, config.train.device)


def make_objective(config: Config, loss: str | None = None, class_weights: FloatArray | None = None) -> Objective:
    """Return the config's objective, or the same with another loss."""
    penalty = config.regularization
    return Objective(weighted(LOSSES[loss or config.model.loss], class_weights), penalty.l2, penalty.l1)


def make_optimizer(config: Config) -> Optimizer:
    """Return the config's optimizer."""
    return OPTIMIZERS[config.optimizer.name](**config.optimizer.model_dump(exclude={"name"}))


def make_schedule(config: Config, per_epoch: int) -> Schedule:
    """Return the config's schedule, given the lengths of the run that its factory asks for."""
    chosen, factory = config.schedule, SCHEDULES[config.schedule.name]
    length = {"steps": config.train.epochs * per_epoch, "steps_per_epoch": per_epoch}
    needed = {name: length[name] for name in signature(factory).parameters.keys() & length.keys()}
    schedule = factory(**chosen.model_dump(exclude={"name", "warmup_epochs"}), **needed)
    return with_warmup(schedule, round(chosen.warmup_epochs * per_epoch))


def initial_weights(config: Config, size: int, classes: int) -> FloatArray:
    """Return W normal with the config's standard deviation and b = 0, (D+1, C).

    Unless there are many, the weights of a class lie together in memory (order F), as in torch.nn.Linear; arrays
    computed from them keep that order.
    """
    weights = np.zeros((size + 1, classes), config.train.dtype, order=order_of(size, classes))
    if config.model.init_scale:
        weights[:-1] = config.model.init_scale * normal(stream(config.seed, WEIGHTS), (size, classes))
    return weights


def with_data_defaults(config: Config, train: Dataset) -> Config:
    """Return the config with the defaults that depend on the data, scale and std, written out."""
    chosen = config.preprocess
    found = {
        "scale": default_scale(train) if chosen.scale is None else chosen.scale,
        "std": default_std(train) if chosen.std is None else chosen.std,
    }
    return config.model_copy(update={"preprocess": chosen.model_copy(update=found)})


def fit(config: Config, train: Dataset, sum_blocks: Summation) -> Preprocess:
    """Return the config's preprocessing, fitted on the training split."""
    chosen, dtype = config.preprocess, config.train.dtype
    assert chosen.scale is not None, "with_data_defaults has set it"
    assert chosen.std is not None, "with_data_defaults has set it"
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return fit_preprocess(
                train,
                scale=chosen.scale,
                center=chosen.center,
                std=chosen.std,
                dtype=dtype,
                resize=chosen.resize,
                norm=chosen.norm,
                sum_blocks=sum_blocks,
            )
    except ValueError as error:
        raise DataError(where(config), f"{error}: values are too large for {dtype}", "rescale the data") from error


def scale_problem(preprocess: Preprocess, train: Dataset, largest: float = math.inf) -> tuple[str, str]:
    """Return what is wrong with the standard deviation of X, and the override of the config that mends it; "" if none.

    largest   the largest one that is right

    Step sizes suit values with a deviation near 1: from far smaller ones, hardly anything is learned.
    """
    found = spread(preprocess, train)
    if SMALL_SPREAD <= found <= largest:
        return "", ""
    widest = 0 if found > 0 or preprocess.norm else widest_range(train)
    if 0 < widest <= tiny_range(preprocess.dtype):
        return f"the features differ by at most {widest:.1g}, too little for {preprocess.dtype}: multiply them", ""
    if math.isnan(found):
        same = f"x is the same for every training {train.unit}: nothing can be learned from it"
        return (same, "") if len(train) > 1 else ("", "")
    usual = default_scale(train)
    other_scale = preprocess.scale != usual and not preprocess.norm
    much = f"only {found:.2g}" if found < SMALL_SPREAD else f"{found:.2g}"
    override = f"preprocess.scale={usual:g}" if other_scale else "preprocess.std=pixel"
    return f"x has a standard deviation of {much}, step sizes suit one near 1", override


def scale_advice(plan: Plan, largest: float = math.inf) -> str:
    """Return the problem of `scale_problem` and what to try, or ""."""
    problem, override = scale_problem(plan.preprocess, plan.train, largest)
    return f"{problem}: try {override.replace('=', ': ')}" if override else problem


def check_early_stopping(config: Config, val: Dataset | None) -> None:
    """Refuse to monitor a split that does not exist."""
    watched = config.early_stopping
    if watched is not None and watched.monitor.startswith("val/") and val is None:
        problem = f"{watched.monitor} needs a validation split"
        raise UsageError("early_stopping.monitor", problem, "set data.val_fraction above 0, or monitor train/loss")


def check_augment(config: Config, train: Dataset) -> None:
    """Refuse to mirror or shift feature vectors, or to shift images out of view."""
    changes, (*sides, _) = config.augment, train.example_shape
    if not sides and (changes.flip or changes.shift):
        remedy = "leave augment.flip and augment.shift at 0"
        raise UsageError("augment", "feature vectors cannot be mirrored or shifted", remedy)
    if sides and changes.shift >= min(sides):
        problem = f"an image of {sides[0]} x {sides[1]} pixels, shifted by {changes.shift}, may be out of view"
        raise UsageError("augment.shift", problem, f"at most {min(sides) - 1}")
