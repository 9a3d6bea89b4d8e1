"""`imgclf compare`: tell which of several runs is better, and where."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, fold, format_percent, noun_of, table
from imgclf.cli.drawing import drawing
from imgclf.cli.options import PATH, json_option
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError, plural

if TYPE_CHECKING:
    from imgclf.run.comparison import Comparison
    from imgclf.training.comparison import McNemar

MOST = 8  # runs: as many as a picture has colors
CLASSES = 30  # of the table of recalls
NAMED = 3  # images that are shown as examples


@click.command("compare", cls=Command, short_help="Compare runs on the same images: which is better, and where?")
@click.argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--split", type=click.Choice(["val", "test"]), default="val", show_default=True,
              help="Split to compare on. What you choose by test images, they no longer test.")  # fmt: skip
@click.option("--out", type=PATH, metavar="DIR", help="Write the results, every image that flipped, and a picture.")
@json_option
@click.pass_context
def command(ctx: click.Context, runs: tuple[Path, ...], split: str, out: Path | None, as_json: bool) -> None:
    """Compare each RUN with the first one, on the images that are in the same split of all of them.

    Prints what differs in their configs, the accuracies, the recall of each class, how often the answer flips, and the
    exact McNemar test: whether one is right more often than chance explains.
    """
    from imgclf.cli.looks import say_looks
    from imgclf.files.writing import check_out
    from imgclf.run.comparison import compare, open_runs
    from imgclf.speed.threads import workers

    console = Console(ctx, as_json=as_json)
    if len(runs) < 2:
        raise UsageError("imgclf compare", "there is only one run", "name two or more: imgclf compare RUN RUN")
    if len(runs) > MOST:
        raise UsageError("imgclf compare", f"there are {len(runs)} runs", f"compare at most {MOST} at a time")
    if out is not None:
        check_out(out)
    opened = open_runs(runs)
    with workers(1):
        seen = compare(opened, split)
    tests = _tests(seen)
    content = summarize(seen, tests)
    _print(console, seen, tests, content)
    if split == "test":
        say_looks(console, *runs)
    if out is not None:
        _write(console, out, seen, content)
    else:
        console.say(*fold("next        ", "with --out DIR: every image that flipped, and a picture of the runs"))
    console.object(content)


def _tests(seen: "Comparison") -> list["McNemar"]:
    from imgclf.training.comparison import McNemar

    first, *others = seen.right
    return [McNemar.of(first, other) for other in others]


def _differences(seen: "Comparison") -> dict[str, list[Any]]:
    """Return the keys of the configs whose values differ, and the value in each run."""
    from imgclf.config import leaves

    values = [dict(leaves(run.config.model_dump(mode="json", exclude={"name"}))) for run in seen.runs]
    keys = dict.fromkeys(key for those in values for key in those)
    rows = {key: [those.get(key) for those in values] for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row)}


def summarize(seen: "Comparison", tests: list["McNemar"]) -> dict[str, Any]:
    """Return the JSON object."""
    from imgclf.metrics import wilson_interval

    n, names = len(seen.images), seen.images.class_names
    right = seen.right.sum(axis=1).tolist()
    recalls = [[None if value != value else value for value in row] for row in seen.recalls().tolist()]
    return {
        "split": seen.split,
        "n": n,
        "runs": [
            {
                "run": str(run.path),
                "images": size,
                "accuracy": correct / n,
                "accuracy_interval": list(wilson_interval(correct, n)),
                "recall": dict(zip(names, row, strict=True)),
            }
            for run, size, correct, row in zip(seen.runs, seen.sizes, right, recalls, strict=True)
        ],
        "config": _differences(seen),
        "flipped": len(seen.flipped),
        "mcnemar": [
            {"runs": [str(seen.runs[0].path), str(run.path)], **test._asdict()}
            for run, test in zip(seen.runs[1:], tests, strict=True)
        ],
    }


def _print(console: Console, seen: "Comparison", tests: list["McNemar"], content: dict[str, Any]) -> None:
    from imgclf.run.run_dir import is_under_way

    noun, n, numbers = noun_of(seen.images.example_shape), len(seen.images), range(1, len(seen.runs) + 1)
    for number, run in zip(numbers, seen.runs, strict=True):
        unfinished = ", not finished" if is_under_way(run.path) else ""
        console.say(f"{'run' if number == 1 else '':<12}{number}  {run.path}{unfinished}")
    sizes = sorted(set(seen.sizes))
    if sizes == [n]:
        console.say(*fold("images      ", f"{plural(n, f'{seen.split} {noun}')}, the same in all of them"), "")
    else:
        those = f"{sizes[0]:,} each" if len(sizes) == 1 else " and ".join(f"{size:,}" for size in seen.sizes)
        console.say(*fold("images      ", f"{plural(n, f'{seen.split} {noun}')} that all of them have, of {those}"), "")
    if content["config"]:
        rows = [[key, *map(_value, values)] for key, values in content["config"].items()]
        console.say(*table(["config", *map(str, numbers)], rows), "")
    else:
        console.say("config      no key differs", "")
    names = seen.images.class_names
    if len(names) <= CLASSES:
        rows = [[name, f"{count:,}", *(format_percent(run["recall"][name]) for run in content["runs"])]
                for name, count in zip(names, seen.images.class_counts().tolist(), strict=True)]  # fmt: skip
        console.say(*table(["recall", f"{noun}s", *map(str, numbers)], rows), "")
    for number, one in zip(numbers, content["runs"], strict=True):
        low, high = map(format_percent, one["accuracy_interval"])
        head = "accuracy" if number == 1 else ""
        accuracy = f"{format_percent(one['accuracy'])} (95 % interval {low} to {high})"
        console.result(*fold(f"{head:<12}{number}  ", accuracy))
    if content["flipped"]:
        flips = plural(content["flipped"], noun)
        console.result(
            *fold("flipped     ", f"{flips} of {n:,} that not all runs call the same, such as {_examples(seen)}")
        )
    for number, test in enumerate(tests, 2):
        console.result(*_verdict(number, test))


def _verdict(number: int, test: "McNemar") -> list[str]:
    from imgclf.training.comparison import LEVEL

    counts = f"{test.only_first:,} right in run 1 alone, {test.only_second:,} in run {number} alone"
    lines = fold(f"1 and {number}     ", f"{counts}; both right {test.both_right:,}, both wrong {test.both_wrong:,}")
    better = 1 if test.only_first > test.only_second else number
    p = f"p = {test.p:.2g}, exact McNemar test"
    if test.only_first == test.only_second:
        verdict = f"neither is right more often ({p})"
    elif test.p < LEVEL:
        verdict = f"run {better} is better, by more than chance explains ({p})"
    else:
        verdict = f"run {better} is right more often, but by no more than chance explains ({p})"
    return [*lines, *fold("            ", verdict)]


def _value(value: object) -> str:
    return "-" if value is None else str(value)


def _examples(seen: "Comparison") -> str:
    rows = seen.flipped[:NAMED]
    names, called = seen.images.class_names, [Path(name).name for name in seen.images.names_of(rows)]
    return ", ".join(
        f"{name} ({' or '.join(dict.fromkeys(names[c] for c in seen.predicted[:, row].tolist()))})"
        for row, name in zip(rows.tolist(), called, strict=True)
    )


def _write(console: Console, out: Path, seen: "Comparison", content: dict[str, Any]) -> None:
    from imgclf.files.csv_text import csv_text
    from imgclf.files.writing import make_folder, write_json, write_whole

    directory = make_folder(out)
    write_json(directory / "compare.json", content)
    names, rows = seen.images.class_names, seen.flipped
    answers = [
        [called, names[label], *(names[c] for c in predicted)]
        for called, label, predicted in zip(
            seen.images.names_of(rows), seen.images.y_of(rows).tolist(), seen.predicted[:, rows].T.tolist(), strict=True
        )
    ]
    header = ["image", "true", *(str(run.path) for run in seen.runs)]
    write_whole(directory / "flipped.csv", csv_text([header, *answers]).encode(errors="surrogateescape"))
    with drawing(console, out, "all is written but the picture"):
        from imgclf.report.comparison import comparison
        from imgclf.report.style import png_bytes
        from imgclf.run.run_dir import read_table

        paths = [run.path for run in seen.runs]
        title = f"{len(paths)} runs on {plural(len(seen.images), f'{seen.split} image')}"
        tables = [read_table(path / "metrics.csv") for path in paths]
        objectives = [(run.model.loss, run.config.train.class_weight, run.config.regularization) for run in seen.runs]
        same = all(objective == objectives[0] for objective in objectives)
        figure = comparison(tables, [path.name for path in paths], seen.recalls(), names, title, same_objective=same)
        write_whole(directory / "comparison.png", png_bytes(figure))
    console.say(f"written to {out}")
