"""`imgclf eval`: evaluate a trained model on a data split."""

import math
import os
import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, echo, fold, fold_command, format_loss, format_percent, noun_of, room, table
from imgclf.cli.drawing import drawing
from imgclf.cli.opening import opened
from imgclf.cli.options import PATH, json_option, threads_option
from imgclf.cli.parsing import Command
from imgclf.errors import DataError, ImgclfError, UsageError, plural, printable
from imgclf.files.csv_text import csv_text
from imgclf.machine.terminal import display_width

if TYPE_CHECKING:
    from imgclf.config import Config
    from imgclf.data.dataset import Dataset
    from imgclf.files.csv_text import Cell
    from imgclf.training.classifier import Model
    from imgclf.training.evaluation import Evaluation

CORNER = "true \\ predicted"
SHOWN = 12  # classes up to which the confusion matrix fits a terminal
COLUMN = 7  # columns of the terminal for a class's name, at most
NARROWEST, LEAST = 3, 8  # with fewer for a class's name, or for the names of the rows, there is no matrix
CONFUSED = 10  # pairs of classes in the JSON object
MISSED = 1


@click.command("eval", cls=Command, short_help="Evaluate a trained model on test images.")
@click.argument("run", type=PATH, required=False)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Split to evaluate (default: test, or val if there is none).",
)
@click.option(
    "--data",
    type=PATH,
    metavar="PATH",
    help="Evaluate on this data instead; classes match by name. With --split: where the run's own data has moved to.",
)
@click.option(
    "--min-accuracy", type=click.FloatRange(0, 1), metavar="F", help="Exit with code 1 if accuracy is below F."
)
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, metavar="K",
              help="Also report the top-K accuracy.")  # fmt: skip
@click.option(
    "--out", type=PATH, metavar="DIR", help="Write the results, a prediction of each image, and pictures into DIR."
)
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
    from imgclf.cli.looks import say_looks
    from imgclf.files.writing import check_out
    from imgclf.machine.cores import helpful_threads
    from imgclf.speed.threads import workers
    from imgclf.training.evaluation import evaluate
    from imgclf.training.features import featured

    console = Console(ctx, as_json=as_json)
    if min_accuracy is not None and math.isnan(min_accuracy):
        raise UsageError("--min-accuracy", "nan is not a share", "give a number from 0 to 1")
    if out is not None:
        check_out(out)
    if run is not None and data is None:
        _refuse_data(run)
    path, model = opened(console, run)
    with workers(threads or helpful_threads(*model.weights.shape)) as sum_blocks:
        name, dataset = _choose_data(console, path, model, split, data)
        if len(dataset) == 0:
            raise DataError(data or path, f"split {name} has no images", "choose another")
        dataset = featured(model.features, dataset, threads)
        seen = evaluate(model, dataset, sum_blocks)
    if not math.isfinite(seen.objective):
        raise DataError(
            data or path, f"the loss on {name} is {seen.objective}", "check the data for values that are far too large"
        )
    content = summarize(path, name, model, seen, top_k)
    _print(console, model, seen, content)
    if name == "test" and path.is_dir():
        say_looks(console, path, correct=seen.correct, n=seen.n)
    if out is not None:
        _write(console, out, model, dataset, seen, content)
        console.say(f"written to {out}")
    head = "next       "
    if out is None and not os.path.lexists(folder := f"{path.stem}-{name}"):
        asked = [*(["--split", split] if split else []), *(["--data", str(data)] if data else [])]
        console.say(*fold_command(head, shlex.join(["imgclf", "eval", str(path), *asked, "--out", folder])))
        head = " " * len(head)
        console.say(*fold(head, f"writes the confusion matrix and the prediction of each {dataset.unit}"))
    if path.is_dir():
        console.say(*fold_command(head, shlex.join(["imgclf", "report", str(path), "--open"])))
        console.say(*fold(" " * len(head), "shows what it has learned, and why it is wrong where it is"))
    console.object(content)
    if min_accuracy is not None and seen.accuracy < min_accuracy:
        echo(f"accuracy {seen.accuracy:.4f} is below {min_accuracy:g}", err=True)
        ctx.exit(MISSED)


def _refuse_data(run: Path) -> None:
    """Suggest --data if RUN is a data set, not a run."""
    from imgclf.data.sources import recognize

    # A model is an .npz, and pictures of runs, which have no model if they diverged, are no data.
    files = ("model.npz", "status.json")
    if run.suffix.lower() == ".npz" or any(any(run.glob(f"{at}{file}")) for file in files for at in ("", "*/")):
        return
    try:
        recognize(run)
    except ImgclfError:
        return
    remedy = f"did you mean imgclf eval --data {shlex.quote(str(run))}?"
    raise UsageError("eval", f"{run} holds images, not a run", remedy)


