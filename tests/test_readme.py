"""README and docs are true: their commands run, and print what they show."""

import doctest
import math
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgclf.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MEASURED = {"scaling.md", "reliability.md"}  # what was printed on one machine, and no command prints again
TRIED = [page for page in PAGES if page.name not in MEASURED and "```console" in page.read_text(encoding="utf-8")]
LONG = "imgclf -q gradcheck --self-test"  # of all five losses; the pages have that of one, too
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?")
ROUNDED = re.compile(r"(?<![\d.])\de-\d\d")  # a number of one digit
TIMES = re.compile(r"[\d.,]+ (?:ms|s)\b|(?<=  )[\d,]+$|(?<=e-\d\d )[\d,]+$")  # how long it took, and images/s


def sessions(page):
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        command, _, shown = block.partition("\n")
        yield command.removeprefix("$ "), shown.splitlines()


def skeleton(line):
    """Return a line without its numbers, and the numbers that must be true wherever it runs."""
    line = TIMES.sub("TIME", line)
    # Errors of rounding are what they are; the rest of gradcheck's table is not.
    line = re.sub(r"\d\.\de-\d\d", "SMALL", line)
    numbers = [float(number.replace(",", "")) for number in NUMBER.findall(line)]
    return " ".join(NUMBER.sub("#", line).split()), numbers


@pytest.fixture
def tried(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with the examples, without its pictures; return how many lines it prints as shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imgclf.report.pictures.draw_run", lambda run, names: None)  # they have tests of their own
    for example in (ROOT / "docs" / "examples").iterdir():
        shutil.copy(example, tmp_path)

    def check(command, shown):
        program, *arguments = shlex.split(command)
        assert program == "imgclf"
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == ("verdict: fail" in shown), command
        printed = [skeleton(line) for line in capsys.readouterr().out.splitlines()]
        lines = [line for line in shown if line not in ("", "...")]
        for line in lines:
            words, numbers = skeleton(line)
            # Other processors round otherwise: the last digits may differ.
            found = [got for text, got in printed if text == words and got == pytest.approx(numbers, rel=0.02)]
            assert found, f"{command} does not print: {line}"
        return len(lines)

    return check


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.name)
def test_every_command_prints_what_the_page_shows(page, tried):
    assert sum(tried(command, shown) for command, shown in sessions(page) if command != LONG) > 20


@pytest.mark.slow
def test_the_self_test_prints_what_the_readme_shows(tried):
    assert tried(LONG, dict(sessions(ROOT / "README.md"))[LONG]) == 4


class Tolerant(doctest.OutputChecker):
    """Errors of rounding depend on the processor: where one is shown, its size is what must be right."""

    def check_output(self, want, got, optionflags):
        if ROUNDED.sub("", want) != ROUNDED.sub("", got):
            return False
        sizes = [[math.log10(float(number)) for number in ROUNDED.findall(text)] for text in (want, got)]
        return sizes[1] == pytest.approx(sizes[0], abs=1)


@pytest.mark.parametrize(
    "page", [page for page in TRIED if ">>> " in page.read_text(encoding="utf-8")], ids=lambda page: page.name
)
def test_every_line_of_python_says_what_the_page_shows(page):
    examples = doctest.DocTestParser().get_doctest(page.read_text(encoding="utf-8"), {}, page.name, None, None)
    failed, tried = doctest.DocTestRunner(Tolerant()).run(examples)
    assert failed == 0
    assert tried > 5


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (page, link)
        for page in PAGES
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
