"""`imgclf predict`: predict the classes of images."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TypeAlias

import click

from imgclf.cli.console import Console, Table, echo, format_percent, write
from imgclf.cli.drawing import drawing
from imgclf.cli.opening import opened
from imgclf.cli.options import PATH, progress_option
from imgclf.cli.parsing import Command
from imgclf.errors import DataError, ImgclfError, StorageError, UsageError, plural, printable
from imgclf.files.csv_text import csv_text, is_formula

if TYPE_CHECKING:
    from imgclf.data.dataset import Unlabeled
    from imgclf.files.csv_text import Cell
    from imgclf.report.explanation_files import ExplanationFolder
    from imgclf.training.classifier import Model
    from imgclf.training.prediction import Prediction

    Chunks: TypeAlias = Iterator[list[Prediction]]

SHOWN = 3  # classes of an image in the table
MOST_ERRORS = 20  # that are printed
MOST_EXPLAINED = 1000  # examples
SECONDS_EACH = 0.25  # about what the picture of one takes
ENDINGS = {"": "csv", ".csv": "csv", ".txt": "csv", ".json": "json"}  # of --out, without --format
MANY = 20  # examples; of more, it is said before how long their pictures will take


class UnreadableImagesError(DataError):
    """Some images could not be read; the others were predicted."""

    def __init__(self, errors: Sequence[ImgclfError]) -> None:
        super().__init__(errors[0].where, errors[0].problem, errors[0].remedy)
        self._errors = errors

    def lines(self) -> list[str]:
        """Return one line per image, of the first ones."""
        more = len(self._errors) - MOST_ERRORS
        rest = [f"imgclf predict: {plural(more, 'more image')} cannot be read"] if more > 0 else []
        return [*map(str, self._errors[:MOST_ERRORS]), *rest]


@click.command("predict", cls=Command, short_help="Predict the class of images.")
@click.argument("run", type=PATH)
@click.argument("sources", type=PATH, nargs=-1, required=True, metavar="SOURCE...")
@click.option("--top-k", type=click.IntRange(min=1), metavar="K",
              help=f"Show the K best classes (default: {SHOWN} in the table, all in csv and json).")  # fmt: skip
@click.option("--explain", type=PATH, metavar="DIR",
              help="Write into DIR why: for each image, a picture and a JSON of what each pixel adds.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]),
              help="Output format (default: table; with --columns or --out csv, or json for FILE.json).")  # fmt: skip
@click.option("--columns", metavar="A,B",
              help="Write two columns with these names, the image and its class: a file to submit.")  # fmt: skip
@click.option("--out", type=PATH, metavar="FILE", help="Write to a new file, once all is predicted.")
@progress_option("Progress bar, or none; auto: a bar if stderr is a terminal.")
@click.pass_context
def command(
    ctx: click.Context,
    run: Path,
    sources: tuple[Path, ...],
    top_k: int | None,
    explain: Path | None,
    form: str | None,
    columns: str | None,
    out: Path | None,
    progress: str,
) -> None:
    """Predict the class of each SOURCE with the model of RUN, a run directory or a model.npz.

    \b
    imgclf predict runs/NAME photo.jpg --explain why
    imgclf predict runs/NAME photos --format csv --out predictions.csv
    imgclf predict runs/NAME test --columns ImageId,Label --out submission.csv

    SOURCE is an image, a folder with images at any depth, or a CSV, .npz or .npy file of images or feature vectors.
    Images may have any size and color mode: they are converted to those of the training images. If some cannot be
    read, the others are predicted; exit code 3.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.data.unlabeled import has_arrays, named_files, read_unlabeled
    from imgclf.files.writing import check_new_file, write_parts
    from imgclf.report.explanation_files import ExplanationFolder
    from imgclf.run.opening import table_options

    if form is None and out is not None:
        form = ENDINGS.get(out.suffix.lower())
        if form is None:
            raise UsageError("--out", f"{out} would hold CSV", "name it .csv or .json, or add --format")
    form = form or ("csv" if columns else "table")
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    if names is not None and (len(names) != 2 or len({*names, ""}) != 3 or not all(map(str.isprintable, names))):
        raise UsageError("--columns", f"{columns!r} is not two printable names", "give two, such as ImageId,Label")
    if names is not None and form != "csv":
        raise UsageError("--columns", f"does not go with --format {form}", "leave one of them out")
    if names is not None and top_k is not None:
        raise UsageError("--columns", "does not go with --top-k: each row has one class", "leave one of them out")
    if out is not None:
        check_new_file(out)
    if explain is not None:
        _check_explain(explain, sources, out)
    console = Console(ctx, as_json=form == "json", progress=progress)
    path, model = opened(console, run)
    kept = top_k or (1 if names else SHOWN if form == "table" else len(model.class_names))
    errors: list[ImgclfError] = []
    explanations = None if explain is None else ExplanationFolder(explain, model)
    total = None
    if (console.shows_progress or explain is not None) and not any(map(has_arrays, sources)):
        total = sum(1 for _ in named_files(sources, relative=False))
    # Of two folders, relative names could be the same.
    relative = names is not None and len(sources) == 1
    like, options = model.like, table_options(path)
    examples = read_unlabeled(sources, model.input, like=like, relative=relative, options=options, total=total)
    chunks = _predictions(console, path, model, examples, kept, errors, explanations, total)
    text = _in_two_columns(chunks, names) if names else FORMATS[form](chunks)
    if out is not None:
        write_parts(out, (piece.encode(errors="surrogateescape") for piece in text))
        console.say(f"written to {out}")
    elif form == "json":
        _write_at_once(text)
    else:
        for piece in text:
            write(piece)
    if explanations is not None:
        if not console.quiet:
            echo(f"explained {plural(len(explanations), 'example')} in {explain}", err=True)
        if explanations.left_out:
            more = plural(explanations.left_out, "more example")
            console.warn(f"--explain: {MOST_EXPLAINED:,} examples at a time: {more} not explained")
        if explanations.error:
            raise explanations.error
    if errors:
        raise UnreadableImagesError(errors)