def _choose_data(
    console: Console, path: Path, model: "Model", split: str | None, data: Path | None
) -> tuple[str, "Dataset"]:
    """Return the name and the data of the split that the options ask for."""
    from imgclf.numerics.indices import row_indices
    from imgclf.run.opening import config_of_run, data_of_run, table_options
    from imgclf.training.loading import where
    from imgclf.training.other_data import are_only_images, load_for, warnings_about

    if data is not None and split is None:
        options = table_options(path)
        try:
            console.warn(*warnings_about(model, data, options))
            others = load_for(model, data, options)
        except DataError as error:
            if not data.exists() or not are_only_images(data):
                raise
            predict = shlex.join(["imgclf", "predict", str(path), str(data)])
            remedy = f"put each image into a folder named after its class; `{predict}` needs no labels"
            raise DataError(data, "images without labels, which eval needs", remedy) from error
        for remark in others.remarks:
            console.warn(remark)
        if warning := model.input.warning_about(others.pixels(row_indices(min(len(others), others.at_once)))):
            console.warn(f"{path}: {warning}")
        _warn_if_trained_on(console, path, model, data, others)
        return "data", others
    if not path.is_dir():
        raise UsageError(str(path), "a model file does not say which images to use", "add --data PATH")
    stored = config_of_run(path)
    config = data_of_run(
        stored, path, data, f"say where the run's data is now: --split {split or 'test|val'} --data PATH"
    )
    moved = config.data.path != stored.data.path
    dataset = _own_split(console, config, path, model, split or "test", moved=moved)
    if dataset is None and split is None:
        split = "val"
        dataset = _own_split(console, config, path, model, split, moved=moved)
        if dataset is None:
            raise DataError(where(config), "there is neither a test nor a val split", "use --split train or --data")
        console.result("there is no test split: evaluating val")
    if dataset is None:
        raise DataError(where(config), f"there is no {split} split", "choose another --split")
    changed = "the data has changed since the run: restore it, or train again"
    model.input.check_shape(dataset, where(config), changed)
    return split or "test", dataset


def _own_split(
    console: Console, config: "Config", path: Path, model: "Model", split: str, *, moved: bool
) -> "Dataset | None":
    """Return a split of the data set of a run, and check that it is the same data.

    Training never opens a test split, so one that has not moved cannot be checked, and the other splits are not loaded.
    Images that were taken from train are the same if the rest is.
    """
    from imgclf.data.splits import match_classes
    from imgclf.run.data_identity import check_data
    from imgclf.training.loading import load_training_and_test, load_training_data, takes_test, where
    from imgclf.training.other_data import load_own_test

    taken = split == "test" and takes_test(config)
    test = None
    if split != "test" or moved or taken:
        train, val, test = load_training_and_test(config) if taken else (*load_training_data(config), None)
        check_data(train, val, path, where(config), "restore the data, or evaluate other images: --data PATH")
    if split == "test" and not taken:
        test = load_own_test(model, config)
        if test is not None and not moved:
            _warn_if_test_is_new(console, config, path, f"{test.unit}s")
        return test
    chosen = {"train": train, "val": val, "test": test}[split]
    return None if chosen is None else match_classes(chosen, model.class_names, where(config))


def _warn_if_trained_on(console: Console, path: Path, model: "Model", data: Path, images: "Dataset") -> None:
    """Warn if --data is the data set that the run was trained on."""
    from imgclf.run.data_identity import check_data, images_then, with_data_path
    from imgclf.run.opening import config_of_run
    from imgclf.training.loading import load_test, load_training_data, takes_test

    if not path.is_dir():
        return
    config = with_data_path(config_of_run(path), str(data))
    try:
        taken = takes_test(config)
        if not taken and (images_then(path) != len(images) or load_test(config, model.class_names) is not None):
            return
        check_data(*load_training_data(config), path, str(data), "")
    except ImgclfError:
        return  # they are different images
    others = "test" if taken else "val"
    console.warn(f"{data}: the run was trained on most of these {images.unit}s; --split {others} evaluates the others")


def _warn_if_test_is_new(console: Console, config: "Config", path: Path, noun: str) -> None:
    """Warn if the test split may hold training images of the run.

    Training never opens a test split, so nothing proves which one a run had. But images that have become test
    images since are missing from those to train on.
    """
    from imgclf.data.sources import SOURCES
    from imgclf.run.data_identity import images_then
    from imgclf.training.loading import count_training_images, where

    then = images_then(path)
    if then is None or config.data.limit is not None or SOURCES[config.data.source].fixed:
        return
    try:
        now = count_training_images(config)
    except ImgclfError:
        return  # there is nothing to train on any more
    if now and now != then:
        console.warn(
            f"{where(config)}: {then:,} {noun} for training and validation when the run began, {now:,} now: "
            f"some of the test {noun} may have been trained on"
        )


