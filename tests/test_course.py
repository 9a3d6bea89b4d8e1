"""docs/course/ is true: commands print and draw what the pages show, and every page has its parts."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from imgclf.lessons import batches, strategies
from imgclf.report import pictures
from pages import missing, programs, run, run_examples, sessions

COURSE = Path(__file__).parents[1] / "docs" / "course"
PAGES = sorted(COURSE.glob("[0-9][0-9]-*.md"))
WORDS = 600
PICTURE = re.compile(r"^!\[[^]]{20,}\]\(\.\./pictures/course/([\w-]+\.png)\)\n\n\*[^*]{20,}", re.MULTILINE)
PARTS = re.compile(
    r"# (?P<title>.*)\n\n.*"
    r"\n## Question\n\n[^#]*\n<details><summary>Answer</summary>\n\n[^#]*\n</details>\n"
    r"\n## Exercise\n\n.*\n<details><summary>Check</summary>\n\n.*\n</details>\n\n(?P<links>.*)\n",
    re.DOTALL,
)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def title(page):
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


@pytest.mark.slow
@every_page
def test_commands_print_and_draw_what_the_page_shows(page, imgclf, tmp_path, monkeypatch):
    text = page.read_text(encoding="utf-8")
    (name,) = PICTURE.findall(text)
    draw_run = pictures.draw_run
    monkeypatch.setattr(pictures, "draw_run", lambda run, names: draw_run(run, {name}.intersection(names)))
    for lesson in (batches, strategies):
        monkeypatch.setattr(lesson, "SECONDS", 0.1)
    monkeypatch.setattr(batches, "MOST", 60.0)  # a slow machine must reach the end of five epochs, too
    monkeypatch.delitem(batches.STEP_SIZES, "1")  # 54,000 steps, of which the page shows no line
    for program, content in programs(text):
        (tmp_path / program).write_text(content, encoding="utf-8")
    for session in sessions(text):
        run(imgclf, *session)
    assert run_examples(page).failed == 0
    (drawn,) = tmp_path.rglob(name)
    kept = COURSE.parent / "pictures" / "course" / name
    assert kept.stat().st_size < 150_000
    timed = any(session[-1] for session in sessions(text))
    with Image.open(drawn) as one, Image.open(kept) as other:
        assert other.size == pytest.approx(one.size, rel=0.05 if timed else 0)
        if not timed:
            histogram = ImageChops.difference(one.convert("L"), other.convert("L")).histogram()
            assert sum(histogram[40:]) < 0.01 * sum(histogram)


@every_page
def test_a_page_is_short_and_has_its_parts(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.split()) <= WORDS
    assert re.fullmatch(rf"{int(page.stem[:2])}\. [A-Z][a-z ]+", title(page))
    parts = PARTS.fullmatch(text)
    assert parts, "headline, Question with its Answer, Exercise with its Check, links"
    assert text.count("<details>") == 2
    assert 1 <= len(sessions(text)) <= 4
    at = PAGES.index(page)
    near = [*PAGES[max(at - 1, 0) : at], COURSE / "README.md", *PAGES[at + 1 : at + 2]]
    assert parts["links"] == " · ".join(f"[{title(one)}]({one.name})" for one in near)


def test_the_index_has_a_line_for_every_page():
    index = (COURSE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \[(.*)\]\((.*)\): ", index, re.MULTILINE) == [(title(page), page.name) for page in PAGES]


@pytest.mark.slow
def test_the_notebook_is_the_first_page_and_prints_the_same(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import Image as Shown
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
    page = PAGES[0].read_text(encoding="utf-8")
    bodies = {f"python {name}": content.split("\n", 1)[1].strip() for name, content in programs(page)}
    expected = {bodies.get(command, f"!{command}"): shown for command, shown, _ in sessions(page)}
    notebook = json.loads((COURSE / "first-run.ipynb").read_bytes())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # the page has them
            code = "".join(cell["source"])
            with capture_output() as captured:
                done = shell.run_cell(code)
            done.raise_error()
            assert not shell.user_ns.get("_exit_code"), captured.stdout
            # A command has a terminal of its own; what it wrote over is not to be seen.
            printed = re.sub(r"[^\n]*\r(?!\n)", "", captured.stdout)
            if isinstance(done.result, Shown):
                assert isinstance(done.result.data, bytes)  # the file is there
            else:
                assert missing(expected.pop(code), printed) is None, printed
    assert not expected
