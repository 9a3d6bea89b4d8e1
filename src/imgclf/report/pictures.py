"""Write the pictures of a run."""

from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from imgclf.arrays import IntArray
from imgclf.compose import make_schedule
from imgclf.config import Config
from imgclf.evaluate import Evaluation
from imgclf.model_file import Model
from imgclf.report.confusion import confusion_matrix, write_confusion_csv
from imgclf.report.curves import curves
from imgclf.report.style import png_bytes
from imgclf.report.templates import templates
from imgclf.run_dir import read_table
from imgclf.storage import write_whole


def draw_run(
    directory: Path,
    model: Model,
    kept_epoch: int | None,
    evaluate: Callable[[], tuple[str, Evaluation]],
    config: Config,
    wanted: Collection[str],
) -> list[str]:
    """Draw pictures of a finished run, of those that `run_dir.pictures_of` names, into its directory; return them.

    kept_epoch   the epoch whose weights early stopping kept
    evaluate     () -> (split, evaluation), called only where the confusion matrix is wanted
    """
    evaluated = cache(evaluate)
    makers: dict[str, Callable[[], bytes]] = {
        "curves.png": lambda: _curves_png(directory, model, kept_epoch, config),
        "templates.png": lambda: png_bytes(templates(model.weights, model.preprocess.example_shape, model.class_names)),
        "confusion_matrix.png": lambda: _confusion_png(model, *evaluated()),
        "confusion_matrix.csv": lambda: _confusion_csv(model, *evaluated()),
    }
    for name in wanted:
        write_whole(directory / name, makers[name]())
    return list(wanted)


def draw_confusion(seen: Evaluation, model: Model, split: str, directory: Path) -> None:
    """Write the confusion matrix, where there is one, as a picture and as a table."""
    if seen.confusion is not None:
        write_whole(directory / "confusion_matrix.csv", _confusion_csv(model, split, seen))
        write_whole(directory / "confusion_matrix.png", _confusion_png(model, split, seen))


def _curves_png(directory: Path, model: Model, kept_epoch: int | None, config: Config) -> bytes:
    metrics = read_table(directory / "metrics.csv")
    per_epoch = int(metrics["step"][0] or 1) if metrics["step"] else 1
    title = f"{directory.name}: {model.loss}"
    return png_bytes(curves(metrics, title, kept_epoch, make_schedule(config, per_epoch)(0)))


def _confusion_png(model: Model, split: str, seen: Evaluation) -> bytes:
    title = f"Confusion matrix, {split}: {seen.n:,} image{'s' * (seen.n != 1)}, accuracy {seen.accuracy:.1%}"
    return png_bytes(confusion_matrix(_matrix(seen), model.class_names, title))


def _confusion_csv(model: Model, split: str, seen: Evaluation) -> bytes:
    return write_confusion_csv(_matrix(seen), model.class_names).encode()


def _matrix(seen: Evaluation) -> IntArray:
    assert seen.confusion is not None, "no matrix is wanted of so many classes"
    return seen.confusion
