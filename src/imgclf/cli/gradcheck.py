"""`imgclf gradcheck`: the gradient by calculus against the gradient by trying."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, plural, table
from imgclf.cli.options import config_options, json_option

if TYPE_CHECKING:
    from imgclf.gradcheck.textbook import Check, Compared

REFUSED = 1
WORST = 10  # parameters shown of a check that failed
POINTS = {"steps": "after training", "wide": "random W"}


@click.command("gradcheck", short_help="Check the gradients of the losses.")
@config_options
@click.option("--images", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
              help="How many training images to check on, stratified by seed.")  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context, files: tuple[Path, ...], overrides: tuple[str, ...], images: int, as_json: bool
) -> None:
    """Check the analytic gradient against central differences, in float64, on real images.

    Every bias and a sample of the weights; a parameter whose step crosses a kink of a hinge is left out and counted.
    All losses, unless -c or -s model.loss names one. Exit 1 on a mismatch, or where nothing could be told.
    """
    import time

    from imgclf.compose import make_plan
    from imgclf.config import resolve
    from imgclf.gradcheck.textbook import check_plan, overall
    from imgclf.losses import LOSSES
    from imgclf.parallel import workers

    console = Console(ctx, as_json=as_json)
    resolved = resolve(files, overrides)
    config = resolved.config
    one_loss = resolved.origins["model.loss"] != "default"
    began = time.perf_counter()
    plan = make_plan(config)
    console.say(
        f"{config.data.source}: {plural(min(images, len(plan.train)), 'training image')}, "
        f"{plural(plan.weights.size, 'parameter')}; in float64\n"
    )
    with workers(1):
        checks = list(check_plan(plan, [config.model.loss] if one_loss else list(LOSSES), images))
    verdict = overall(checks)
    _print(console, checks, plan.weights.size, verdict)
    console.object(summarise(checks, plan.weights.shape, verdict, time.perf_counter() - began))
    if verdict != "pass":
        ctx.exit(REFUSED)


def summarise(checks: "list[Check]", shape: tuple[int, ...], verdict: str, seconds: float) -> dict[str, Any]:
    """Return what `--json` prints."""
    rows, classes = shape
    everywhere = set.intersection(*({one.place for one in check.compared} for check in checks))
    found = [check for check in checks if check.worst is not None]
    worst = max(found, key=lambda check: check.worst.ratio if check.worst else 0, default=None)
    return {
        "verdict": verdict,
        "checked": len(everywhere),
        "parameters": rows * classes,
        "seconds": seconds,
        "worst": _compared(worst.worst if worst else None, rows),
        "checks": [
            {
                "loss": check.loss,
                "l2": check.term.objective.l2,
                "l1": check.term.objective.l1,
                "point": check.point,
                "layer": check.term.layer,
                "verdict": check.verdict,
                "reason": check.reason,
                "checked": len(check.compared),
                "left_out": check.left_out,
                "worst": _compared(check.worst, rows),
            }
            for check in checks
        ],
    }


def _compared(one: "Compared | None", rows: int) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "parameter": parameter_name(one.place, rows),
        "analytic": _number(one.analytic),
        "numerical": _number(one.numerical),
        "error": _number(one.error),
        "bound": _number(one.bound),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def parameter_name(place: tuple[int, int], rows: int) -> str:
    """Write a place of the weights (rows = D+1) as W[d,c] or b[c]."""
    row, column = place
    return f"b[{column}]" if row == rows - 1 else f"W[{row},{column}]"


def seconds_text(seconds: float) -> str:
    """Write a rough time: 3.3 s, 140 s."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _print(console: Console, checks: "list[Check]", parameters: int, verdict: str) -> None:
    header = [
        "loss",
        "point",
        "term",
        "compared",
        "left out",
        "evaluations",
        "by trying",
        "by calculus",
        "error",
        "bound",
        "",
    ]
    rows = [
        [
            check.loss,
            POINTS[check.point],
            check.term.layer,
            f"{len(check.compared)}",
            f"{check.left_out}",
            f"{check.evaluations:,}",
            f"{1000 * check.numerical_seconds:,.1f} ms",
            f"{1000 * check.analytic_seconds:,.2f} ms",
            f"{check.worst.error:.1e}" if check.worst else "-",
            f"{check.worst.bound:.1e}" if check.worst else "-",
            check.verdict,
        ]
        for check in checks
    ]
    console.say(table(header, rows, left=3) + "\n")
    for check in checks:
        if check.verdict != "pass":
            console.result(f"{check.loss}, {POINTS[check.point]}, {check.term.layer}: {check.reason}")
            for one in sorted(check.compared, key=lambda one: -one.ratio)[:WORST]:
                name = parameter_name(one.place, check.rows)
                console.result(f"  {name}: calculus {one.analytic:.10g}, trying {one.numerical:.10g}, "
                               f"error {one.error:.2g}, bound {one.bound:.2g}")  # fmt: skip
    data = [check for check in checks if check.term.layer == "data" and check.compared]
    trying = sum(check.numerical_seconds for check in data) / max(1, sum(len(check.compared) for check in data))
    calculus = sum(check.analytic_seconds for check in data) / max(1, len(data))
    console.say(
        f"One gradient of {parameters:,} parameters: by trying {2 * parameters:,} evaluations of the loss, about "
        f"{seconds_text(trying * parameters)}; by calculus {1000 * calculus:.2g} ms."
    )
    console.result(f"verdict: {verdict}")
