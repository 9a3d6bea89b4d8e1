"""README and docs are true: their commands run, and print what they show; their links lead somewhere."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

import imgclf
from imgclf.cli import COMMANDS
from imgclf.config.resolve import resolve
from imgclf.report.pictures import PICTURES
from pages import SELF_TEST, blocks, programs, run, run_examples, sessions

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(REFERENCE.glob("*.md"))]
COURSE = sorted((ROOT / "docs" / "course").glob("*.md"))
OTHERS = [*COURSE, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
# And the course, in test_course.py.
ELSEWHERE = {"explain.md": "test_explain_page.py", "python.md": "test_python_page.py"}
SLOW = {"probes.md", "sweep.md", "grading.md"}  # they sweep, and start many processes


def text_of(page):
    return page.read_text(encoding="utf-8")


TRIED = [page for page in PAGES if page.name not in ELSEWHERE and sessions(text_of(page))]


@pytest.fixture
def tried(imgclf, tmp_path, monkeypatch):
    """Run the commands of a page in a folder with its programs and the examples, without the pictures of runs."""
    monkeypatch.setattr("imgclf.report.pictures.draw_run", lambda run, names: None)  # they have tests of their own
    for example in (ROOT / "docs" / "examples").iterdir():
        shutil.copy(example, tmp_path)

    def check(page):
        for name, content in programs(text_of(page)):
            (tmp_path / name).write_text(content, encoding="utf-8")
        for command, shown, timed in sessions(text_of(page)):
            if command != SELF_TEST:
                run(imgclf, command, shown, timed)

    return check


@pytest.mark.parametrize("page", [page for page in TRIED if page.name not in SLOW], ids=lambda page: page.name)
def test_every_command_prints_what_the_page_shows(page, tried):
    tried(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in TRIED if page.name in SLOW], ids=lambda page: page.name)
def test_every_command_prints_what_the_page_shows_that_takes_long(page, tried):
    tried(page)


def test_the_pages_that_are_tried_elsewhere_are():
    for page, test in ELSEWHERE.items():
        assert f'"{page}"' in text_of(ROOT / "tests" / test)


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_command_that_is_shown_is_one(page, imgclf, monkeypatch):
    understood = []
    monkeypatch.setattr(click.Command, "invoke", lambda command, ctx: understood.append(ctx))
    for line, is_whole in shown_commands(text_of(page)):
        done = imgclf(*shlex.split(line, comments=True)[1:])
        lacks = re.search("Missing|Invalid value|requires an argument", done.err)
        assert done.code == 0 or (lacks and not is_whole), f"{line}: {done.err}"
    for ctx in understood:
        resolve((), ctx.params.get("overrides", ()))


def shown_commands(text):
    """Yield each command of a page, and whether it is whole: in a sentence, arguments may be left out."""
    text = re.sub(r"\\\n\s*", "", text)
    shells = [content for language, content in blocks(text) if language.startswith(("console", "sh"))]
    code = "\n".join([*shells, *re.findall("^    (.*)$", text, re.MULTILINE)])
    in_blocks = re.findall(r"^(?:\$ )?(?:mpiexec .*)?(imgclf .*)$", code, re.MULTILINE)
    in_sentences = re.findall(r"`(imgclf \w[^`|[]*)`", text)
    return [
        (line, among is in_blocks)
        for among in (in_blocks, in_sentences)
        for command in among
        for line in command.split(" && ")
    ]


@pytest.mark.parametrize("page", [*PAGES, *COURSE], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_a_block_of_commands_is_one_that_tests_run(page):
    text = text_of(page)
    run_as_shell = {"data.md"}  # by test_data_page.py
    for language, content in blocks(text):
        if language == "sh" and page.name not in run_as_shell:
            assert not re.search("^imgclf (?!train$)", content, re.MULTILINE), "```console shows what is printed"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in ELSEWHERE and ">>> " in text_of(page)],
    ids=lambda page: page.name,
)
def test_every_line_of_python_says_what_the_page_shows(page):
    failed, tried = run_examples(page)
    assert failed == 0
    assert tried > 5


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page):
    for link in set(re.findall(r"\]\(([^)]+)\)", text_of(page))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link


def anchors(text):
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    without_code = re.sub("^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall("^#+ (.*)$", without_code, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


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


def test_a_release_has_one_version_and_one_date():
    (version, date), *_ = re.findall(r"^## \[(\d.*)\] - (\S+)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert version == imgclf.__version__
    cited = text_of(ROOT / "CITATION.cff")
    assert f"\nversion: {version}\n" in cited
    assert f'\ndate-released: "{date}"\n' in cited


def test_the_readme_is_two_screens():
    assert len(README.splitlines()) <= 100


def test_every_ready_config_is_in_the_table():
    named = set(re.findall(r"configs/([a-z0-9_]+)\.yaml\)", text_of(REFERENCE / "config.md")))
    assert named == {path.stem for path in (ROOT / "configs").glob("*.yaml")}


def test_every_command_is_in_the_table():
    named = re.findall(r"^\| `imgclf (\w+)", text_of(REFERENCE / "commands.md"), re.MULTILINE)
    assert set(named) == set(COMMANDS)


def test_every_exit_code_is_in_the_table():
    import imgclf.errors
    from imgclf.cli import BUG

    codes = {kind.exit_code for kind in vars(imgclf.errors).values() if hasattr(kind, "exit_code")}
    table = re.findall(r"^\| ([\d, ]+) \|", text_of(REFERENCE / "commands.md"), re.MULTILINE)
    assert {int(code) for row in table for code in row.split(",")} == {0, 1, BUG, 130, 143, *codes}


def test_every_file_of_a_run_is_in_the_table(imgclf, tmp_path):
    assert imgclf("train", "--no-plots", "--out", "run", "-s", "train.epochs=2").code == 0
    left = {path.name for path in (tmp_path / "run").iterdir() if path.name != ".lock"}
    rows = re.findall(r"^\| (`.*)\|$", text_of(REFERENCE / "run-directory.md"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w[\w.]+\.\w+)`", row)}
    assert named == left | set(PICTURES)


def test_every_page_is_in_the_table_of_contents():
    listed = text_of(ROOT / "docs" / "site" / "toc.yml")
    for page in PAGES[1:]:
        assert page.relative_to(ROOT).with_suffix("").as_posix() in listed
