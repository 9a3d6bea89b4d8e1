"""`imgclf sanity`: check a config and its data before a long run."""

from pathlib import Path

import click

from imgclf.cli.console import Console, Table, fold
from imgclf.cli.options import config_options, json_option, read_config
from imgclf.cli.parsing import Command

FAILED = 1
MARKS = {True: "ok", False: "NO", None: "-"}
TITLES, WIDTHS = ("check", "measured", "should be"), (26, 24, 0)


@click.command("sanity", cls=Command, short_help="Check a config and its data before a long run.")
@config_options
@json_option
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], overrides: tuple[str, ...], as_json: bool) -> None:
    """Measure eight numbers, each beside what it should be; takes seconds.

    \b
    the loss at W = 0 is known: ln C for softmax       one small step does as the gradient says
    it rises with the penalty                          how much of W a step changes (not judged)
    20 images can be learned by heart                  nothing is learned from shuffled labels
    the gradient is that of differences                train and val are alike

    Exits with code 1 if one of them is not. The test split is never opened.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.sanity.checks import sanity
    from imgclf.speed.threads import workers
    from imgclf.training.plan import make_plan

    console = Console(ctx, as_json=as_json)
    header = [title.ljust(width) for title, width in zip(TITLES, WIDTHS, strict=True)]
    rows, lines = Table(["", *header], left=4), []
    with workers(1):
        for line in sanity(make_plan(read_config(files, overrides))):
            lines.append(line)
            cells = [cell.ljust(width) for cell, width in zip(line[:3], WIDTHS, strict=True)]
            console.say(*rows([[MARKS[line.passed], *cells]]))
            if line.passed is False:
                console.result(*fold("    ", f"{line.name}: {line.remedy}"))
    failed = [line.name for line in lines if line.passed is False]
    console.result(f"wrong: {', '.join(failed)}" if failed else "all is as it should be")
    console.object({"passed": not failed, "checks": [line._asdict() for line in lines]})
    if failed:
        ctx.exit(FAILED)