def _check_explain(explain: Path, sources: Sequence[Path], out: Path | None) -> None:
    """Refuse a folder where explanations would be mixed up with images or predictions."""
    folder = Path(os.path.realpath(explain))
    for source in filter(os.path.isdir, sources):
        if folder.is_relative_to(os.path.realpath(source)):
            problem = f"{explain} is in {source}, where its pictures would be predicted, too"
            raise UsageError("--explain", problem, "name a folder elsewhere")
    if out is not None and Path(os.path.realpath(out)).is_relative_to(folder):
        raise UsageError("--out", f"{out} is in the folder of --explain", "name a file elsewhere")


def _predictions(
    console: Console,
    path: Path,
    model: "Model",
    examples: "Iterable[Unlabeled]",
    kept: int,
    errors: list[ImgclfError],
    folder: "ExplanationFolder | None",
    total: int | None,
) -> "Chunks":
    """Yield predictions, chunk by chunk, and collect the errors; raises them at the end if nothing was predicted.

    With a folder for explanations, those of a chunk are written after it was yielded. `total` is the number of images,
    if it is known.
    """
    from imgclf.speed.threads import workers
    from imgclf.training.prediction import predict

    done, warning = 0, None
    for some in examples:
        errors += some.errors
        console.warn(*some.remarks)
        if some.names:
            if warning is None and (warning := model.input.warning_about(some.examples)):
                console.warn(f"{path}: {warning}")
            try:
                with workers(1):
                    predictions = predict(path, model, some, kept if folder is None else max(kept, 2))
            except DataError as error:
                errors.append(error)
            else:
                yield predictions if folder is None else [one.top(kept) for one in predictions]
                done += len(predictions)
                if folder is not None and folder.error is None:
                    if done == len(predictions):  # the first ones
                        _say_how_long(console, total, done)
                    _explain(console, model, some, predictions, folder, errors)
    if not done:
        raise UnreadableImagesError(errors)


