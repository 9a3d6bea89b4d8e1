"""On macOS and Windows, as far as Linux can show it: what they lack is taken away, and nothing of it is missed."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import elsewhere
import imgclf

HERE = Path(elsewhere.__file__)
MINE = """
import numpy as np
def loss(W, X, y, reg):
    scores = X @ W
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    each = -np.log(p[np.arange(len(y)), y])
    p[np.arange(len(y)), y] -= 1
    return each.mean() + reg * np.sum(W * W), X.T @ p / len(y) + 2 * reg * W
"""
SEARCH = "{sweep: {method: grid, params: {schedule.step_size: [0.1, 0.2]}}, train: {epochs: 1}, data: {limit: 200}}"


def run(cwd, *command):
    environment = os.environ | {"HOME": str(cwd), "PYTHONPATH": str(HERE.parent)}
    environment.pop("IMGCLF_CACHE", None)
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--json"]])
def test_on_windows_a_command_is_one_line(tmp_path, arguments):
    code, out, err = run(tmp_path, HERE, "windows", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("imgclf: error: ")
    assert err.endswith("imgclf needs Linux or macOS - on Windows, install it in WSL\n")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


IN_PYTHON = f"""
import elsewhere, json, sys
elsewhere.become("windows")
from pathlib import Path
from imgclf.config import resolve
from imgclf.run.model_file import load_model
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan
plan = make_plan(resolve(overrides=["data.limit=300", "train.epochs=2"]).config)
with workers(2) as sum_blocks:
    *_, finished = run(plan, Path(), sum_blocks)
print(json.dumps([finished.train.accuracy, load_model(Path("model.npz")).weights.tolist()]))
import imgclf.files.writing as writing
try:
    writing.lock(sys.stdout)
except OSError as error:
    assert "no locks" in str(error)
for name in {elsewhere.POSIX_MODULES}:
    assert sys.modules[name] is None
"""


@pytest.mark.slow
def test_python_trains_without_what_windows_lacks(imgclf, tmp_path):
    code, out, err = run(tmp_path, "-c", IN_PYTHON)
    assert (code, err) == (0, "")
    accuracy, weights = json.loads(out)
    here = imgclf("train", "-s", "data.limit=300", "-s", "train.epochs=2", "--no-plots", "--json", "--out", "here").json
    assert accuracy == here["train"]["accuracy"]
    assert weights == np.load("here/model.npz")["weights"].tolist()


@pytest.mark.slow
def test_every_kind_of_work_is_done_without_what_macos_lacks(tmp_path, pictures):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "search.yaml").write_text(SEARCH)
    image = pictures / "train" / "cat" / "0.png"
    for arguments in (
        ("-v", "train", pictures, "-s", "train.epochs=1", "--no-plots", "--out", "run"),
        ("train", "--resume", "run", "-s", "train.epochs=2", "--no-plots"),
        ("verify", "run"),
        ("train", "-s", "train.kernel=compiled", "-s", "data.limit=100", "-s", "train.epochs=1", "--no-plots"),
        ("report", "run"),
        ("data", "pack", pictures, "--out", "pack"),
        ("train", "pack", "-s", "train.epochs=1", "--no-plots"),
        ("export", "run", "--format", "onnx", "--out", "onnx"),
        ("eval", "run", "--split", "train"),
        ("predict", "run", image),
        ("gradcheck", "--loss", "mine.py:loss"),
        ("sweep", "-c", "search.yaml", "--jobs", "2", "--out", "sweep"),
    ):
        code, _, err = run(tmp_path, HERE, "mac", *arguments)
        assert (code, "Traceback" in err) == (0, False), (arguments, err)
    assert list((tmp_path / "Library" / "Caches" / "imgclf").iterdir())  # the decoded images
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["cpu"]


TAKEN = """
import elsewhere, os
elsewhere.become("mac")
from imgclf.data.packs import cache
assert cache.sys.platform == "darwin"
assert not hasattr(os, "sched_getaffinity") and hasattr(os, "fork")
for ask in (lambda: open("/proc/cpuinfo"), lambda: os.listdir("/sys")):
    try:
        ask()
    except FileNotFoundError:
        continue
    raise SystemExit("it is there")
"""


LACKING = {f"{module.__name__}.{name}" for module, names in elsewhere.LINUX.items() for name in names}


def unguarded(code):
    """Return the names in some code that only Linux has, but for those within a condition that asks for them."""
    tree = ast.parse(code)
    used = {node: ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp):
            asked = {f"{call.args[0].id}.{call.args[1].value}" for call in ast.walk(node.test)
                     if isinstance(call, ast.Call) and ast.unparse(call.func) == "hasattr"
                     and isinstance(call.args[0], ast.Name) and isinstance(call.args[1], ast.Constant)}  # fmt: skip
            for inner in ast.walk(node):
                if used.get(inner) in asked:
                    del used[inner]
        if isinstance(node, ast.ImportFrom):
            used |= {one: f"{node.module}.{one.name}" for one in node.names}
    return LACKING & set(used.values())


def test_what_only_linux_has_is_asked_for_before_it_is_used():
    """In every line, also where no other test comes."""
    for path in Path(imgclf.__file__).parent.rglob("*.py"):
        assert unguarded(path.read_text(encoding="utf-8")) == set(), path
    assert unguarded("os.fork(); os.preadv(1)") == {"os.preadv"}
    assert unguarded("from os import memfd_create") == {"os.memfd_create"}
    assert unguarded("os.splice() if hasattr(os, 'preadv') else 0") == {"os.splice"}
    assert unguarded("if hasattr(os, 'preadv'): os.preadv(1)") == set()


def test_it_is_taken_away(tmp_path):
    assert run(tmp_path, "-c", TAKEN) == (0, "", "")
