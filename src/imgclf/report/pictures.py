"""Pictures of a run: the list, and how to draw each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imgclf.config import Config
from imgclf.data.batches import steps_per_epoch
from imgclf.data.dataset import Dataset
from imgclf.errors import ImgclfError, plural
from imgclf.files.writing import write_whole
from imgclf.machine.progress import advancing
from imgclf.metrics import wilson_interval
from imgclf.run.learning import PATH, read_path, read_steps
from imgclf.run.run_dir import read_table
from imgclf.training.classifier import Model
from imgclf.training.evaluation import MAX_CONFUSION_CLASSES, Evaluation
from imgclf.training.plan import make_schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINISHED = "finished"
NAMED = 3  # pairs of classes that are written under the title of the confusion matrix


@dataclass(frozen=True)
class RunToDraw:
    """A run to draw: a finished one, or one that was interrupted or diverged.

    model        with the weights of model.npz; of a run that diverged, with the last finite ones
    status       finished, interrupted or diverged
    kept_epoch   the epoch whose weights early stopping kept
    data         () -> the training images, and the validation images if there are some
    evaluate     () -> (split, evaluation); None: the run is not finished. Both are called by what needs them only
    """

    directory: Path
    model: Model
    config: Config
    status: str
    kept_epoch: int | None
    data: Callable[[], tuple[Dataset, Dataset | None]]
    evaluate: Callable[[], tuple[str, Evaluation]] | None = None

    @cached_property
    def splits(self) -> tuple[Dataset, Dataset | None]:
        """The training images, and the validation images if there are some."""
        return self.data()

    @cached_property
    def evaluated(self) -> tuple[str, Evaluation]:
        """The split of the confusion matrix, and its evaluation."""
        assert self.evaluate is not None, "only a finished run is evaluated"
        return self.evaluate()

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch: of the first one, or what the data will make it."""
        if ends := read_table(self.directory / "metrics.csv")["step"]:
            return int(ends[0] or 0)
        n, size = len(self.splits[0]), self.config.train.batch_size
        return steps_per_epoch(n, n if size == "all" else size)

    @property
    def title(self) -> str:
        """The name of the run, its loss, and how it ended if not well."""
        return f"{self.directory.name}: {self.model.loss}" + ("" if self.status == FINISHED else f", {self.status}")


class Picture(NamedTuple):
    """A picture of a run, a table or its page: how to draw it, and of which runs."""

    draw: Callable[[RunToDraw], "Figure | str | bytes"]
    is_of: Callable[[RunToDraw], bool] = lambda run: True


def _curves(run: RunToDraw) -> "Figure":
    from imgclf.report.curves import Seen, curves
    from imgclf.report.objective import loss_at_zero

    (train, val), model, config = run.splits, run.model, run.config
    classes, shown = len(model.class_names), train if val is None else val
    loss = loss_at_zero(model.loss, train.class_counts(), model.class_weights)
    guess = Seen(loss, shown.class_counts().max() / len(shown))
    steps = read_steps(run.directory)
    start = None
    if steps is not None and len(steps[0]):
        first = Seen(float(steps[1][0]), 1 / classes)
        # With W = 0, the loss is the same for all images, but for class weights.
        start = {"train": first} | ({} if config.model.init_scale else {"val": first})
    return curves(
        read_table(run.directory / "metrics.csv"),
        run.title,
        run.steps_per_epoch,
        guess=guess,
        steps=steps,
        start=start,
        val_images=0 if val is None else len(val),
        kept_epoch=run.kept_epoch,
        first_step_size=make_schedule(config, run.steps_per_epoch)(0),
    )


def _templates(run: RunToDraw) -> "Figure":
    from imgclf.report.class_means import class_means
    from imgclf.report.templates import templates

    recalls = None
    if run.evaluate is not None:
        split, seen = run.evaluated
        recalls = split, [one.recall for one in seen.per_class()]
    model = run.model
    shape, means = model.preprocess.example_shape, class_means(run.splits[0])
    return templates(model.weights, shape, model.class_names, means, recalls)