def summarize(path: Path, split: str, model: "Model", seen: "Evaluation", top_k: int) -> dict[str, Any]:
    """Return the JSON object."""
    from imgclf.metrics import wilson_interval

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
        "per_class": {name: one._asdict() for name, one in zip(model.class_names, seen.per_class(), strict=True)},
        **seen.averages(),
        "balanced_accuracy": seen.balanced_accuracy,
        "most_confused": [
            {"true": model.class_names[true], "predicted": model.class_names[predicted], "count": count}
            for true, predicted, count in seen.most_confused(CONFUSED)
        ],
        "confusion": None if seen.confusion is None else seen.confusion.tolist(),
        "classes": list(model.class_names),
    }


def _print(console: Console, model: "Model", seen: "Evaluation", content: dict[str, Any]) -> None:
    from imgclf.report.confused_pairs import confused_pairs

    split, (low, high) = content["split"], content["accuracy_interval"]
    ((k, share),) = content["top_k"].items()
    console.say(f"{content['run']}: {model.loss}, {plural(len(model.class_names), 'class', 'classes')}")
    noun = noun_of(model.input.example_shape)
    console.say(f"{split}: {plural(seen.n, noun)}", "")
    rows = [
        [name, *(format_percent(one[key]) for key in ("precision", "recall", "f1")), f"{one['support']:,}"]
        for name, one in content["per_class"].items()
    ]
    console.say(*table(["class", "precision", "recall", "F1", f"{noun}s"], rows), "")
    if seen.confusion is not None and (lines := _confusion_table(model.class_names, seen.confusion.tolist())):
        console.say(*lines, "")
    interval = f"95 % interval {format_percent(low)} to {format_percent(high)}"
    accuracy = f"{format_percent(seen.accuracy)} of {plural(seen.n, f'{split} {noun}')} ({interval})"
    console.result(*fold("accuracy   ", accuracy))
    if int(k) < len(model.class_names):
        console.result(f"top {k:<6} {format_percent(share)}")
    console.say(*fold("balanced   ", f"{format_percent(content['balanced_accuracy'])}, the mean recall of the classes"))
    if pairs := confused_pairs(seen, model.class_names):
        console.say(*fold("confused   ", ", ".join(pairs)))
    weighted = "" if model.class_weights is None else ", weighted by class"
    console.result(f"objective  {format_loss(seen.objective)} (data loss {format_loss(seen.data_loss)}{weighted})")
    if console.quiet:  # or it has said so at the top
        console.result(f"run        {content['run']}")


def _confusion_table(class_names: Sequence[str], counts: list[list[int]]) -> list[str]:
    """Return the lines of a confusion matrix, none if it does not fit the terminal."""
    from imgclf.report.labels import distinct_labels, shorten, without_common_words

    cells = [[str(count or ".") for count in row] for row in counts]
    longest, columns = max(len(cell) for row in cells for cell in row), room()
    # A column takes two spaces and its name, or its counts if they are longer; the names of the rows have the rest.
    width = max(longest, min(COLUMN, (columns - len(CORNER)) // len(cells) - 2))
    rest = columns - len(cells) * (width + 2)
    if len(cells) > SHOWN or width < NARROWEST or rest < LEAST:
        return []

    def fits(name: str, columns: int = width) -> bool:
        return display_width(name) <= columns

    names = [printable(name) for name in class_names]
    header = distinct_labels(names if all(map(fits, names)) else without_common_words(names), fits)
    if any(label.startswith(f"{c}: ") for c, label in enumerate(header)):
        names = [f"{c}: {name}" for c, name in enumerate(names)]
    titles = distinct_labels(names, partial(fits, columns=rest))
    rows = [[title, *row] for title, row in zip(titles, cells, strict=True)]
    return table([shorten(CORNER, partial(fits, columns=rest)), *header], rows)


def _write(
    console: Console, out: Path, model: "Model", dataset: "Dataset", seen: "Evaluation", content: dict[str, Any]
) -> None:
    from imgclf.files.writing import make_folder, write_json, write_parts
    from imgclf.speed.threads import workers
    from imgclf.training.prediction import Answer, answers

    directory = make_folder(out)
    write_json(directory / "eval.json", content)
    chunks: Iterator[Sequence[Sequence[Cell]]] = chain([[Answer._fields]], answers(model, dataset))
    with workers(1):
        text = (csv_text(rows).encode(errors="surrogateescape") for rows in chunks)
        write_parts(directory / "predictions.csv", text)
    with drawing(console, out, "all is written but the picture of the confusion matrix"):
        from imgclf.report.pictures import draw_confusion

        draw_confusion(seen, model, content["split"], directory)
