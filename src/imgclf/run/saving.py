"""Save a model that was trained without a directory as a run."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from imgclf.config import Config
from imgclf.files.writing import write_json, write_whole
from imgclf.run import run_dir
from imgclf.run.environment import describe_machine
from imgclf.run.model_file import model_bytes
from imgclf.run.targets import NewRun
from imgclf.training.classifier import Model
from imgclf.training.epochs import Row


def save_run(
    out: Path | None, config: Config, model: Model, rows: Sequence[Row], metrics: Mapping[str, Any] | None
) -> Path:
    """Write a run directory, and return its path: config, model, and the tables and metrics that are known.

    out      absent or an empty folder; None: runs/NAME
    rows     of metrics.csv, one an epoch
    metrics  the content of metrics.json; None: there is no such file

    It has no checkpoint and no fingerprint of its data, which is nowhere on disk: it can predict, and be evaluated on
    other data, but not resumed. Raises UsageError where `imgclf train --out` does.
    """
    content = model_bytes(model)
    with ExitStack() as stack:
        directory = NewRun(config, out).prepare(stack, None, describe_machine(1, config.train.kernel)).directory
        run_dir.start_table(directory / "metrics.csv", run_dir.METRICS)
        for row in rows:
            run_dir.append_row(directory / "metrics.csv", run_dir.METRICS, row)
        if metrics is not None:
            write_json(directory / "metrics.json", dict(metrics))
        write_whole(directory / "model.npz", content)
        run_dir.write_status(directory, "finished")
    return directory
