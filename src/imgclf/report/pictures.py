"""The pictures of a run directory: what is drawn, and under which name."""

from pathlib import Path

from imgclf.evaluate import Evaluation
from imgclf.model_file import Model
from imgclf.report.confusion import confusion_matrix, write_confusion_csv
from imgclf.report.curves import curves
from imgclf.report.style import png_bytes
from imgclf.report.templates import templates
from imgclf.run import Finished
from imgclf.run_dir import read_table
from imgclf.storage import write_whole


def draw_run(finished: Finished, directory: Path) -> list[str]:
    """Draw the pictures of a finished run into its directory; return their names."""
    model = finished.model
    title = f"{directory.name}: {model.loss}"
    metrics = read_table(directory / "metrics.csv")
    write_whole(directory / "curves.png", png_bytes(curves(metrics, title)))
    drawn = ["curves.png"]
    if model.preprocess.is_picture:
        figure = templates(model.weights, model.preprocess.example_shape, model.class_names)
        write_whole(directory / "templates.png", png_bytes(figure))
        drawn.append("templates.png")
    split, seen = ("val", finished.val) if finished.val else ("train", finished.train)
    return drawn + draw_confusion(seen, model, split, directory)


def draw_confusion(seen: Evaluation, model: Model, split: str, directory: Path) -> list[str]:
    """Write the confusion matrix as a picture and as a table; return their names, none where there is no matrix."""
    if seen.confusion is None:
        return []
    title = f"Confusion matrix, {split}: {seen.n:,} image{'s' * (seen.n != 1)}, accuracy {seen.accuracy:.1%}"
    figure = confusion_matrix(seen.confusion, model.class_names, title)
    write_whole(directory / "confusion_matrix.png", png_bytes(figure))
    text = write_confusion_csv(seen.confusion, model.class_names)
    write_whole(directory / "confusion_matrix.csv", text.encode())
    return ["confusion_matrix.png", "confusion_matrix.csv"]
