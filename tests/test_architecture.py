"""The structure that the design promises: imports go one way, mathematics is short and pure."""

import ast
import re
from pathlib import Path

import pytest

import imgclf

PACKAGE = Path(imgclf.__file__).parent

LAYERS = {
    "errors": 0, "machine": 0, "arrays": 0,
    "model": 1, "losses": 1, "optimizers": 1, "schedules": 1, "metrics": 1, "early_stopping": 1,
    "gradients": 2,
    "trainer": 3, "numerics": 3, "seeds": 3,
    "data": 4, "formats": 4, "batches": 4, "folding": 4, "speed": 4, "parallel": 4, "ranks": 4, "storage": 4,
    "cgroups": 4, "cores": 4, "memory": 4,
    "config": 5, "downloads": 5,
    "model_file": 8, "checkpoint": 8, "run_dir": 8, "data_identity": 8, "environment": 8,
    "loading": 7, "packing": 7, "classifier": 6, "state": 6, "epochs": 8, "compose": 7, "evaluate": 7, "gradcheck": 7,
    "opening": 8, "record": 8, "targets": 8, "session": 8,
    "report": 9, "verify": 9,
    "cli": 10,
}  # fmt: skip
THE_HEART = ["arrays", "model", "losses", "gradients", "optimizers", "schedules", "trainer", "metrics"]
OF_MACHINES = re.compile(r"cache|block|thread|\brank|processor|\bBLAS\b", re.IGNORECASE)
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "core", "base", "common", "manager", "engine", "types", "misc"}

MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("__init__.py", "__main__.py")
)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path, *, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "imgclf" and len(parts) > 1 and parts[1] in LAYERS:
            yield parts[1]


def test_every_module_has_its_layer():
    assert {room_of(path) for path in MODULES} == set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    for room in rooms_imported(path):
        assert LAYERS[room] <= LAYERS[room_of(path)], f"{path.name} imports {room}"


def test_no_two_rooms_import_each_other():
    arrows = {(room_of(path), room) for path in MODULES for room in rooms_imported(path) if room != room_of(path)}

    def reachable(start, seen):
        for source, target in arrows:
            if source == start and target not in seen:
                seen.add(target)
                reachable(target, seen)
        return seen

    assert [room for room in LAYERS if room in reachable(room, set())] == []


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
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not prints, path


def test_every_name_says_something():
    assert {path.stem for path in PACKAGE.rglob("*.py")}.isdisjoint(NAMES_THAT_SAY_NOTHING)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_begins_with_what_one_would_search_for(path):
    headline = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]
    assert len(headline.split()) <= 12
    assert headline.endswith(".")
    assert headline.split()[0] not in {"What", "From", "Where", "Who", "How"}


def test_nothing_of_strangers_is_unpickled_as_objects():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert "pickle.load" not in text, path


WRITE_TO_PATHS = {"write_text", "write_bytes", "touch", "tofile", "open_memmap", "NamedTemporaryFile", "mkstemp"}


def test_only_one_room_opens_files_for_writing():
    """Elsewhere are neither flags nor modes that write, nor what writes to a path, but for the null device."""
    for path in MODULES:
        if room_of(path) == "storage":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or "os.devnull" in (text := ast.unparse(node)):
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            assert called not in WRITE_TO_PATHS, f"{path.name}: {text}"
            if called in ("open", "fdopen"):
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                assert not any(set(word) & set("wax+") for word in words[-1:]), f"{path.name}: {text}"
                assert "O_RDWR" not in text, f"{path.name}: {text}"
                assert "O_WRONLY" not in text, f"{path.name}: {text}"