def _say_how_long(console: Console, total: int | None, first: int) -> None:
    """Say before, where it is long, how long the pictures of all will take, or of each if only the first are known."""
    coming = min(first if total is None else total, MOST_EXPLAINED)
    if coming > MANY and not console.quiet:
        what, in_all = "examples", ""
        if total is not None:
            what = plural(coming, "example")
            in_all = f", {plural(math.ceil(coming * SECONDS_EACH), 'second')} in all"
        echo(f"explaining {what}: about {SECONDS_EACH:g} seconds each{in_all}", err=True)


def _explain(
    console: Console,
    model: "Model",
    some: "Unlabeled",
    predictions: "list[Prediction]",
    folder: "ExplanationFolder",
    errors: list[ImgclfError],
) -> None:
    """Write the explanations of some examples, unless there are too many; a full disk ends only them."""
    from imgclf.machine.progress import advancing
    from imgclf.report.evidence import explain

    advance = advancing("explaining", len(predictions))
    for one, example in zip(predictions, some.examples, strict=True):
        if len(folder) == MOST_EXPLAINED:
            folder.left_out += 1
        else:
            try:
                with drawing(console, folder.directory, "some examples are not explained"):
                    try:
                        folder.write(explain(model, one.image, example, list(one.scores)[:2]))
                    except DataError as error:
                        errors.append(error)
            except StorageError as error:
                folder.error = error
                return
        advance(1)


def _write_at_once(text: Iterator[str]) -> None:
    """Print one object, or nothing if an error comes before its end."""
    with TemporaryFile("w+", encoding="ascii") as whole:
        whole.writelines(text)
        whole.seek(0)
        for piece in iter(lambda: whole.read(1 << 20), ""):
            write(piece)


def _as_json(chunks: "Chunks") -> Iterator[str]:
    before = '{"predictions": ['
    for one in chain.from_iterable(chunks):
        content = {"image": one.image, "class": one.best, "scores": one.scores, "probabilities": one.probabilities}
        yield before + json.dumps(content, allow_nan=False)
        before = ", "
    yield "]}\n"


def _as_csv(chunks: "Chunks") -> Iterator[str]:
    rows: list[Sequence[Cell]] = [["image", "rank", "class", "score", "probability"]]
    for chunk in chunks:
        for one in chunk:
            for rank, (name, score) in enumerate(one.scores.items(), 1):
                rows.append([_plain(one.image), rank, name, score, one.probability(name)])
        yield _csv_text(rows)
        rows = []


def _in_two_columns(chunks: "Chunks", names: list[str]) -> Iterator[str]:
    rows: list[Sequence[Cell]] = [names]
    for chunk in chunks:
        yield _csv_text([*rows, *([_plain(one.image), one.best] for one in chunk)])
        rows = []


def _as_table(chunks: "Chunks") -> Iterator[str]:
    lines = Table(["image", "class", "score", "probability"], left=2)
    for chunk in chunks:
        rows = [
            ["" if rank else one.image, name, f"{score:.3f}", format_percent(one.probability(name))]
            for one in chunk
            for rank, (name, score) in enumerate(one.scores.items())
        ]
        yield "".join(f"{line}\n" for line in lines(rows))


FORMATS: "dict[str, Callable[[Chunks], Iterator[str]]]" = {"table": _as_table, "csv": _as_csv, "json": _as_json}


def _plain(image: str) -> str:
    """Return a path that a spreadsheet does not take for a formula: ./ in front of it makes it plain text."""
    return f"./{image}" if is_formula(image) else image


def _csv_text(rows: "Iterable[Sequence[Cell]]") -> str:
    """Return CSV, every value exact; control characters are escaped on a terminal only."""
    if sys.stdout.isatty():
        rows = [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return csv_text(rows)
