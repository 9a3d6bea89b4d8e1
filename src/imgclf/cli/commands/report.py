"""`imgclf report`: write the page of a run again."""

from pathlib import Path

import click

from imgclf.cli.console import Console
from imgclf.cli.options import PATH
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError


@click.command("report", cls=Command, short_help="Write the page of a run, report.html.")
@click.argument("run", type=PATH, required=False)
@click.option("--data", type=PATH, metavar="PATH", help="New location of the run's data, if it has moved.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.pass_context
def command(ctx: click.Context, run: Path | None, data: Path | None, opens: bool) -> None:
    """Write report.html of RUN again, from its directory and its data.

    RUN defaults to the newest finished run under runs/. The page is one file that needs no network: what the run
    learned, why it decides as it does, and where it is wrong, to try out in a browser.
    """
    from imgclf.files.writing import write_whole
    from imgclf.report.page.contents import page
    from imgclf.run.run_dir import find_run

    console = Console(ctx, as_json=False)
    path = find_run(run)
    if not path.is_dir():
        raise UsageError(path, "not a run directory", "a model file does not say how it was made")
    content = page(_open(path, data)).encode()
    write_whole(path / "report.html", content)
    console.result(f"page   {path / 'report.html'}, {len(content):,} bytes")
    if opens:
        click.launch((path / "report.html").resolve().as_uri())


def _open(path, data):
    from imgclf.machine.cores import helpful_threads
    from imgclf.report.page.page_run import PageRun
    from imgclf.run.data_identity import check_data
    from imgclf.run.opening import config_of_run, data_of_run, open_run
    from imgclf.speed.threads import workers
    from imgclf.training.evaluation import evaluate
    from imgclf.training.loading import load_training_data, where

    _, model = open_run(path)
    remedy = "say where the run's data is now: --data PATH"
    config = data_of_run(config_of_run(path), path, data, remedy)
    train, val = load_training_data(config)
    check_data(train, val, path, where(config), f"restore the data, or {remedy}")
    with workers(helpful_threads(*model.weights.shape)) as sum_blocks:
        seen = evaluate(model, val or train, sum_blocks)
    return PageRun(path, config, model, train, val, seen)
