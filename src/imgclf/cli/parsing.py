"""Parse command lines: what was typed from habit is refused with the words to type, and nothing is given twice."""

import shlex
from difflib import get_close_matches
from pathlib import Path

import click

from imgclf.errors import ImgclfError, UsageError

LIKE_AN_OPTION = 0.7  # how alike two words are, from 0 to 1


class _Strict(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; refuse options that there are not, and a second value where only the last would count."""
        typed = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(
                ctx.command_path, f"there is no option {error.option_name}", _meant_by_option(ctx, error, typed)
            ) from None
        if not ctx.resilient_parsing:  # as when a shell completes
            self._refuse_repetition(ctx, typed)
        return rest

    def _refuse_repetition(self, ctx: click.Context, typed: list[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(typed)
        for option in order:
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and order.count(option) > 1:
                problem = f"{option.opts[-1]} is given {order.count(option)} times"
                raise UsageError(ctx.command_path, problem, "it takes one value: keep one")


class Command(_Strict):
    """A command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; refuse arguments that are left over."""
        ctx.allow_extra_args = True  # click would refuse them in bare words
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise UsageError(ctx.command_path, f"unexpected argument '{rest[0]}'", _meant_by_arguments(ctx, rest))
        return rest


class Group(_Strict, click.Group):
    """A command that holds commands; of an unknown one, the nearest is named."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not ctx.resilient_parsing:
            near = get_close_matches(args[0], names, 1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; the commands are {', '.join(names)}"
            raise click.UsageError(f"no such command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)


def _meant_by_option(ctx: click.Context, error: click.NoSuchOption, typed: list[str]) -> str:
    """Say what to type: the key that other programs have this option for, or the option that it nearly is."""
    name, close = error.option_name, error.possibilities or ()
    if any(name in option.opts for option in ctx.find_root().command.params):
        return f"it goes before the command: imgclf {name} {ctx.command_path.removeprefix('imgclf ')}"
    near = get_close_matches(name, [option for option in close if option != "--help"], 1, LIKE_AN_OPTION)
    if _takes(ctx, "overrides"):
        from imgclf.config.messages import key_of_option

        if not name.startswith("--"):  # of -lr click names the first letter
            name = next((word.partition("=")[0] for word in typed if word.startswith(name)), name)
        if key := key_of_option(name, fuzzy=not near):
            value = _value_of(name, typed)
            return f"did you mean {_data(value) if key == 'data.path' else _setting(key, value)}?"
    return f"did you mean {near[0]}?" if near else f"see `{ctx.command_path} --help`"


def _meant_by_arguments(ctx: click.Context, words: list[str]) -> str:
    """Say what to type in place of arguments that are left over."""
    meant, word = None, words[0]
    if _takes(ctx, "overrides"):
        halves = [key for key in ctx.params["overrides"] if "=" not in key[:-1]]
        if halves:  # -s KEY VALUE, -s KEY = VALUE, -s KEY= VALUE
            meant = _setting(halves[-1].rstrip("="), "".join(words[:2]).removeprefix("=") if word == "=" else word)
        elif "=" in word:
            meant = _setting(*word.split("=", 1))
        elif word.lower().endswith((".yaml", ".yml")):
            meant = f"-c {shlex.quote(word)}"
        elif _takes(ctx, "resume") and Path(word, "config.yaml").is_file():
            meant = f"--resume {shlex.quote(word)}"
        elif not any(isinstance(parameter, click.Argument) for parameter in ctx.command.params):
            meant = _data(word)
    return f"did you mean {meant}?" if meant else f"see `{ctx.command_path} --help`"


def _takes(ctx: click.Context, name: str) -> bool:
    return any(parameter.name == name for parameter in ctx.command.params)


def _value_of(name: str, typed: list[str]) -> str:
    """Return what was given as the value of an option; three dots for nothing."""
    for word, following in zip(typed, [*typed[1:], "-"], strict=True):
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
        if word == name and not following.startswith("-"):
            return following
    return "..."


def _setting(key: str, value: str) -> str:
    return f"-s {shlex.quote(f'{key}={value}')}"


def _data(value: str) -> str:
    """Return the settings that name data; the source is what can read it, or may be meant."""
    from imgclf.data.sources import SOURCES, recognise

    path = Path(value)
    if value in SOURCES and not path.exists():
        return _setting("data.source", value)
    try:
        source = recognise(path)
    except ImgclfError:
        source = "folder"
    return f"{_setting('data.source', source)} {_setting('data.path', value)}"
