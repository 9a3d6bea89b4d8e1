"""Say how often the test split has been looked at."""

from pathlib import Path

from imgclf.cli.console import Console


def say_looks(console: Console, *runs: Path, correct: int | None = None, n: int = 0) -> None:
    """Count a look at the test split of each run, with its result if the whole split was evaluated.

    Say so when it was not the first.
    """
    from imgclf.run.looks import count_look

    looks = max(count_look(run, correct, n) for run in dict.fromkeys(runs))
    if looks > 1:
        console.say(f"seen       test split seen {looks} times: what you choose by it is no longer a test")
