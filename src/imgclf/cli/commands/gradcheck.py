"""`imgclf gradcheck`: check the analytic gradient against numerical ones."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgclf.cli.console import Console, fold
from imgclf.cli.drawing import drawing
from imgclf.cli.options import PATH, config_options, json_option
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError, plural

if TYPE_CHECKING:
    from imgclf.config import Config
    from imgclf.gradcheck.check import CheckedLoss
    from imgclf.training.plan import Plan

REFUSED = 1


@click.command("gradcheck", cls=Command, short_help="Check the gradients of the losses, or your own.")
@config_options
@click.option("--run", type=PATH, metavar="RUN", help="Check a trained run: its config, loss and weights.")
@click.option("--images", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
              help="Number of training images, stratified by class.")  # fmt: skip
@click.option("--loss", "spec", metavar="FILE.py:FUNCTION",
              help="Check your own function: f(W, X, y, reg) -> (loss, dW).")  # fmt: skip
@click.option("--against", metavar="NAME", help="With --loss: compare with imgclf's own loss NAME.")
@click.option("--penalty", type=click.Choice(["either", "full", "half"]),
              help="With --loss: its penalty is reg * sum(W * W), half of that, or either (the default).")  # fmt: skip
@click.option("--hints", type=click.Choice(["none", "where", "why"]),
              help="With --loss: the verdict alone, also where a mistake is, or also why (the default).")  # fmt: skip
@click.option("--self-test", is_flag=True, help="Plant known mistakes, and check that all are found.")
@click.option("--plot", type=PATH, metavar="DIR",
              help="Draw all errors, and error against step size, into DIR, which must be new or empty.")  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    run: Path | None,
    images: int,
    spec: str | None,
    against: str | None,
    penalty: str | None,
    hints: str | None,
    self_test: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Check the analytic gradient against central differences, at every parameter, on real images.

    \b
    imgclf gradcheck                             all losses and penalties, at four points
    imgclf gradcheck -s model.loss=svm --plot look
    imgclf gradcheck --loss mine.py:my_svm --against svm

    There is no tolerance to set: each error is compared with a computed bound on truncation and rounding. Checks all
    losses, unless -c, --run or -s model.loss names one. Exit 1 if a gradient is wrong or the check is inconclusive.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.cli.student_report import run_student
    from imgclf.files.writing import check_out
    from imgclf.gradcheck.points import stratified_images
    from imgclf.speed.threads import workers

    console = Console(ctx, as_json=as_json)
    _refuse_odd_pairs(files, run, spec, self_test, plot)
    _refuse_odd_hints(spec, against, penalty, hints, plot)
    if plot is not None:
        check_out(plot, "--plot")
    plan, losses, as_config = _what_to_check(files, overrides, run, usual=self_test)
    with workers(1):
        if spec is not None:
            passed = run_student(
                console, plan, spec, against, *stratified_images(plan, images), penalty=penalty or "either",
                hints=hints or "why", plot=plot,
            )  # fmt: skip
        elif self_test:
            passed = _self_test(console, plan, losses, images)
        else:
            passed = _check(console, plan, losses, images, as_config, plot)
    if not passed:
        ctx.exit(REFUSED)


def _refuse_odd_pairs(
    files: tuple[Path, ...], run: Path | None, spec: str | None, self_test: bool, plot: Path | None
) -> None:
    if run is not None and files:
        raise UsageError("gradcheck", "--run and -c exclude each other", "leave -c out: a run has its own config")
    if spec is not None and self_test:
        raise UsageError("--loss", "it cannot be combined with --self-test", "run them one after the other")
    if self_test and run is not None:
        raise UsageError("--self-test", "it tests the check, not a run", "leave --run out")
    if self_test and plot is not None:
        raise UsageError("--plot", "the self-test has no pictures", "leave --plot or --self-test out")


def _refuse_odd_hints(
    spec: str | None, against: str | None, penalty: str | None, hints: str | None, plot: Path | None
) -> None:
    from imgclf.losses import LOSSES

    for option, value in {"--against": against, "--penalty": penalty, "--hints": hints}.items():
        if value is not None and spec is None:
            raise UsageError(option, "there is no function to check", "add --loss FILE.py:FUNCTION")
    if against is not None and against not in LOSSES:
        raise UsageError("--against", f"there is no loss {against!r}", f"the losses are {', '.join(LOSSES)}")
    if plot is not None and hints == "none":
        raise UsageError("--plot", "its pictures show where dW is wrong", "leave --plot or --hints none out")


def _what_to_check(
    files: tuple[Path, ...], overrides: tuple[str, ...], run: Path | None, *, usual: bool
) -> "tuple[Plan, list[str], bool]":
    """Return the plan, the losses, and whether to check with the config's penalty only."""
    from imgclf.config import resolve
    from imgclf.losses import LOSSES
    from imgclf.run.data_identity import check_data, find_data
    from imgclf.run.opening import config_of_run, open_run
    from imgclf.training.loading import where
    from imgclf.training.plan import continue_from, make_plan

    if run is not None:
        path, model = open_run(run)
        if not path.is_dir():
            raise UsageError(str(path), "a model file does not say which images to use", "give its run directory")
        own, config = config_of_run(path), config_of_run(path, overrides)
        if config.data.path == own.data.path:
            config = find_data(config, path, "say where the run's data is now: -s data.path=PATH")
        plan = make_plan(config, draft=True)  # whose features and preprocessing are the model's
        if _same_data_is_asked_for(own, config):
            remedy = "restore the data, or say where it is now: -s data.path=PATH"
            check_data(plan.train, plan.val, path, where(config), remedy)
        return continue_from(plan, model), [config.model.loss], True
    resolved = resolve(files, overrides)
    named = {key: origin != "default" for key, origin in resolved.origins.items()}
    losses: list[str] = [resolved.config.model.loss] if named["model.loss"] else list(LOSSES)
    config = resolved.config
    if usual:
        from imgclf.gradcheck.self_test.run import usual_settings

        config = usual_settings(config)
    return make_plan(config), losses, named["regularization.l2"] or named["regularization.l1"]


