"""Open a run: find its directory, config, model and data."""

import shlex
from pathlib import Path
from typing import Any

from imgclf.config import Config, ConfigError, resolve
from imgclf.errors import RunError
from imgclf.files.reading import is_file
from imgclf.run.data_identity import find_data, with_data_path
from imgclf.run.model_file import load_model
from imgclf.run.run_dir import find_run, read_status
from imgclf.training.classifier import Model


def open_run(run: Path | None) -> tuple[Path, Model]:
    """Return the path of a run or model file, and its model."""
    path = find_run(run)
    if path.is_dir() and not (path / "model.npz").exists():
        if is_file(path / "config.yaml"):
            config_of_run(path)  # refuses a sweep
        if read_status(path) == "diverged":
            raise RunError(path, "this run diverged and has no model", "train again with a smaller step size")
        raise RunError(path, "there is no model.npz in this folder", "name a run directory, such as runs/NAME")
    return path, load_model(path / "model.npz" if path.is_dir() else path)


def config_of_run(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Return the config of a run directory, changed by -s; refuses the directory of a sweep."""
    config = config_in(path)
    if config.sweep is not None:
        resume = shlex.join(["imgclf", "sweep", "--resume", str(path)])
        remedy = f"name one of its runs, such as {path / '001'}, or resume it by `{resume}`"
        raise RunError(path, "this is a sweep, not a run", remedy)
    return resolve([path / "config.yaml"], overrides).config if overrides else config


def config_in(path: Path) -> Config:
    """Return the config that the directory of a run or a sweep holds."""
    if not is_file(path / "config.yaml"):  # reading a pipe would wait for a writer
        remedy = "name a run directory, or a model.npz with --data"
        raise RunError(path, "there is no config.yaml that is a file", remedy)
    try:
        return resolve([path / "config.yaml"]).config
    except ConfigError as error:
        raise RunError(path, f"its config is damaged: {error.lines()[0]}", "train again") from error


def table_options(path: Path) -> dict[str, Any]:
    """Return the `data.options` that name columns in the tables of a run; {} for other data, and for a model file."""
    if not is_file(path / "config.yaml"):
        return {}
    data = config_of_run(path).data
    return data.options if data.source == "csv" else {}


def data_of_run(config: Config, path: Path, data: Path | None, remedy: str) -> Config:
    """Return the config of a run with the path of its data: the one given, else the one found."""
    return find_data(config, path, remedy) if data is None else with_data_path(config, str(data))
