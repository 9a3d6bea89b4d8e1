"""Report of `imgclf gradcheck --self-test`, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from imgclf.cli.console import Console, table
from imgclf.cli.gradcheck_report import check_name, summary

if TYPE_CHECKING:
    from imgclf.gradcheck.self_test.run import SelfTest, Trial


def print_self_test(console: Console, done: "SelfTest") -> None:
    """Print which check finds which mistake, a line per mistake."""
    losses = list(dict.fromkeys(trial.loss for trial in done.trials))
    by_mutant: dict[str, dict[str, Trial]] = {}
    for trial in done.trials:
        by_mutant.setdefault(trial.mutant.name, {})[trial.loss] = trial
    rows = [
        [
            name,
            *(_seen(trials.get(loss)) for loss in losses),
            _count([trial.ten_samples for trial in trials.values()]),
            _count([trial.one_direction for trial in trials.values()]),
        ]
        for name, trials in by_mutant.items()
    ]
    console.say("What finds which mistake: the first check; ten samples, relative error; one random direction.")
    console.say("", *table(["mistake", *losses, "ten", "one"], rows, left=1 + len(losses)), "")
    counted = [trial for trial in done.trials if not trial.is_none]
    for what, seen in {
        "this check": sum(bool(trial.check) for trial in counted),
        "ten samples with relative error": sum(trial.ten_samples for trial in counted),
        "one random direction": sum(trial.one_direction for trial in counted),
    }.items():
        console.result(f"{what}: {seen} of {len(counted)} mistakes ({seen / len(counted):.0%})")
    for trial in done.trials:
        if trial.is_none:
            why = f" ({trial.mutant.equivalent})" if trial.mutant.equivalent else ""
            console.say(f"no mistake here, {trial.loss}: {trial.mutant.name}{why}; it changes nothing")
        elif not trial.is_as_it_should_be:
            console.result(f"checker broken: {trial.loss}: {trial.mutant.name} is not found")
    for loss in done.false_alarms:
        console.result(f"checker broken: {loss}: the right gradient is called wrong")
    console.result(f"verdict: {done.verdict}")


def _seen(trial: "Trial | None") -> str:
    if trial is None:
        return ""
    return check_name(trial.check) or ("the same" if trial.is_none else "NOT FOUND")


def _count(seen: list[bool]) -> str:
    return f"{sum(seen)}/{len(seen)}" if any(seen) else "-"


def summarize_self_test(done: "SelfTest", parameters: int, seconds: float) -> dict[str, Any]:
    """Return what `--self-test --json` prints."""
    return summary(done.verdict, parameters, parameters, seconds) | {
        "mutants": len({trial.mutant.name for trial in done.trials}),
        "false_alarms": list(done.false_alarms),
        "trials": [
            {
                "mutant": trial.mutant.name,
                "loss": trial.loss,
                "found_by": trial.check or None,
                "equivalent": trial.is_none,
                "ten_samples": trial.ten_samples,
                "one_direction": trial.one_direction,
            }
            for trial in done.trials
        ],
    }
