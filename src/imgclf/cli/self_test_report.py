"""Report of `imgclf gradcheck --self-test`, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from imgclf.cli.console import Console, table
from imgclf.cli.gradcheck_report import check_name, common_keys

if TYPE_CHECKING:
    from imgclf.gradcheck.self_test.run import SelfTest, Trial


def print_self_test(console: Console, done: "SelfTest") -> None:
    """Print a line per mistake: which check finds it in each loss."""
    by_mutant: dict[str, dict[str, Trial]] = {}
    for trial in done.trials:
        by_mutant.setdefault(trial.mutant.name, {})[trial.loss] = trial
    rows = [
        [
            name,
            ", ".join(dict.fromkeys(map(_seen, trials.values()))),
            _count([trial.ten_samples for trial in trials.values()]),
            _count([trial.one_direction for trial in trials.values()]),
        ]
        for name, trials in by_mutant.items()
    ]
    console.say("The first check that finds each mistake; in how many losses ten samples or one", "direction find it.")
    console.say("", *table(["mistake", "found by", "ten", "one"], rows, left=2), "")
    counted = [trial for trial in done.trials if not trial.is_none]
    for what, seen in {
        "this check": sum(bool(trial.check) for trial in counted),
        "ten samples, relative error": sum(trial.ten_samples for trial in counted),
        "one random direction": sum(trial.one_direction for trial in counted),
    }.items():
        console.result(f"{what}: {seen} of {len(counted)} mistakes ({seen / len(counted):.0%})")
    for trial in done.trials:
        if trial.is_none:
            why = f" ({trial.mutant.equivalent})" if trial.mutant.equivalent else ""
            console.say(f"no mistake in {trial.loss}: {trial.mutant.name}: it changes no bit{why}")
        elif not trial.is_as_it_should_be:
            console.result(f"gradient check broken: {trial.loss}: it does not find {trial.mutant.name}")
    for loss in done.false_alarms:
        console.result(f"gradient check broken: {loss}: it calls the right gradient wrong")
    console.result(f"verdict: {done.verdict}")


def _seen(trial: "Trial") -> str:
    return check_name(trial.check) or ("no change" if trial.is_none else "NOT FOUND")


def _count(seen: list[bool]) -> str:
    return f"{sum(seen)}/{len(seen)}" if any(seen) else "-"


def self_test_object(done: "SelfTest", parameters: int, seconds: float) -> dict[str, Any]:
    """Return the JSON object of the self-test."""
    return common_keys(done.verdict, parameters, parameters, seconds) | {
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
