"""Help answers at once: it may import click and little else."""

import json
import subprocess
import sys

import pytest

from imgclf.cli import COMMANDS

OURS, SLOW = {"imgclf", "click"}, {"http", "asyncio", "multiprocessing"}  # packages, and parts of Python
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
    return done.stdout, packages(done.stderr)


def packages(modules):
    return {name.split(".")[0] for name in json.loads(modules.splitlines()[-1])}


@pytest.fixture(scope="module")
def light():
    """What may be there: what Python has, but for the slow; what it loads by itself, as for a clone; and ours."""
    script = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    bare = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return sys.stdlib_module_names - SLOW | packages(bare) | OURS


@pytest.mark.parametrize("command", [
    [], *([name] for name in COMMANDS), ["data", "info"], ["data", "check"], ["data", "pack"], ["data", "download"],
    ["config", "init"], ["config", "show"], ["config", "check"], ["config", "schema"],
])  # fmt: skip
def test_help_imports_nothing_heavy(command, light):
    text, modules = modules_after(*command, "--help")
    assert text.startswith("Usage: ")
    assert modules <= light


def test_completion_imports_nothing_heavy(light):
    assert modules_after("completion", "zsh")[1] <= light


@pytest.mark.parametrize("module", ["numpy", "yaml", "http.client"])
def test_what_is_heavy_is_noticed(module, light):
    script = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not packages(loaded) <= light


def test_which_pictures_there_are_is_known_without_matplotlib():
    script = "import imgclf.report.pictures, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
