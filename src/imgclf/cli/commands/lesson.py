"""`imgclf lesson`: experiments that teach, on the learner's own data."""

import itertools
import math
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, room, table
from imgclf.cli.drawing import drawing
from imgclf.cli.options import PATH, config_options, json_option, read_config
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError, printable

if TYPE_CHECKING:
    from imgclf.lessons.lesson import Findings

FOLDER = Path("lessons")


@click.command("lesson", cls=Command, short_help="Run an experiment that teaches, on your own data.")
@click.argument("name", required=False, metavar="[NAME]")
@config_options
@click.option("--out", type=PATH, metavar="DIR",
              help="Draw the picture into DIR, which must be new or empty (default: lessons/NAME).")  # fmt: skip
@click.option("--answer", is_flag=True, help="Also answer the question at the end.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    answer: bool,
    as_json: bool,
) -> None:
    """Run the lesson NAME in seconds; without a name, list the lessons.

    \b
    imgclf lesson                                all lessons, in order
    imgclf lesson step                           on the images that ship with imgclf
    imgclf lesson gradient --answer -s model.loss=svm

    A lesson asks what will happen, prints numbers, draws one picture, and ends with a question. It trains with the
    loss, penalty and data of the config; the test split is never opened.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.files.writing import check_out, make_folder, write_whole
    from imgclf.lessons import LESSONS
    from imgclf.lessons.material import Material
    from imgclf.speed.threads import workers
    from imgclf.training.plan import make_plan

    console = Console(ctx, as_json=as_json)
    if name is None:
        if files or overrides or out is not None or answer:
            raise UsageError("imgclf lesson", "options go with a lesson", "name one; without options, all are listed")
        console.result(*table(["lesson", "what it shows"], [[key, one.title] for key, one in LESSONS.items()], left=2))
        console.say("", "next        imgclf lesson step")
        console.object({"lessons": [{"name": key, "title": one.title} for key, one in LESSONS.items()]})
        return
    if name not in LESSONS:
        near = get_close_matches(name, LESSONS, 1)
        hint = f"did you mean {near[0]}?" if near else f"the lessons are {', '.join(LESSONS)}"
        raise UsageError("imgclf lesson", f"there is no lesson {name!r}", hint)
    if out is not None:
        check_out(out)
    lesson = LESSONS[name]
    material = Material(make_plan(read_config(files, overrides)))
    console.say(*_wrapped("predict     ", lesson.predict), "")
    with workers(1):
        found = lesson.study(material)
        _print(console, found, answer=answer)
        folder = out or _free(FOLDER / name)
        with drawing(console, folder, "all is said, only the picture is missing"):
            from imgclf.report.style import png_bytes

            picture = make_folder(folder) / f"{name}.png"
            write_whole(picture, png_bytes(found.picture()))
    console.say(f"picture     {picture}")
    console.object({"lesson": name, **_finite(found.numbers), "picture": str(picture)})


def _print(console: Console, found: "Findings", *, answer: bool) -> None:
    for one in found.shown:
        console.result(*(_wrapped("", one) if isinstance(one, str) else table(one.header, one.rows, left=one.left)), "")
    console.say(*_wrapped("question    ", found.question))
    if answer:
        console.result(*_wrapped("answer      ", found.answer))
    else:
        console.say("            (--answer adds the answer)")


def _wrapped(head: str, text: str) -> list[str]:
    indent = " " * len(head)
    return textwrap.wrap(printable(text), room(), initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)


def _free(path: Path) -> Path:
    """Return the first of PATH, PATH-2, PATH-3, ... that does not exist."""
    names = itertools.chain([path], (path.with_name(f"{path.name}-{i}") for i in itertools.count(2)))
    return next(each for each in names if not each.exists() and not each.is_symlink())


def _finite(value: Any) -> Any:
    """Return numbers as JSON has them: null for one that is not finite."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
