"""`imgclf data download`: download an official data set."""

from pathlib import Path

import click

from imgclf.cli.console import Console
from imgclf.cli.options import PATH, data_options, json_option, progress_option
from imgclf.cli.parsing import Command
from imgclf.data.download.catalog import DOWNLOADS, OFFICIAL


@click.command("download", cls=Command, short_help="Download CIFAR-10, CIFAR-100, MNIST or Fashion-MNIST.")
@click.argument("name", type=click.Choice(list(OFFICIAL)), metavar="|".join(OFFICIAL))
@click.option(
    "--out", type=PATH, metavar="DIR", default=str(DOWNLOADS), show_default=True, help="The folder for the data."
)
@progress_option("Progress bar, lines (plain), or none; auto: a bar if stderr is a terminal.")
@json_option
@click.pass_context
def command(ctx: click.Context, name: str, out: Path, progress: str, as_json: bool) -> None:
    """Download the official files of a data set into DIR.

    \b
    imgclf data download cifar10
    imgclf train -s data.source=cifar10 -s data.path=data/cifar-10-python.tar.gz

    Files are verified by their checksums; complete ones are not downloaded again. If a download is interrupted, even by
    kill -9, the same command resumes it. Proxies: http_proxy, https_proxy, no_proxy.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.cli.progress import DownloadProgress, follow
    from imgclf.data.download.fetch import PATIENCE, fetch

    console = Console(ctx, as_json=as_json, progress=progress)
    wanted = OFFICIAL[name]
    show = DownloadProgress(console, progress)
    follow(fetch(wanted, out, PATIENCE), show, out)
    folder = out / wanted.folder
    for event in show.files.values():
        how = "downloaded" if event.loaded else "already there"
        console.result(f"{folder / event.file.name}  {event.file.size:,} bytes, {how}")
    console.say(f"next   imgclf train {data_options(wanted.source, wanted.path(out))}")
    files = [
        {"path": str(folder / event.file.name), "bytes": event.file.size, "sha256": event.file.sha256,
         "downloaded": event.loaded}
        for event in show.files.values()
    ]  # fmt: skip
    console.object({"data": name, "source": wanted.source, "path": str(wanted.path(out)), "files": files})
