"""Diagnosis of a run: sentences about it, and what to type next."""

from collections.abc import Sequence

from imgclf.errors import plural
from imgclf.report.alarms import ALARMS
from imgclf.report.findings import Finding, Rule, number, told_apart
from imgclf.report.questions import QUESTIONS, step_too_small, still_falling
from imgclf.report.run_facts import RunFacts


def diagnose(facts: RunFacts) -> list[Finding]:
    """Return what there is to say about a run, the most important first; never nothing.

    The first alarm that holds is told alone. Else each question has one answer at most, so no two contradict.
    """
    answers = [ALARMS] if _first(ALARMS, facts) else QUESTIONS
    found = [finding for rules in answers if (finding := _first(rules, facts))]
    return found or [nothing_to_report(facts)]


def not_arrived(facts: RunFacts) -> Finding | None:
    """Return that the loss still falls at the end of a run, as larger steps or more epochs would lower it."""
    return _first((step_too_small, still_falling), facts)


def nothing_to_report(facts: RunFacts) -> Finding:
    """No other finding holds."""
    said = "there is little to see"
    if facts.train and facts.class_names:
        start, end = told_apart(number, facts.guessing, facts.train.objective)
        said = f"the loss fell from {start} to {end}" if facts.learned > 0 else f"the loss stayed at {start}"
    return Finding("nothing_to_report", f"Nothing stands out: in {plural(facts.epochs, 'epoch')}, {said}.")


def _first(rules: Sequence[Rule], facts: RunFacts) -> Finding | None:
    return next((finding for rule in rules if (finding := rule(facts))), None)
