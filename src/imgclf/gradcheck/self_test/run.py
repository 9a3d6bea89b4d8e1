"""Run the self-test, and compare with usual gradient checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.config import Config
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.check import Check, Penalty, checks_of, make_cases
from imgclf.gradcheck.checks.small_cases import SMALL_CASES, small_case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images
from imgclf.gradcheck.self_test.mutants import MUTANTS, Mutant
from imgclf.gradcheck.self_test.usual_checks import one_direction, ten_samples
from imgclf.machine.progress import advancing
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.training.plan import Plan

FEWEST = 64  # images
CLASS_WEIGHTS = 0.5, 1.75  # of the first and the last class
# The fastest first: a mistake that is found needs no other check.
ORDER = ("exhaustive", "small_cases", "value", "purity", "optimizer", "float32", "invariances", "training", "textbook")


@dataclass(frozen=True)
class Trial:
    """One mistake in one loss, and which check found it."""

    mutant: Mutant
    loss: str
    check: str  # the first that found it; "" if none did
    differs: bool  # whether it changes a bit, if none did
    ten_samples: bool
    one_direction: bool

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether it was found, or changes nothing on this data."""
        return self.is_none or (bool(self.check) and not self.mutant.equivalent)

    @property
    def is_none(self) -> bool:
        """Whether it is no mistake here: it changes no bit."""
        return not self.check and not self.differs


@dataclass(frozen=True)
class SelfTest:
    """All trials, and the false alarms."""

    trials: Sequence[Trial]
    false_alarms: Sequence[str]  # losses whose right code the check calls wrong

    @property
    def verdict(self) -> str:
        """Return pass or fail."""
        sound = not self.false_alarms and all(trial.is_as_it_should_be for trial in self.trials)
        return "pass" if sound else "fail"


def usual_settings(config: Config) -> Config:
    """Return the config with the default optimizer, schedule, dtype and model, where every mistake is visible."""
    default = Config()
    train = config.train.model_copy(update={"dtype": default.train.dtype, "epochs": default.train.epochs})
    return config.model_copy(
        update={"optimizer": default.optimizer, "schedule": default.schedule, "train": train, "model": default.model}
    )


def self_test(
    plan: Plan, losses: Sequence[str], images: int, penalty: Penalty, checks: Mapping[str, Check] | None = None
) -> SelfTest:
    """Try every mutant of every loss; `checks` are all by default, or a part of them."""
    if plan.class_weights is None:  # mistakes in weighting are visible only with class weights
        plan = replace(plan, class_weights=np.linspace(*CLASS_WEIGHTS, plan.weights.shape[1]))
    X, y = stratified_images(plan, images)
    checks = checks_of(plan) if checks is None else checks
    trials: list[Trial] = []
    alarms = []
    planted = [(loss, mutant) for loss in losses for mutant in MUTANTS if loss in mutant.losses]
    advance = advancing("planting", len(planted), "mistake")
    for loss in losses:
        cases, right = make_cases(plan, loss, X, y), Implementation.of(plan, loss)
        if first_to_see(right, cases, penalty, checks):
            alarms.append(loss)
        for mutant in [mutant for one, mutant in planted if one == loss]:
            trials.append(_try(mutant, right, cases, penalty, checks))
            advance(1)
    return SelfTest(trials, alarms)


def _try(
    mutant: Mutant, right: Implementation, cases: Mapping[str, Case], penalty: Penalty, checks: Mapping[str, Check]
) -> Trial:
    loss = cases["wide"].loss
    check = first_to_see(mutant.plant(right), cases, penalty, checks)
    differs = not check and _differ(mutant.plant(right), right, cases, penalty)
    samples, direction = (usual(mutant.plant(right), cases["wide"], *penalty) for usual in (ten_samples, one_direction))
    return Trial(mutant, loss, check, differs, samples, direction)


def first_to_see(code: Implementation, cases: Mapping[str, Case], penalty: Penalty, checks: Mapping[str, Check]) -> str:
    """Return the first check that finds a mistake; "" if none does."""
    for name in ORDER:
        if name not in checks:
            continue
        for point, case in cases.items():
            if point in checks[name].points and checks[name].run(code, case, *penalty).verdict == "fail":
                return name
    return ""


def _differ(code: Implementation, right: Implementation, cases: Mapping[str, Case], penalty: Penalty) -> bool:
    """Whether values or gradients of two implementations differ in a bit, on any case or small case."""
    loss = cases["wide"].loss
    for case in [*cases.values(), *(small_case(name, loss) for name in SMALL_CASES)]:
        for ask in _QUESTIONS:
            mine, theirs = (
                np.asarray(ask(one.with_class_weights(case.class_weights), case, penalty)) for one in (code, right)
            )
            if mine.tobytes() != theirs.tobytes():
                return True
    return False


def _single(array: FloatArray) -> FloatArray:
    return array.astype(np.float32)


def _trains(code: Implementation, case: Case, penalty: Penalty) -> FloatArray:
    rows = np.resize(np.arange(len(case.y)), 5 * BLOCK + 1)  # several blocks, the last one short
    batch = Batch.of(_single(case.X[rows]), case.y[rows])
    return code.kernel(serial_sum)(code.objective(*penalty), batch, _single(case.weights)).grad


_QUESTIONS: list[Callable[[Implementation, Case, Penalty], object]] = [
    lambda code, case, penalty: code.gradient_at(case.X, case.y, case.weights, *penalty),
    lambda code, case, penalty: code.gradient_at(_single(case.X), case.y, _single(case.weights), *penalty),
    _trains,
    lambda code, case, penalty: code.value(code.objective(*penalty), Batch.of(case.X, case.y), case.weights),
    lambda code, case, penalty: code.weighted_loss(case.scores.copy(), case.y)[0],
]
