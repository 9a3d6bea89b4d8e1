"""`imgclf eval`: how good a trained model is on images it has not seen."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, number, percent, plural, table
from imgclf.cli.options import PATH, count_threads, json_option, threads_option
from imgclf.errors import DataError, RunError, UsageError

if TYPE_CHECKING:
    from imgclf.config import Config
    from imgclf.data.dataset import Dataset
    from imgclf.evaluate import Evaluation
    from imgclf.model_file import Model

SHOWN = 12  # classes up to which the confusion matrix fits a terminal
MISSED = 1


@click.command("eval", short_help="Evaluate a run on its test images, or on others.")
@click.argument("run", type=PATH, required=False)
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Default: test, or val where there is none.")
@click.option("--data", type=PATH, metavar="PATH", help="Evaluate on these images instead; classes match by name.")
@click.option("--min-accuracy", type=click.FloatRange(0, 1), metavar="F", help="Exit 1 if the accuracy is below F.")
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, metavar="K",
              help="Also count as right what is among the K best.")  # fmt: skip
@click.option("--out", type=PATH, metavar="DIR", help="Write eval.json and the confusion matrix there.")
@threads_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    run: Path | None,
    split: str | None,
    data: Path | None,
    min_accuracy: float | None,
    top_k: int,
    out: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Evaluate RUN, a run directory or a model.npz (default: the newest finished run under runs/)."""
    from imgclf import run_dir
    from imgclf.evaluate import evaluate
    from imgclf.parallel import workers

    console = Console(ctx, as_json=as_json)
    if min_accuracy is not None and math.isnan(min_accuracy):
        raise UsageError("--min-accuracy", "nan is not a share", "give a number from 0 to 1")
    if split and data:
        raise UsageError("eval", "--split and --data exclude each other", "name one of them")
    if out is not None:
        run_dir.check_out(out)
    path, model = open_run(run)
    with workers(count_threads(threads)) as sum_blocks:
        name, dataset = _choose_data(console, path, model, split, data)
        if len(dataset) == 0:
            raise DataError(data or path, f"split {name} has no images", "choose another")
        seen = evaluate(model, dataset, sum_blocks)
    if not math.isfinite(seen.objective):
        raise DataError(
            data or path, f"the loss on {name} is {seen.objective}", "look for values that are far too large"
        )
    content = summarise(path, name, model, seen, top_k)
    _print(console, path, name, model, seen, content)
    if out is not None:
        _write(out, content, seen, model, name)
    console.object(content)
    if min_accuracy is not None and seen.accuracy < min_accuracy:
        click.echo(f"accuracy {seen.accuracy:.4f} is below {min_accuracy:g}", err=True)
        ctx.exit(MISSED)


def open_run(run: Path | None) -> tuple[Path, "Model"]:
    """Return the path of a run (or model file) and the model in it."""
    from imgclf.model_file import load_model
    from imgclf.run_dir import find_run

    path = find_run(run)
    return path, load_model(path / "model.npz" if path.is_dir() else path)


def config_of_run(path: Path, overrides: tuple[str, ...] = ()) -> "Config":
    """Return the config that a run directory holds, with what -s changes."""
    from imgclf.config import ConfigError, resolve

    if not (path / "config.yaml").exists():
        raise RunError(path, "there is no config.yaml", "name a run directory, or a model.npz with --data")
    try:
        config = resolve([path / "config.yaml"]).config
    except ConfigError as error:
        raise RunError(path, f"its config is damaged: {error.lines()[0]}", "train again") from error
    return resolve([path / "config.yaml"], overrides).config if overrides else config


def _choose_data(
    console: Console, path: Path, model: "Model", split: str | None, data: Path | None
) -> tuple[str, "Dataset"]:
    """Return the split's name and its images, as the command line asks for them."""
    from imgclf.loading import load_for, load_split, warnings_about, where

    if data is not None:
        for warning in warnings_about(data):
            console.warn(warning)
        return "data", load_for(model, data)
    if not path.is_dir():
        raise UsageError(str(path), "a model file does not say which images to use", "add --data PATH")
    config = config_of_run(path)
    dataset = load_split(config, split or "test", model.class_names)
    if dataset is None and split is None:
        split = "val"
        dataset = load_split(config, split, model.class_names)
        if dataset is None:
            raise DataError(where(config), "there is neither a test nor a val split", "use --split train or --data")
        console.result("there is no test split: evaluating val")
    if dataset is None:
        raise DataError(where(config), f"there is no {split} split", "choose another --split")
    if dataset.example_shape != model.preprocess.example_shape:
        raise DataError(
            where(config),
            f"examples are {dataset.example_shape}, the model's are {model.preprocess.example_shape}",
            "the data has changed since the run: restore it, or train again",
        )
    return split or "test", dataset


def summarise(path: Path, split: str, model: "Model", seen: "Evaluation", top_k: int) -> dict[str, Any]:
    """Return what `--json` prints."""
    from imgclf.metrics import per_class, wilson_interval

    k = min(top_k, len(model.class_names))
    return {
        "run": str(path),
        "split": split,
        "n": seen.n,
        "objective": seen.objective,
        "data_loss": seen.data_loss,
        "accuracy": seen.accuracy,
        "accuracy_interval": list(wilson_interval(seen.correct, seen.n)),
        "top_k": {str(k): seen.top_k(k)},
        "per_class": {
            name: one._asdict() for name, one in zip(model.class_names, per_class(seen.confusion), strict=True)
        },
        "confusion": seen.confusion.tolist(),
        "classes": list(model.class_names),
    }


def _print(
    console: Console, path: Path, split: str, model: "Model", seen: "Evaluation", content: dict[str, Any]
) -> None:
    low, high = content["accuracy_interval"]
    ((k, share),) = content["top_k"].items()
    console.say(f"{path}: {model.loss}, {plural(len(model.class_names), 'class', 'classes')}")
    console.say(f"{split}: {plural(seen.n, 'image')}\n")
    rows = [
        [name, *(percent(one[key]) for key in ("precision", "recall", "f1")), f"{one['support']:,}"]
        for name, one in content["per_class"].items()
    ]
    console.say(table(["class", "precision", "recall", "F1", "images"], rows) + "\n")
    if len(model.class_names) <= SHOWN:
        console.say(_confusion_table(model.class_names, seen.confusion.tolist()) + "\n")
    images = plural(seen.n, f"{split} image")
    interval = f"95 % interval {percent(low)} to {percent(high)}"
    console.result(f"accuracy   {percent(seen.accuracy)} of {images} ({interval})")
    if int(k) < len(model.class_names):
        console.result(f"top {k:<6} {percent(share)}")
    console.result(f"objective  {number(seen.objective)}, of which the data's loss is {number(seen.data_loss)}")


def _confusion_table(names: tuple[str, ...], counts: list[list[int]]) -> str:
    rows = [[name, *(f"{count:,}" if count else "." for count in row)] for name, row in zip(names, counts, strict=True)]
    return table(["true \\ predicted", *(name[:7] for name in names)], rows)


def _write(out: Path, content: dict[str, Any], seen: "Evaluation", model: "Model", split: str) -> None:
    from imgclf import run_dir
    from imgclf.report.pictures import draw_confusion

    directory = run_dir.make_folder(out)
    run_dir.write_json(directory / "eval.json", content)
    draw_confusion(seen, model, split, directory)
