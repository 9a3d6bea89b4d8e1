"""docs/python.md is true: its command and its lines of Python print what it shows."""

import re
import shutil
from pathlib import Path

import pytest

from imgclf.sklearn import LinearImageClassifier
from imgclf.sklearn.parameters import KEYS
from pages import run, run_examples, sessions

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "python.md"


@pytest.mark.slow
def test_the_page_runs(tmp_path, imgclf):
    shutil.copy(DOCS / "examples" / "boot.png", tmp_path)
    for session in sessions(PAGE.read_text(encoding="utf-8")):
        run(imgclf, *session)
    failed, tried = run_examples(PAGE)
    assert tried > 40
    assert failed == 0


def test_the_table_has_every_parameter_its_default_and_its_key():
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    shown = {}
    for names, defaults, keys in rows:
        names, defaults, keys = (re.findall("`(.*?)`", cell) for cell in (names, defaults, keys))
        if names[0] in LinearImageClassifier().get_params():
            for name, default, key in zip(names, defaults, [*keys, None][: len(names)], strict=True):
                shown[name] = eval(default), key
    assert {name: default for name, (default, _) in shown.items()} == LinearImageClassifier().get_params()
    assert {name: shown[name][1] for name in KEYS} == KEYS
