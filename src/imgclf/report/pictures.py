"""Pictures of a run: the list, and how to draw each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imgclf.errors import ImgclfError, plural
from imgclf.files.writing import write_whole
from imgclf.machine.progress import advancing
from imgclf.metrics import wilson_interval
from imgclf.report.shown_run import ShownRun
from imgclf.run.learning import PATH, read_steps
from imgclf.speed.threads import workers
from imgclf.training.classifier import Model
from imgclf.training.evaluation import MAX_CONFUSION_CLASSES, Evaluation
from imgclf.training.plan import make_schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "report.html"
NAMED = 3  # pairs of classes that are written under the title of the confusion matrix


class Picture(NamedTuple):
    """A picture of a run, a table or its page: how to draw it, and of which runs."""

    draw: Callable[[ShownRun], "Figure | str | bytes"]
    is_of: Callable[[ShownRun], bool] = lambda run: True


def _curves(run: ShownRun) -> "Figure":
    from imgclf.report.curves import Seen, curves
    from imgclf.training.class_weights import loss_at_zero

    model, config, classes = run.model, run.config, len(run.model.class_names)
    loss = loss_at_zero(model.loss, run.train.class_counts(), model.class_weights)
    guess = Seen(loss, run.shown.class_counts().max() / len(run.shown))
    steps = read_steps(run.directory)
    start = None
    if steps is not None and len(steps[0]):
        first = Seen(float(steps[1][0]), 1 / classes)
        # With W = 0, the loss is the same for all images, but for class weights.
        start = {"train": first} | ({} if config.model.init_scale else {"val": first})
    return curves(
        run.metrics,
        run.title,
        run.steps_per_epoch,
        guess=guess,
        steps=steps,
        start=start,
        val_images=len(run.val) if run.val else 0,
        kept_epoch=run.kept_epoch,
        first_step_size=make_schedule(config, run.steps_per_epoch)(0),
    )


def _templates(run: ShownRun) -> "Figure":
    from imgclf.report.templates import templates

    recalls = None
    if run.evaluate is not None:
        recalls = run.split, [one.recall for one in run.seen.per_class()]
    model = run.model
    kept = None if run.kept_step is None else run.kept_epoch
    shape = model.preprocess.example_shape
    return templates(model.weights, shape, model.class_names, run.class_means, recalls, kept)


def _features(run: ShownRun) -> "Figure":
    from imgclf.data.features.fitted import FeatureVectors
    from imgclf.report.features import liked_features

    assert isinstance(run.train, FeatureVectors)
    return liked_features(run.model, run.train.pictures)


def _steps(run: ShownRun) -> "Figure":
    from imgclf.report.template_steps import template_steps

    path, model = run.path, run.model
    assert path is not None
    shape = model.preprocess.example_shape
    return template_steps(*path, shape, model.class_names, run.steps_per_epoch, run.kept_step)


def _errors(run: ShownRun) -> "Figure":
    from imgclf.report.mistakes import mistakes, most_confident

    return mistakes(most_confident(run.model, run.shown), run.shown, run.model, run.split)


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


def _page(run: ShownRun) -> bytes:
    from imgclf.report.page.contents import page

    return page(run)


def _has_few_classes(run: ShownRun) -> bool:
    """Return whether a picture with a part per class is readable, and drawn in seconds."""
    return len(run.model.class_names) <= MAX_CONFUSION_CLASSES


def _has_templates(run: ShownRun) -> bool:
    return run.model.preprocess.is_image and _has_few_classes(run)


def _has_drawn_features(run: ShownRun) -> bool:
    return run.model.features is not None and run.model.features.kind.drawing is not None


def _has_matrix(run: ShownRun) -> bool:
    return run.evaluate is not None and _has_few_classes(run)


PICTURES = {
    "curves.png": Picture(_curves),
    "templates.png": Picture(_templates, _has_templates),
    "features.png": Picture(_features, lambda run: _has_drawn_features(run) and _has_few_classes(run)),
    "steps.png": Picture(_steps, lambda run: _has_templates(run) and (run.directory / PATH).exists()),
    "errors.png": Picture(_errors, lambda run: run.evaluate is not None and _has_templates(run)),
    "confusion_matrix.png": Picture(lambda run: _confusion_matrix(run.model, run.split, run.seen), _has_matrix),
    "confusion_matrix.csv": Picture(lambda run: _confusion_csv(run.model, run.split, run.seen), _has_matrix),
    PAGE: Picture(_page, lambda run: run.evaluate is not None),
}
WITHOUT_WEIGHTS = ("curves.png",)


def pictures_of(run: ShownRun) -> list[str]:
    """Return the file names of the pictures of a run."""
    return [name for name, picture in PICTURES.items() if picture.is_of(run)]


def draw_run(run: ShownRun, names: Sequence[str]) -> None:
    """Draw pictures of a run into its directory; where the data is gone, those that need none.

    The page is made on a second core: it is mostly NumPy's arithmetic, and pictures mostly matplotlib's Python.
    """
    errors: list[ImgclfError] = []
    advance = advancing("drawing", len(names), "picture")

    def draw(name: str) -> None:
        try:
            content = PICTURES[name].draw(run)
        except ImgclfError as error:
            errors.append(error)
        else:
            _write(run.directory / name, content)
        advance(1)

    if PAGE in names:
        with suppress(ImgclfError):  # the data is gone, as each picture that needs it will say
            run.prepare()
    # BLAS has one thread until both are done: the page, whose bits depend on it, must not find it changed.
    with workers(1), ThreadPoolExecutor(1) as beside:
        pages = [beside.submit(draw, name) for name in names if name == PAGE]
        for name in names:
            if name != PAGE:
                draw(name)
        for page in pages:
            page.result()
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
