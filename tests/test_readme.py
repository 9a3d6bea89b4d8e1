"""README and docs are true: their commands run, and print what they show."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pages import SELF_TEST, run, run_examples, sessions

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_HERE = {"scaling.md", "reliability.md", "explain.md"}  # measured on one machine; or tried by a test of its own
TRIED = [page for page in PAGES if page.name not in NOT_HERE and "```console" in page.read_text(encoding="utf-8")]


@pytest.fixture
def tried(imgclf, tmp_path, monkeypatch):
    """Run the commands of a page in a folder with the examples, without the pictures of runs."""
    monkeypatch.setattr("imgclf.report.pictures.draw_run", lambda run, names: None)  # they have tests of their own
    for example in (ROOT / "docs" / "examples").iterdir():
        shutil.copy(example, tmp_path)

    def check(page):
        for command, shown, timed in sessions(page.read_text(encoding="utf-8")):
            if command != SELF_TEST:  # these pages leave lines out without a mark
                run(imgclf, command, "\n...\n".join(["", *shown.splitlines(), ""]), timed)

    return check


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.name)
def test_every_command_prints_what_the_page_shows(page, tried):
    tried(page)


@pytest.mark.parametrize(
    "page", [page for page in TRIED if ">>> " in page.read_text(encoding="utf-8")], ids=lambda page: page.name
)
def test_every_line_of_python_says_what_the_page_shows(page):
    failed, tried = run_examples(page)
    assert failed == 0
    assert tried > 5


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (page, link)
        for page in [*PAGES, *(ROOT / "docs" / "course").iterdir()]
        for link in sorted(set(re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))))
    ],
    ids=lambda part: part.name if isinstance(part, Path) else part,
)
def test_links_lead_somewhere(page, link):
    assert (page.parent / link).exists()


def test_the_first_commands_are_targets_of_make():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    first = re.findall(r"^    make ([a-z-]+)", README, re.MULTILINE)
    assert first == ["train", "test"]
    assert set(first) <= targets
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_make_train_says_how_to_call_imgclf_as_the_readme_does():
    printed = subprocess.run(["make", "-n", "train"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ". .venv/bin/activate" in printed
    assert "`. .venv/bin/activate`" in README.partition("## ")[0]


def test_every_ready_config_is_in_the_table():
    named = set(re.findall(r"configs/([a-z0-9_]+)\.yaml\)", README))
    assert named == {path.stem for path in (ROOT / "configs").glob("*.yaml")}
