"""Report of `imgclf gradcheck`, as text and as JSON."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from imgclf.cli.console import Console, fold, table
from imgclf.errors import plural
from imgclf.machine.terminal import display_width

if TYPE_CHECKING:
    from imgclf.gradcheck.check import CheckedLoss
    from imgclf.gradcheck.verdict import Compared, Finding
    from imgclf.training.plan import Plan

SHOWN = 10  # parameters of a table
FIVE = 5  # parameters that explain the check
PLACE = 29  # columns of a parameter's pixel and class
POINTS = {"zero": "W = 0", "start": "given W", "steps": "10 steps on", "wide": "random W"}
CHECKS = {
    "value": "loss value, in extended precision",
    "textbook": "central differences, weight by weight",
    "exhaustive": "every parameter, by exact differences",
    "complex step": "the exact differences, by complex step",
    "invariances": "order, repeats, units, parts, convexity",
    "purity": "deterministic; changes no input or state",
    "small_cases": "tiny data, two classes, huge scores",
    "optimizer": "steps and step sizes, by their formulas",
    "float32": "loss and gradient in float32",
    "training": "the kernel that trains, on a batch",
}


def print_report(console: Console, plan: "Plan", checked: "Sequence[CheckedLoss]", verdict: str) -> None:
    """Print five weights, failures, times and the verdict; with --verbose also what each check found."""
    findings = [finding for one in checked for finding in one.findings]
    if lines := _five_weights(findings, plan):
        console.say(*lines, "")
    console.say(*_cost(checked[0], plan), "")
    if console.verbose:
        _print_tables(console, plan, checked, findings)
    _print_failures(console, findings, plan, verdict)
    console.say(*fold("", _in_a_sentence(findings, plan, verdict)))
    console.result(f"verdict: {verdict}")


def _print_tables(
    console: Console, plan: "Plan", checked: "Sequence[CheckedLoss]", findings: "Sequence[Finding]"
) -> None:
    console.say(
        *_losses(checked),
        "error, share: of the parameter with the largest share of its bound on",
        "truncation and rounding. hidden: the largest mistake that could stay",
        "undetected in a parameter; relative: to the median gradient. kinks: parameters",
        "whose step crosses one.",
        "",
    )
    console.say(*_checks(findings), "")
    console.say(*_worst(findings, plan), "")
    _print_kinks(console, checked, plan)
    for finding in findings:
        console.detail(f"{_about(finding)}: {finding.verdict}, {finding.outcome.reason}")


def _five_weights(findings: "Sequence[Finding]", plan: "Plan") -> list[str]:
    """Return a table of parameters of one loss: the worst where one is wrong, then those of the largest gradient."""
    from imgclf.report.labels import shorten

    wrong = [(f, f.worst) for f in findings if f.verdict == "fail" and f.worst]
    chosen = [max(wrong, key=lambda pair: pair[1].ratio)] if wrong else []
    losses = [f.loss for f, _ in chosen] or [findings[0].loss]
    tried = [f for f in findings if f.check == "textbook" and f.loss in losses and not f.l2 and not f.l1]
    largest = [(f, one) for f in tried[:1] for one in f.outcome.largest]
    chosen += [(f, one) for f, one in largest if one.parameter not in {wrong.parameter for _, wrong in chosen}]
    if not chosen:
        return []
    rows = []
    for _, compared in chosen[:FIVE]:
        size = max(abs(compared.analytic), abs(compared.numerical))
        place = shorten(pixel_and_class(compared.parameter, plan), lambda text: display_width(text) <= PLACE)
        rows.append(
            [
                parameter_name(compared.parameter, len(plan.weights)),
                place,
                _derivative(compared.numerical),
                _derivative(compared.analytic),
                f"{compared.error / size:.0e}" if size else "0",
            ]
        )
    header = ["parameter", "pixel; class", "by trying", "by calculus", "rel. error"]
    return [
        f"The slope of the {chosen[0][0].loss} loss along some weights, found in two ways:",
        *table(header, rows, left=2),
        "by trying: move the weight a little down and up, and see how the loss changes.",
        "by calculus: the formula that training uses. Its error is relative.",
    ]


def _derivative(value: float) -> str:
    """Write a derivative with digits to compare, in at most 12 characters."""
    text = f"{value:.8f}"
    return text if len(text) <= 12 else f"{value:.5e}"


def _in_a_sentence(findings: "Sequence[Finding]", plan: "Plan", verdict: str) -> str:
    losses = list(dict.fromkeys(finding.loss for finding in findings))
    what, are = f"gradient of the {losses[0]} loss", "is"
    if len(losses) > 1:
        what, are = f"gradients of {len(losses)} losses", "are"
    if verdict == "pass":
        return f"The {what} {are} right at all {plan.weights.size:,} parameters, up to rounding."
    if verdict == "fail":
        return f"Not all of the {what} {are} right, so training would not follow the slope."
    return f"No mistake was found in the {what}, but these images are not enough to prove it right."


def _losses(checked: "Sequence[CheckedLoss]") -> list[str]:
    from imgclf.gradcheck.verdict import judge

    rows = []
    for one in checked:
        worst = max((f.worst for f in one.findings if f.check == "exhaustive" and f.worst), key=lambda one: one.ratio)
        cases = list(one.cases.values())
        floor = max(2 * float(case.truth.bound.max()) for case in cases)
        size = np.abs(np.concatenate([case.truth.gradient.ravel() for case in cases]))
        median = float(np.median(size[size > 0])) if size.any() else math.nan
        kinked = sum(int((case.truth.kink_width > 0).sum()) for case in cases)
        rows.append(
            [
                one.loss,
                f"{worst.error:.1e}",
                _share(worst.ratio),
                f"{floor:.0e}",
                f"{floor / median:.0e}",
                f"{kinked:,}",
                judge(one.findings),
            ]
        )
    header = ["loss", "error", "share", "hidden", "relative", "kinks", "verdict"]
    return table(header, rows)


def _checks(findings: "Sequence[Finding]") -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for finding in findings:
        counts.setdefault(finding.check, Counter())[finding.verdict] += 1
    rows = [
        [check_name(name), CHECKS[name], ", ".join(f"{n} {verdict}" for verdict, n in count.items())]
        for name, count in sorted(counts.items(), key=lambda one: list(CHECKS).index(one[0]))
    ]
    return table(["check", "what it checks", "result"], rows, left=3)


def _worst(findings: "Sequence[Finding]", plan: "Plan") -> list[str]:
    compared = [(f, one) for f in findings if f.check == "exhaustive" for one in f.outcome.worst]
    compared.sort(key=lambda pair: -pair[1].ratio)
    # Points and penalties may give the same numbers: a parameter is shown once per loss.
    compared = list({(f.loss, one.parameter): (f, one) for f, one in reversed(compared)}.values())[::-1]
    header = ["nearest bound", "point", "parameter", "analytic", "error", "share"]
    rows = []
    for finding, one in compared[:SHOWN]:
        name, _, analytic, _, error = _row(one, plan)
        rows.append([finding.loss, POINTS[finding.point], name, analytic, error, _share(one.ratio)])
    return table(header, rows, left=3)


def _row(one: "Compared", plan: "Plan") -> list[str]:
    name, where = parameter_name(one.parameter, len(plan.weights)), pixel_and_class(one.parameter, plan)
    return [name, where, f"{one.analytic:.9g}", f"{one.numerical:.9g}", f"{one.error:.1e}"]


def _print_kinks(console: Console, checked: "Sequence[CheckedLoss]", plan: "Plan") -> None:
    """Print the first parameter of each loss and point whose step crosses a kink, and the image of the kink."""
    lines: dict[str, list[str]] = {}
    for one in checked:
        for finding in one.findings:
            if finding.check == "exhaustive" and finding.outcome.kinks:
                count = plural(finding.outcome.kinked, "parameter")
                example = f"{count}, e.g. {kink_text(finding.outcome.kinks[0], plan)}"
                told = fold("  ", f"{one.loss}, {POINTS[finding.point]}: {example}")
                lines.setdefault(f"{one.loss}: {example}", told)
    if lines:
        rule = "Where a step crosses a kink, any gradient between the one-sided derivatives is right:"
        console.say(*fold("", rule), *chain.from_iterable(lines.values()), "")


def kink_text(one: "Compared", plan: "Plan") -> str:
    """Describe a kink: its image, the class that ties, and the one-sided derivatives."""
    assert one.kink is not None
    kink, names = one.kink, plan.train.class_names
    name, where = parameter_name(one.parameter, len(plan.weights)), pixel_and_class(one.parameter, plan)
    return (
        f"{name} ({where}): image {kink.example} ({names[kink.label]}) has margin {kink.margin:.2g} with "
        f"{names[kink.rival]}; derivatives {kink.left:.4g} and {kink.right:.4g}, analytic {one.analytic:.4g}"
    )


def _print_failures(console: Console, findings: "Sequence[Finding]", plan: "Plan", verdict: str) -> None:
    if verdict == "pass":
        return  # checks that are inconclusive at one point pass at another
    # A reason is printed once for all its points and penalties.
    wrong: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        if finding.verdict != "pass":
            wrong.setdefault((finding.loss, finding.check, finding.outcome.reason), finding)
    for finding in sorted(wrong.values(), key=lambda one: one.verdict != "fail")[:SHOWN]:
        console.result(f"{_about(finding)}: {finding.verdict}: {finding.outcome.reason}")
        for one in finding.outcome.worst[:3] if finding.verdict == "fail" else ():
            name, where, here, there, error = _row(one, plan)
            console.result(f"  {name} ({where}): analytic {here}, numerical {there}, error {error}, "
                           f"bound {one.bound:.1e}")  # fmt: skip
    if len(wrong) > SHOWN:
        console.result(f"and {len(wrong) - SHOWN} more; --json has them all")


def _about(finding: "Finding") -> str:
    penalty = f", l2 {finding.l2:g}, l1 {finding.l1:g}" if finding.l2 or finding.l1 else ""
    return f"{finding.loss}, {POINTS[finding.point]}{penalty}, {check_name(finding.check)}"


def check_name(check: str) -> str:
    """Return the name of a check as tables print it."""
    return check.replace("_", " ")


def _cost(checked: "CheckedLoss", plan: "Plan") -> list[str]:
    """Measure the time of one gradient by each method."""
    from imgclf.arrays import Batch
    from imgclf.gradcheck.truth.exhaustive import differences
    from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
    from imgclf.losses import LOSSES

    case = checked.cases["wide"]
    batch, objective = Batch.of(case.X, case.y), Objective(LOSSES[case.loss])
    loss = _seconds(lambda: evaluate_loss(objective, batch, case.weights))
    exact = _seconds(lambda: differences(case.loss, case.scores, case.X, case.y))
    analytic = _seconds(lambda: analytic_gradient(objective, batch, case.weights))
    evaluations = 2 * plan.weights.size
    return [
        f"The whole gradient, {plural(plan.weights.size, 'parameter')}, on {plural(len(case.y), 'image')}:",
        f"by trying    {evaluations:,} losses, about {_time(evaluations * loss)}",
        f"by calculus  one formula, {_time(analytic)}",
        f"This check   exact differences of the loss at every parameter, {_time(exact)}",
    ]


def _seconds(function: Any) -> float:
    """Time a call, the best of five where it is quick."""
    times: list[float] = []
    while not times or (len(times) < 5 and sum(times) < 0.2):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.{0 if seconds > 0.01 else 2}f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _share(ratio: float) -> str:
    return f"{ratio:.1%}" if ratio < 10 else f"{ratio:.2g} x"


def parameter_name(index: tuple[int, int], rows: int) -> str:
    """Return the name of a parameter, W[d,c] or b[c]; rows is D+1."""
    row, column = index
    return f"b[{column}]" if row == rows - 1 else f"W[{row},{column}]"


def pixel_and_class(index: tuple[int, int], plan: "Plan") -> str:
    """Return the pixel and the class of a weight: row 3, column 7, red; dog."""
    d, c = index
    what = "bias" if d == len(plan.weights) - 1 else pixel_name(d, plan.train.example_shape)
    return f"{what}; {plan.train.class_names[c]}"


def pixel_name(d: int, example_shape: Sequence[int]) -> str:
    """Return the position of number d of an example: row 3, column 7, red."""
    if len(example_shape) == 1:
        return f"feature {d}"
    pixel, channel = divmod(d, example_shape[2])
    row, column = divmod(pixel, example_shape[1])
    color = f", {('red', 'green', 'blue')[channel]}" if example_shape[2] == 3 else ""
    return f"row {row}, column {column}{color}"


def check_object(
    checked: "Sequence[CheckedLoss]", shape: tuple[int, ...], verdict: str, seconds: float
) -> dict[str, Any]:
    """Return the JSON object of the check."""
    rows, classes = shape
    findings = [finding for one in checked for finding in one.findings]
    fewest = min(finding.outcome.checked for finding in findings if finding.check == "exhaustive")
    worst = max((one.worst for one in findings if one.worst), key=lambda one: one.ratio, default=None)
    content = common_keys(verdict, fewest, rows * classes, seconds, worst, findings, rows)
    for check, finding in zip(content["checks"], findings, strict=True):
        kinks = [compared_object(one, rows) for one in finding.outcome.kinks]
        check |= {"kinked": finding.outcome.kinked, "kinks": kinks}
    return content


def common_keys(
    verdict: str, checked: int, parameters: int, seconds: float, worst: "Compared | None" = None,
    findings: "Sequence[Finding]" = (), rows: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Return the JSON keys that every gradient check has; rows is D+1."""
    return {
        "verdict": verdict,
        "checked": checked,
        "parameters": parameters,
        "seconds": seconds,
        "worst": compared_object(worst, rows),
        "checks": [
            {
                "loss": finding.loss,
                "l2": finding.l2,
                "l1": finding.l1,
                "point": finding.point,
                "layer": finding.check,
                "verdict": finding.verdict,
                "reason": finding.outcome.reason,
                "checked": finding.outcome.checked,
                "worst": compared_object(finding.worst, rows),
            }
            for finding in findings
        ],
    }


def compared_object(one: "Compared | None", rows: int) -> dict[str, Any] | None:
    """Return a compared parameter as a JSON object, with null for numbers that are not finite; rows is D+1."""
    if one is None:
        return None
    numbers = {"analytic": one.analytic, "numerical": one.numerical, "error": one.error, "bound": one.bound}
    content: dict[str, Any] = {"parameter": parameter_name(one.parameter, rows)}
    content |= {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return content | ({"kink": one.kink._asdict()} if one.kink else {})
