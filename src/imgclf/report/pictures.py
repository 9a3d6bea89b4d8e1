"""Pictures of a run: the list, and how to draw each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imgclf.config import Config
from imgclf.errors import plural
from imgclf.files.writing import write_whole
from imgclf.run.run_dir import read_table
from imgclf.training.classifier import Model
from imgclf.training.evaluation import MAX_CONFUSION_CLASSES, Evaluation
from imgclf.training.plan import make_schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FinishedRun(NamedTuple):
    """A run to draw.

    kept_epoch   the epoch whose weights early stopping kept
    evaluate     () -> (split, evaluation), called only by a picture that needs it
    """

    directory: Path
    model: Model
    kept_epoch: int | None
    evaluate: Callable[[], tuple[str, Evaluation]]
    config: Config


class Picture(NamedTuple):
    """A picture of a run, or a table: how to draw it, and for which models."""

    draw: Callable[[FinishedRun], "Figure | str"]
    is_of: Callable[[Model], bool] = lambda model: True


def _curves(run: FinishedRun) -> "Figure":
    from imgclf.report.curves import curves

    metrics = read_table(run.directory / "metrics.csv")
    steps_per_epoch = int(metrics["step"][0] or 1) if metrics["step"] else 1
    first_step_size = make_schedule(run.config, steps_per_epoch)(0)
    return curves(metrics, f"{run.directory.name}: {run.model.loss}", run.kept_epoch, first_step_size)


def _templates(run: FinishedRun) -> "Figure":
    from imgclf.report.templates import templates

    return templates(run.model.weights, run.model.preprocess.example_shape, run.model.class_names)


def _confusion_matrix(model: Model, split: str, seen: Evaluation) -> "Figure":
    from imgclf.report.confusion import confusion_matrix

    assert seen.confusion is not None, "no confusion matrix for this number of classes"
    title = f"Confusion matrix, {split}: {plural(seen.n, 'image')}, accuracy {seen.accuracy:.1%}"
    return confusion_matrix(seen.confusion, model.class_names, title)


def _confusion_csv(model: Model, split: str, seen: Evaluation) -> str:
    from imgclf.report.confusion import write_confusion_csv

    assert seen.confusion is not None, "no confusion matrix for this number of classes"
    return write_confusion_csv(seen.confusion, model.class_names)


def _has_few_classes(model: Model) -> bool:
    """Return whether a picture with a part per class is readable, and drawn in seconds."""
    return len(model.class_names) <= MAX_CONFUSION_CLASSES


PICTURES = {
    "curves.png": Picture(_curves),
    "templates.png": Picture(_templates, lambda model: model.preprocess.is_image and _has_few_classes(model)),
    "confusion_matrix.png": Picture(lambda run: _confusion_matrix(run.model, *run.evaluate()), _has_few_classes),
    "confusion_matrix.csv": Picture(lambda run: _confusion_csv(run.model, *run.evaluate()), _has_few_classes),
}


def pictures_of(model: Model) -> list[str]:
    """Return the file names of the pictures of a run with this model."""
    return [name for name, picture in PICTURES.items() if picture.is_of(model)]


def draw_run(run: FinishedRun, names: Sequence[str]) -> None:
    """Draw pictures of a finished run into its directory."""
    for name in names:
        _write(run.directory / name, PICTURES[name].draw(run))


def draw_confusion(seen: Evaluation, model: Model, split: str, directory: Path) -> None:
    """Write the confusion matrix, if there is one, as a table and as a picture."""
    if seen.confusion is not None:
        _write(directory / "confusion_matrix.csv", _confusion_csv(model, split, seen))
        _write(directory / "confusion_matrix.png", _confusion_matrix(model, split, seen))


def _write(path: Path, content: "Figure | str") -> None:
    from imgclf.report.style import png_bytes

    write_whole(path, content.encode() if isinstance(content, str) else png_bytes(content))
