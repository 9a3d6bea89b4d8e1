"""`imgclf predict`: predict the classes of image files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, format_percent, table
from imgclf.cli.options import PATH
from imgclf.cli.parsing import Command
from imgclf.errors import DataError, ImgclfError, RunError, UsageError
from imgclf.files.csv_text import is_formula

if TYPE_CHECKING:
    from imgclf.files.csv_text import Cell
    from imgclf.training.classifier import Model

SHOWN = 3


class UnreadableImagesError(DataError):
    """Some images could not be read; the others were predicted."""

    def __init__(self, errors: list[ImgclfError]) -> None:
        super().__init__(errors[0].where, errors[0].problem, errors[0].remedy)
        self._errors = errors

    def lines(self) -> list[str]:
        """Return one line per image."""
        return [str(error) for error in self._errors]


@click.command("predict", cls=Command, short_help="Predict the class of image files.")
@click.argument("run", type=PATH)
@click.argument("images", type=PATH, nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top-k", type=click.IntRange(min=1), metavar="K",
              help=f"Show the K best classes (default: {SHOWN} in the table, all in csv and json).")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def command(ctx: click.Context, run: Path, images: tuple[Path, ...], top_k: int | None, form: str) -> None:
    """Predict the class of image files, of any size and color mode, with the model of RUN.

    RUN is a run directory or a model.npz. Images are resized and converted to the size and color of the training
    images.
    """
    from imgclf.run.opening import open_run

    console = Console(ctx, as_json=form == "json")
    path, model = open_run(run)
    if not model.preprocess.is_image:
        raise UsageError(path, "this model was trained on feature vectors, not on images", "use `imgclf eval --data`")
    shown = top_k or (SHOWN if form == "table" else len(model.class_names))
    predictions, errors = predict(path, model, images, shown, console.warn)
    if predictions:
        if form == "csv":
            console.csv(_rows(predictions))
        elif form == "table":
            console.result(*_table(predictions))
        console.object({"predictions": predictions})
    if errors:
        raise UnreadableImagesError(errors)


def predict(
    path: Path, model: "Model", images: tuple[Path, ...], shown: int, warn: Callable[[str], None]
) -> tuple[list[dict[str, Any]], list[ImgclfError]]:
    """Return the predictions, the best classes of each image first, and the errors of unreadable images."""
    import numpy as np

    from imgclf.data.class_names import as_text
    from imgclf.losses import LOSSES
    from imgclf.speed.threads import workers
    from imgclf.training.evaluation import PROBABILITIES, score_images

    readable, pictures, errors = [], [], []
    for image in images:
        try:
            pictures.append(model.preprocess.read_image(image))
            readable.append(image)
        except ImgclfError as error:
            errors.append(error)
    if not readable:
        return [], errors
    pixels = np.stack(pictures)
    if warning := model.preprocess.warning_about(pixels):
        warn(f"{path}: {warning}")
    with workers(1):
        scores = score_images(model, pixels)
    if not np.isfinite(scores).all():
        raise RunError(path, "its scores are not finite numbers: its weights are too large", "train again")
    believed = PROBABILITIES.get(LOSSES[model.loss])
    probabilities = believed(scores) if believed else None
    predictions = []
    for row, image in enumerate(readable):
        best = np.argsort(-scores[row], kind="stable")[:shown]
        names = [model.class_names[c] for c in best]
        seen = [None if each is None else dict(zip(names, each[row][best].tolist(), strict=True))
                for each in (scores, probabilities)]  # fmt: skip
        predictions.append({"image": as_text(image), "class": names[0], "scores": seen[0], "probabilities": seen[1]})
    return predictions, errors


def _table(predictions: list[dict[str, Any]]) -> list[str]:
    rows = []
    for one in predictions:
        for rank, (name, score) in enumerate(one["scores"].items()):
            share = one["probabilities"][name] if one["probabilities"] else None
            rows.append([one["image"] if rank == 0 else "", name, f"{score:.3f}", format_percent(share)])
    return table(["image", "class", "score", "probability"], rows, left=2)


def _rows(predictions: list[dict[str, Any]]) -> "Iterator[list[Cell]]":
    yield ["image", "rank", "class", "score", "probability"]
    for one in predictions:
        # A spreadsheet would take such a path for a formula: ./ in front of it makes it plain text.
        image = f"./{one['image']}" if is_formula(one["image"]) else one["image"]
        for rank, (name, score) in enumerate(one["scores"].items(), 1):
            yield [image, rank, name, score, one["probabilities"][name] if one["probabilities"] else None]
