"""`imgclf report`: write the page of a run."""

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
    """Write report.html of RUN, from its directory and its data.

    The page is one file that needs no network: what the run learned, why it decides as it does, where it is wrong,
    all to be tried out in a browser. `imgclf train` writes it, too. RUN defaults to the newest finished run under
    runs/; a run that was interrupted or diverged has a page as far as it came.
    """
    from imgclf.files.writing import write_whole
    from imgclf.report.page.contents import page
    from imgclf.report.shown_run import read_run
    from imgclf.run.opening import config_of_run, data_of_run
    from imgclf.run.run_dir import acquire, find_run

    console = Console(ctx, as_json=False)
    path = find_run(run)
    if not path.is_dir():
        raise UsageError(path, "not a run directory", "a model file does not say how it was made")
    remedy = "say where the run's data is now: --data PATH"
    config = data_of_run(config_of_run(path), path, data, remedy)
    with acquire(path):
        content = page(read_run(path, config, f"restore the data, or {remedy}"))
        write_whole(path / "report.html", content)
    console.result(f"page   {path / 'report.html'}, {len(content):,} bytes")
    if opens:
        click.launch((path / "report.html").resolve().as_uri())
