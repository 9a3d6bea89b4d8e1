"""`imgclf completion`: print shell completion scripts."""

import click

from imgclf.cli.console import write
from imgclf.cli.parsing import Command


@click.command("completion", cls=Command, short_help="Print a shell completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash  echo 'eval "$(imgclf completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(imgclf completion zsh)"' >> ~/.zshrc
    fish  imgclf completion fish > ~/.config/fish/completions/imgclf.fish
    """  # noqa: D301 - click wants the character, not its name
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click completes these three shells"
    write(kind(ctx.find_root().command, {}, "imgclf", "_IMGCLF_COMPLETE").source() + "\n")
