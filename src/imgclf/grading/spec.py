"""Read the exercises of a course, and what each is worth."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from imgclf.config.layers import file_bytes
from imgclf.config.messages import message
from imgclf.config.problems import ConfigError, Problem, Source, shorten
from imgclf.config.resolve import find
from imgclf.config.yaml_reader import Node, decode, read
from imgclf.errors import UsageError
from imgclf.files.writing import make_folder, translate_os_errors, write_whole
from imgclf.losses import LOSSES

READY = Path(__file__).parent / "exercises"
SPEC = "exercises.yaml"
# Findings that a function passes only if it computes something.
GRADED = ("value", "gradient", "penalty", "derivative")


def _file(name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix != ".py" or path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise PydanticCustomError("file", "must be a .py file inside a student's folder, such as softmax.py")
    return name


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise PydanticCustomError("function", "must be the name of a function, such as softmax_loss")
    return name


Points = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Exercise(BaseModel):
    """A function to write, and its points.

    points    of a function that is right
    findings  points of one that is not, for each of these findings that it passes; the others earn nothing
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: Annotated[str, AfterValidator(_file)]
    function: Annotated[str, AfterValidator(_identifier)]
    loss: Literal[tuple(LOSSES)]  # type: ignore[valid-type]
    points: Points
    findings: dict[Literal[GRADED], Points] = {}  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _not_more_in_parts(self) -> "Exercise":
        if sum(self.findings.values()) > self.points:
            raise PydanticCustomError("sum", "the findings are worth more than a function that is right: lower them")
        return self


class Spec(BaseModel):
    """The exercises of a course, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    exercises: Annotated[dict[Annotated[str, Field(pattern=r"^[\w-]+$")], Exercise], Field(min_length=1)]


def read_spec(path: Path | None) -> dict[str, Exercise]:
    """Read a YAML file of exercises, or those that ship with imgclf; raise ConfigError with every mistake."""
    if path is None:
        path = READY / SPEC
    elif not path.is_file():
        raise UsageError("--spec", f"there is no file {path}", "`imgclf grade NEW --starter` writes one to begin with")
    text = decode(file_bytes(path, 0), str(path))
    document = read(text, Source(str(path), tuple(text.splitlines())))
    root, problems = document.root, list(document.problems)
    if not isinstance(root.value, dict):
        raise ConfigError([*problems, Problem(root.position, "", "a spec is a section of exercises: `exercises: ...`")])
    try:
        spec = Spec.model_validate(root.plain())
    except ValidationError as error:
        wrong = [_problem(root, details) for details in error.errors(include_url=False)]
        raise ConfigError([*problems, *wrong]) from None
    if problems:
        raise ConfigError(problems)
    return spec.exercises


def _problem(root: Node, details: Any) -> Problem:
    path = tuple(str(part) for part in details["loc"] if part != "[key]")
    node, kind = find(root, path), details["type"]
    of_key = kind == "extra_forbidden" or details["loc"][-1] == "[key]"
    if kind == "extra_forbidden":
        keys = list((Spec if len(path) == 1 else Exercise).model_fields)
        near = get_close_matches(path[-1][:40], keys, 1)
        words = (
            f"unknown key; did you mean '{near[0]}'?" if near else f"unknown key; the keys here are {', '.join(keys)}"
        )
    elif kind == "missing":
        words = "is missing"
    elif kind == "too_short":
        words = "names no exercise"
    elif kind == "string_pattern_mismatch":
        words = f"'{shorten(path[-1])}' is no name: letters, digits, _ and - only"
    else:
        words = message(path, details, {})
    return Problem(node.key if of_key else node.position, ".".join(path), words)


def choose(exercises: dict[str, Exercise], names: Sequence[str]) -> dict[str, Exercise]:
    """Return the exercises with these names, or beginnings of names up to a dash; all of them without a name."""
    chosen: set[str] = set()
    for name in names:
        found = {one for one in exercises if one == name or one.startswith(f"{name}-")}
        if not found:
            raise UsageError("--exercise", f"there is no exercise {name!r}", f"there are {', '.join(exercises)}")
        chosen |= found
    return {name: one for name, one in exercises.items() if name in chosen or not names}


def write_starters(out: Path) -> list[str]:
    """Write starters, solutions and spec of the exercises that ship with imgclf into a new or empty folder."""
    make_folder(out, "DIR")
    files = [READY / SPEC, *sorted(READY.rglob("*.py"))]
    for file in files:
        copy = out / file.relative_to(READY)
        with translate_os_errors(copy):
            copy.parent.mkdir(exist_ok=True)
        write_whole(copy, file.read_bytes())
    return sorted({file.relative_to(READY).parts[0] for file in files})