def _steps(run: RunToDraw) -> "Figure":
    from imgclf.report.template_steps import template_steps

    path, model = read_path(run.directory), run.model
    assert path is not None
    shape = model.preprocess.example_shape
    return template_steps(path.steps, path.weights, shape, model.class_names, run.steps_per_epoch)


def _errors(run: RunToDraw) -> "Figure":
    from imgclf.report.mistakes import mistakes, most_confident

    (train, val), (split, _) = run.splits, run.evaluated
    dataset = train if val is None else val
    return mistakes(most_confident(run.model, dataset), dataset, run.model, split)


def _confusion_matrix(model: Model, split: str, seen: Evaluation) -> "Figure":
    from imgclf.report.confusion import confusion_matrix

    assert seen.confusion is not None, "no confusion matrix for this number of classes"
    low, high = wilson_interval(seen.correct, seen.n)
    title = f"Confusion matrix, {split}: {plural(seen.n, 'image')}, accuracy {seen.accuracy:.1%}"
    return confusion_matrix(seen.confusion, model.class_names, title, (low, high), seen.most_confused(NAMED))


def _confusion_csv(model: Model, split: str, seen: Evaluation) -> str:
    from imgclf.report.confusion import write_confusion_csv

    assert seen.confusion is not None, "no confusion matrix for this number of classes"
    return write_confusion_csv(seen.confusion, model.class_names)


def _page(run: RunToDraw) -> bytes:
    from imgclf.report.page.contents import page
    from imgclf.report.page.page_run import PageRun

    _, seen = run.evaluated
    return page(PageRun(run.directory, run.config, run.model, *run.splits, seen, run.kept_epoch))


def _has_few_classes(run: RunToDraw) -> bool:
    """Return whether a picture with a part per class is readable, and drawn in seconds."""
    return len(run.model.class_names) <= MAX_CONFUSION_CLASSES


def _has_templates(run: RunToDraw) -> bool:
    return run.model.preprocess.is_image and _has_few_classes(run)


def _has_matrix(run: RunToDraw) -> bool:
    return run.evaluate is not None and _has_few_classes(run)


PICTURES = {
    "curves.png": Picture(_curves),
    "templates.png": Picture(_templates, _has_templates),
    "steps.png": Picture(_steps, lambda run: _has_templates(run) and (run.directory / PATH).exists()),
    "errors.png": Picture(_errors, lambda run: run.evaluate is not None and _has_templates(run)),
    "confusion_matrix.png": Picture(lambda run: _confusion_matrix(run.model, *run.evaluated), _has_matrix),
    "confusion_matrix.csv": Picture(lambda run: _confusion_csv(run.model, *run.evaluated), _has_matrix),
    "report.html": Picture(_page, lambda run: run.evaluate is not None),
}
WITHOUT_WEIGHTS = ("curves.png",)


def pictures_of(run: RunToDraw) -> list[str]:
    """Return the file names of the pictures of a run."""
    return [name for name, picture in PICTURES.items() if picture.is_of(run)]


def draw_run(run: RunToDraw, names: Sequence[str]) -> None:
    """Draw pictures of a run into its directory; where the data is gone, those that need none."""
    errors, advance = [], advancing("drawing", len(names), "picture")
    for name in names:
        try:
            content = PICTURES[name].draw(run)
        except ImgclfError as error:
            errors.append(error)
        else:
            _write(run.directory / name, content)
        advance(1)
    if errors:
        raise errors[0]


def draw_confusion(seen: Evaluation, model: Model, split: str, directory: Path) -> None:
    """Write the confusion matrix, if there is one, as a table and as a picture."""
    if seen.confusion is not None:
        _write(directory / "confusion_matrix.csv", _confusion_csv(model, split, seen))
        _write(directory / "confusion_matrix.png", _confusion_matrix(model, split, seen))


def _write(path: Path, content: "Figure | str | bytes") -> None:
    from imgclf.report.style import png_bytes

    if isinstance(content, str):
        content = content.encode()
    write_whole(path, content if isinstance(content, bytes) else png_bytes(content))
