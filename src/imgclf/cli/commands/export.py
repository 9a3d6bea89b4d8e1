"""`imgclf export`: hand a trained model to other programs."""

import shlex
from pathlib import Path

import click

from imgclf.cli.console import Console, fold, fold_command, noun_of, table
from imgclf.cli.options import PATH
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError, plural

FORMATS = ("onnx", "safetensors")  # those of `export.formats`, which imports NumPy


@click.command("export", cls=Command, short_help="Export a model as ONNX or safetensors, with a model card.")
@click.argument("run", type=PATH, required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="onnx: a graph from pixels to scores, for any runtime; safetensors: weights for torch.nn.Linear.",
)
@click.option("--out", type=PATH, metavar="DIR", required=True, help="A new or empty folder for the files.")
@click.pass_context
def command(ctx: click.Context, run: Path | None, form: str, out: Path) -> None:
    """Export the model of RUN for other programs (default: the newest finished run under runs/).

    \b
    imgclf export --format onnx --out model
    imgclf export runs/NAME --format safetensors --out model

    Beside the model, DIR gets README.md: a model card with the run's own figures, ready for a repository of models,
    and with a few lines of Python that load and predict. Needs pip install 'imgclf[export]'.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.export.export import export
    from imgclf.export.formats import packages_for
    from imgclf.files.writing import make_folder, write_whole
    from imgclf.run.looks import last_result
    from imgclf.run.opening import open_run
    from imgclf.run.run_dir import find_run

    console = Console(ctx, as_json=False)
    path = find_run(run)
    if not path.is_dir():
        raise UsageError(path, "not a run directory", "a model file does not say how good it is, which the card says")
    _, model = open_run(path)
    files = export(path, model, form)
    make_folder(out)
    for name, content in files.items():
        write_whole(out / name, content)
    console.say(f"{path}: {model.loss}, {plural(len(model.class_names), 'class', 'classes')}", "")
    console.result(*table(["file", "bytes"], [[str(out / name), f"{len(one):,}"] for name, one in files.items()]))
    console.say("", f"next     pip install {' '.join(packages_for(model, form))}")
    console.say(*fold(" " * 9, f"for the lines of Python in {out / 'README.md'}, which load and predict"))
    if last_result(path) is None:
        console.say(*fold_command("test     ", shlex.join(["imgclf", "eval", str(path)])))
        noun = noun_of(model.input.example_shape)
        console.say(*fold(" " * 9, f"and export again: the card then has the accuracy on test {noun}s, if any"))
    console.say("license  add `license:` to the head of README.md before you publish it")
