"""Help answers at once: it may import click and little else."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "jinja2",
    "PIL",
    "matplotlib",
    "pydantic",
    "yaml",
    "tqdm",
    "threadpoolctl",
    "mpi4py",
    "http",
    "isal",
    "numba",
    "llvmlite",
    "pyarrow",
    "distributed",
    "dask",
    "sklearn",
    "scipy",
    "onnx",
    "safetensors",
    "torch",
}
SCRIPT = """
import json, sys
from imgclf.cli import cli
try:
    cli.main(ARGUMENTS, standalone_mode=True)
except SystemExit as stop:
    assert not stop.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_after(*arguments):
    script = SCRIPT.replace("ARGUMENTS", repr(list(arguments)))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout, {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize("command", [
    [], ["train"], ["eval"], ["predict"], ["gradcheck"], ["lesson"], ["sweep"], ["sanity"], ["compare"], ["report"],
    ["data"], ["data", "info"], ["data", "check"], ["data", "pack"], ["data", "download"], ["config"],
    ["config", "init"], ["config", "show"], ["config", "check"], ["config", "schema"], ["completion"], ["export"],
])  # fmt: skip
def test_help_imports_nothing_heavy(command):
    text, modules = modules_after(*command, "--help")
    assert text.startswith("Usage: ")
    assert modules & HEAVY == set()


def test_completion_imports_nothing_heavy():
    assert modules_after("completion", "zsh")[1] & HEAVY == set()


def test_which_pictures_there_are_is_known_without_matplotlib():
    script = "import imgclf.report.pictures, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
