"""Parse command lines strictly, with suggestions for unknown words."""

import shlex
from difflib import get_close_matches
from pathlib import Path

import click

from imgclf.cli.data_hints import hint_for_data, hint_for_path
from imgclf.errors import UsageError

LIKE_AN_OPTION = 0.7  # how alike two words are, from 0 to 1
# What other programs call these options.
ELSEWHERE = {
    "cfg": "--config",
    **dict.fromkeys(["dir", "o", "output", "output_dir", "project", "save_dir"], "--out"),
    **dict.fromkeys(["j", "jobs", "n_jobs", "nproc", "num_workers", "workers"], "--threads"),
    "json": "--format json",
}
A_RUN = ("checkpoint", "ckpt", "model", "run", "weights")  # names of RUN in other programs


class _Strict(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; refuse unknown options, a repeated option that takes one value, and an option in place of a path."""
        typed = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(
                ctx.command_path, f"no such option {error.option_name}", _meant_by_option(ctx, error, typed)
            ) from None
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click forgets of which command an option lacks its value
            raise
        if not ctx.resilient_parsing:  # as when a shell completes
            self._refuse_slips(ctx, typed)
        return rest

    def _refuse_slips(self, ctx: click.Context, typed: list[str]) -> None:
        words = {*typed}  # before they are taken from the list
        values, _, order = self.make_parser(ctx).parse_args(typed)
        for option in order:
            if not isinstance(option, click.Option):
                continue
            given = values[option.name]
            for value in given if isinstance(given, list) else [given]:
                if isinstance(option.type, click.Path) and value.startswith("--") and value in words:  # not --out=--x
                    name = option.opts[-1]
                    problem = f"{name} needs a value, and {value} is an option"
                    raise UsageError(ctx.command_path, problem, f"add the path; {name}={value} if it is called so")
            if not (option.multiple or option.is_flag) and order.count(option) > 1:
                problem = f"{option.opts[-1]} is given {order.count(option)} times"
                raise UsageError(ctx.command_path, problem, "it takes one value: keep one")


class Command(_Strict):
    """A command that refuses unexpected arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; refuse unexpected arguments."""
        ctx.allow_extra_args = True  # click would refuse them in bare words
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise UsageError(ctx.command_path, f"unexpected argument '{rest[0]}'", _meant_by_arguments(ctx, rest))
        return rest


class Group(_Strict, click.Group):
    """A group of commands that suggests the nearest name for an unknown command."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command to call."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not ctx.resilient_parsing:
            near = get_close_matches(args[0], names, 1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; the commands are {', '.join(names)}"
            if args[0] == "help":
                hint = f"; did you mean `{ctx.command_path} {' '.join([*args[1:2], '--help'])}`?"
            raise click.UsageError(f"no such command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)


def _meant_by_option(ctx: click.Context, error: click.NoSuchOption, typed: list[str]) -> str:
    """Suggest what to type: the config key for an option of other programs, or the option with the nearest name."""
    name, word = error.option_name, _word(error.option_name)
    if any(name in option.opts for option in ctx.find_root().command.params):
        return f"it goes before the command: imgclf {name} {ctx.command_path.removeprefix('imgclf ')}"
    near = _nearest_option(ctx, word)
    if isinstance(ctx.command, click.Group) and not near:
        return f"options of a command go after its name - see `{ctx.command_path} --help`"
    if _takes(ctx, "overrides"):
        from imgclf.config.messages import key_of_option

        if not name.startswith("--"):  # of -lr click names the first letter
            name = next((word.partition("=")[0] for word in typed if word.startswith(name)), name)
        if key := key_of_option(name, fuzzy=not near):
            value = _value_of(name, typed)
            return _hint_for_setting(ctx, key, value)
    if word in A_RUN and isinstance(_parameter(ctx, "run"), click.Argument):
        return f"did you mean {ctx.command_path} {shlex.quote(_value_of(name, typed))}?"
    return f"did you mean {near}?" if near else f"see `{ctx.command_path} --help`"


def _word(option: str) -> str:
    return option.lstrip("-").lower().replace("-", "_")


def _nearest_option(ctx: click.Context, word: str) -> str | None:
    """Return the option with nearly this name, or the one that other programs call so."""
    options = {_word(name): name for parameter in ctx.command.params for name in parameter.opts if name[:2] == "--"}
    other = ELSEWHERE.get(word, "")
    if other.partition(" ")[0] in options.values():
        return other
    near = get_close_matches(word, options, 1, LIKE_AN_OPTION)
    return options[near[0]] if near else None


def hint_for_word(ctx: click.Context, word: str) -> str | None:
    """Say what to type in place of a word that a command took for a path; None if it may be one.

    A setting (`-s KEY VALUE`, `KEY=VALUE`), or a run directory.
    """
    if any("=" not in key[:-1] for key in ctx.params["overrides"]):
        return _hint_for_halves(ctx, [word])
    path = Path(word)
    if path.exists():
        return f"did you mean --resume {shlex.quote(word)}?" if (path / "config.yaml").is_file() else None
    return _hint_for_setting(ctx, *word.split("=", 1)) if "=" in word else None


def _hint_for_halves(ctx: click.Context, words: list[str]) -> str | None:
    """Say which setting -s KEY VALUE, -s KEY = VALUE or -s KEY= VALUE means."""
    halves = [key for key in ctx.params["overrides"] if "=" not in key[:-1]]
    if not halves:
        return None
    value = "".join(words[:2]).removeprefix("=") if words[0] == "=" else words[0]
    return _hint_for_setting(ctx, halves[-1].rstrip("="), value)


def _meant_by_arguments(ctx: click.Context, words: list[str]) -> str:
    """Suggest what to type in place of unexpected arguments."""
    meant, word, is_run = None, words[0], Path(words[0], "config.yaml").is_file()
    runs = [option for option in ("resume", "run") if _takes(ctx, option)]
    if _takes(ctx, "spec") and ".py:" in word:
        meant = f"--loss {shlex.quote(word)}"
    elif _takes(ctx, "overrides"):
        if hint := _hint_for_halves(ctx, words):
            return hint
        if "=" in word:
            return _hint_for_setting(ctx, *word.split("=", 1))
        if word.lower().endswith((".yaml", ".yml")):
            meant = f"-c {shlex.quote(word)}"
        elif runs and is_run:
            meant = f"--{runs[0]} {shlex.quote(word)}"
        elif not _takes(ctx, "path") and (hint := hint_for_data(ctx, word)):
            return hint
    elif _takes(ctx, "data") and not is_run:
        meant = f"--data {shlex.quote(word)}"
    return f"did you mean {meant}?" if meant else f"see `{ctx.command_path} --help`"


def _takes(ctx: click.Context, name: str) -> bool:
    return _parameter(ctx, name) is not None


def _parameter(ctx: click.Context, name: str) -> click.Parameter | None:
    return next((parameter for parameter in ctx.command.params if parameter.name == name), None)


def _value_of(name: str, typed: list[str]) -> str:
    """Return the value that was given to an option; three dots if there is none."""
    for word, following in zip(typed, [*typed[1:], "-"], strict=True):
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
        if word == name and not following.startswith("-"):
            return following
    return "..."


def _hint_for_setting(ctx: click.Context, key: str, value: str) -> str:
    """Say how to set a key, which may be called as in other programs, or without its section."""
    from imgclf.config.messages import key_of_word
    from imgclf.data.download.catalog import official_name

    key = key_of_word(key, value)
    if key == "data.path" or (key == "data.source" and official_name(value)):
        return hint_for_path(ctx, value)
    return f"did you mean -s {shlex.quote(f'{key}={value}')}?"
