"""Open the run that a command is about."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console

if TYPE_CHECKING:
    from imgclf.training.classifier import Model


def opened(console: Console, run: Path | None) -> "tuple[Path, Model]":
    """Return the path of a run or model file, and its model; warn if it has not been trained to its end."""
    from imgclf.run.opening import open_run
    from imgclf.run.run_dir import is_under_way

    path, model = open_run(run)
    if is_under_way(path):
        resume = shlex.join(["imgclf", "train", "--resume", str(path)])
        console.warn(f"{path}: not finished, these are its weights so far - `{resume}` continues it")
    return path, model
