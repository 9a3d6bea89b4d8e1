"""The structure that the design promises: imports go one way, mathematics is short and pure."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import imgclf

PACKAGE = Path(imgclf.__file__).parent

# A room imports only from itself and from the rooms before it.
ROOMS = [
    "errors", "machine",
    "arrays", "model", "losses", "gradients", "optimizers", "schedules", "trainer", "metrics",
    "numerics", "files", "data", "config", "speed", "training", "run", "gradcheck", "grading", "sanity", "sweep",
    "report", "export", "lessons", "sklearn", "cli",
]  # fmt: skip
THE_HEART = ["arrays", "model", "losses", "gradients", "optimizers", "schedules", "trainer", "metrics"]
OF_MACHINES = re.compile(r"cache|block|thread|\brank|processor|\bBLAS\b", re.IGNORECASE)
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "core", "base", "common", "manager", "engine", "types", "misc"}

MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("__init__.py", "__main__.py")
)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "imgclf" and len(parts) > 1 and parts[1] in ROOMS:
            yield parts[1]


def test_every_module_is_in_a_room():
    assert {room_of(path) for path in MODULES} == set(ROOMS)


def test_the_top_level_is_the_mathematics():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__", "errors"}
    assert modules == set(THE_HEART)


def test_imports_go_one_way():
    for path in MODULES:
        for room in rooms_imported(path):
            assert ROOMS.index(room) <= ROOMS.index(room_of(path)), f"{path} imports {room}"


@pytest.mark.parametrize("room", THE_HEART)
def test_mathematics_knows_numpy_and_nothing_of_the_world(room):
    allowed = {"numpy", "math", "errno", "collections", "dataclasses", "typing", "imgclf"}
    assert {name.split(".")[0] for name in imports_of(PACKAGE / f"{room}.py")} <= allowed


def test_the_heart_is_read_in_one_sitting():
    lines = [line for room in THE_HEART for line in (PACKAGE / f"{room}.py").read_text(encoding="utf-8").splitlines()]
    assert len([line for line in lines if line.strip()]) < 400


@pytest.mark.parametrize("room", THE_HEART)
def test_the_heart_knows_nothing_of_machines(room):
    assert not OF_MACHINES.findall((PACKAGE / f"{room}.py").read_text(encoding="utf-8"))


def test_only_the_command_line_prints():
    for path in MODULES:
        calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not prints, path


def test_every_name_says_something():
    assert {path.stem for path in PACKAGE.rglob("*.py")}.isdisjoint(NAMES_THAT_SAY_NOTHING)


def test_a_module_begins_with_what_one_would_search_for():
    for path in MODULES:
        headline = (ast.get_docstring(tree_of(path)) or "none").splitlines()[0]
        assert len(headline.split()) <= 12, path
        assert headline.endswith("."), path
        assert headline.split()[0] not in {"What", "From", "Where", "Who", "How"}, path


def test_nothing_of_strangers_is_unpickled_as_objects():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert "pickle.load" not in text, path


WRITE_TO_PATHS = {"write_text", "write_bytes", "touch", "tofile", "open_memmap", "NamedTemporaryFile", "mkstemp"}


def test_only_one_room_opens_files_for_writing():
    """Elsewhere are neither flags nor modes that write, nor what writes to a path, but for the null device."""
    for path in MODULES:
        if path == PACKAGE / "files" / "writing.py":
            continue
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call) or "os.devnull" in (text := ast.unparse(node)):
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            assert called not in WRITE_TO_PATHS, f"{path.name}: {text}"
            if called in ("open", "fdopen"):
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                assert not any(set(word) & set("wax+") for word in words[-1:]), f"{path.name}: {text}"
                assert "O_RDWR" not in text, f"{path.name}: {text}"
                assert "O_WRONLY" not in text, f"{path.name}: {text}"