def _same_data_is_asked_for(own: "Config", config: "Config") -> bool:
    """Whether -s keeps all settings of a run's training images, except data.path."""
    from imgclf.run.data_identity import with_data_path

    def chosen(one: "Config") -> tuple[object, ...]:
        return with_data_path(one, None).data, one.preprocess, one.seed

    return chosen(own) == chosen(config)


def _check(console: Console, plan: "Plan", losses: list[str], images: int, as_config: bool, plot: Path | None) -> bool:
    from imgclf.cli.gradcheck_report import check_object, print_report
    from imgclf.files.writing import make_folder
    from imgclf.gradcheck.check import check_plan
    from imgclf.gradcheck.verdict import judge

    if plot is not None:
        make_folder(plot)  # an unusable folder is an error before the work, not after
    began = time.perf_counter()
    _introduce(console, plan, images)
    checked = list(check_plan(plan, losses, images, as_config=as_config))
    verdict = judge([finding for one in checked for finding in one.findings])
    seconds = time.perf_counter() - began
    print_report(console, plan, checked, verdict)
    if plot is not None:
        _draw(console, plan, checked, plot)
    console.object(check_object(checked, plan.weights.shape, verdict, seconds))
    return verdict == "pass"


def _introduce(console: Console, plan: "Plan", images: int) -> None:
    from imgclf.data.dataset import described

    weighted = "" if plan.class_weights is None else "; losses weighted by class"
    about = (
        f"{plan.config.data.source}: {plural(min(images, len(plan.train)), 'training image')}, "
        f"{described(plan.train.example_shape)}, {plural(len(plan.train.class_names), 'class', 'classes')}: "
        f"{plural(plan.weights.size, 'parameter')}{weighted}"
    )
    console.say(*fold("", about), "")


def _draw(console: Console, plan: "Plan", checked: "list[CheckedLoss]", directory: Path) -> None:
    drawn: list[str] = []
    with drawing(console, directory, "the check is done; only its pictures are missing"):
        from imgclf.report.gradcheck_pictures import draw_check

        drawn += [name for one in checked for name in draw_check(one, plan, directory)]
    console.say(f"pictures  {directory} ({', '.join(drawn)})")


def _self_test(console: Console, plan: "Plan", losses: list[str], images: int) -> bool:
    from imgclf.cli.self_test_report import print_self_test, self_test_object
    from imgclf.gradcheck.check import penalties_of
    from imgclf.gradcheck.self_test.run import FEWEST, self_test

    began = time.perf_counter()
    images = max(images, FEWEST)
    _introduce(console, plan, images)
    done = self_test(plan, losses, images, penalties_of(plan, as_config=False)[1])
    print_self_test(console, done)
    console.object(self_test_object(done, plan.weights.size, time.perf_counter() - began))
    return done.verdict == "pass"
