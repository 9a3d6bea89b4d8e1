"""The live line: what a terminal shows of long work, when, and that nothing of it stays."""

import sys
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image

import imgclf.machine.progress
from imgclf.cli import main
from imgclf.cli.console import echo
from imgclf.cli.live_line import BETWEEN_LINES, PATIENCE, LiveLine, PlainLines, live_text
from imgclf.cli.signals import Stop
from imgclf.data.sources import folder
from imgclf.machine.progress import Progress, advancing, listening
from imgclf.report import pictures
from imgclf.report.pictures import Picture, draw_run
from imgclf.report.shown_run import ShownRun
from pseudo_terminal import Terminal, run

SEEN = Progress("training", 300, 1000)
NOTES = ["loss 0.5213", "accuracy 84.1 %"]


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def on_a_terminal(work):
    with Terminal() as terminal:
        live = LiveLine()
        with listening(live):
            work(live)
        live.close()
    return terminal.text


def screen(text):
    """What is left on a terminal of one line: a carriage return begins it again."""
    shown = ""
    for part in text.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


@pytest.mark.parametrize("columns", range(1, 200))
def test_a_line_never_wraps(columns):
    for what in ("training", "猫" * 20, "x" * 300, "a\nb\x1b[31m"):
        text = live_text(SEEN._replace(what=what), NOTES, 123_456.0, columns)
        assert text.isprintable() or not text
        assert len(text.encode("utf-16-le")) // 2 <= columns - 1 or columns == 1


def test_a_line_of_80_columns_has_the_loss_the_accuracy_the_speed_and_the_time_left():
    text = live_text(SEEN, NOTES, 100_000.0, 80)
    assert text.startswith("training   30 %  0 s left  loss 0.5213  accuracy 84.1 %  100,000 images/s")
    assert live_text(SEEN, NOTES, 10.0, 80).split("  ")[2] == "70 s left"
    assert live_text(SEEN, NOTES, 0.1, 80).split("  ")[2] == "1 h 57 min left"


def test_a_narrow_line_keeps_what_matters_first():
    assert live_text(SEEN, NOTES, 10.0, 20) == "training   30 %"
    assert live_text(SEEN, NOTES, 10.0, 40) == "training   30 %  70 s left  loss 0.5213"


def test_work_of_less_than_a_second_leaves_a_terminal_alone(clock):
    def work(_):
        advance = advancing("decoding", 10)
        for _ in range(10):
            clock[0] += 0.9 * PATIENCE / 10
            advance(1)

    assert on_a_terminal(work) == ""


def test_longer_work_is_shown_and_nothing_of_it_stays(clock):
    def work(_):
        advance = advancing("decoding", 10)
        for _ in range(9):
            clock[0] += PATIENCE
            advance(1)

    text = on_a_terminal(work)
    assert "decoding" in text
    assert "9 of 10 images" in text
    assert "1.0 images/s" in text
    assert "\n" not in text
    assert screen(text) == ""


def test_work_within_work_takes_its_place_and_gives_it_back(clock):
    def work(_):
        outer = advancing("training for a long time", 10)
        for _ in range(3):
            clock[0] += PATIENCE
            outer(1)
        inner = advancing("evaluating", 4)
        for _ in range(3):
            clock[0] += PATIENCE
            inner(1)
        inner(1)
        clock[0] += PATIENCE
        outer(1)

    text = on_a_terminal(work)
    assert "4 of 10 images" in text.rpartition("evaluating")[2]
    assert "\n" not in text
    assert screen(text) == ""
    seen = text[: text.index("3 of 4 images") + 13]
    assert screen(seen) == seen.rpartition("\r")[2]


def test_what_is_printed_meanwhile_has_a_line_of_its_own(clock, monkeypatch):
    def work(live):
        monkeypatch.setattr("imgclf.cli.console._live", [live])
        advance = advancing("decoding", 10)
        clock[0] += PATIENCE
        advance(1)
        echo("a warning", err=True)
        clock[0] += PATIENCE
        advance(1)

    text = on_a_terminal(work)
    first, second = text.split("\n")
    assert "1 of 10 images" in first
    assert screen(first) == "a warning"
    assert "2 of 10 images" in second


class Interrupted(StringIO):
    """A stream where a signal comes right after the next text, once."""

    is_due = False

    def write(self, text):
        super().write(text)
        if self.is_due and text:
            self.is_due = False
            raise Stop


@pytest.mark.parametrize("is_done", [False, True])
def test_a_signal_while_the_line_is_cleared_leaves_nothing_of_it(clock, monkeypatch, is_done):
    stream, live = Interrupted(), LiveLine()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("imgclf.cli.console._live", [live])
    with listening(live):
        advance = advancing("decoding", 3)
    clock[0] += PATIENCE
    advance(1)
    stream.is_due = True
    with pytest.raises(Stop):
        advance(2) if is_done else echo("a warning", err=True)
    echo("stopped", err=True)
    live.close()
    assert "1 of 3 images" in stream.getvalue()
    assert "\rstopped\n" in stream.getvalue()


def test_plain_lines_come_every_ten_seconds(clock):
    lines = []
    show = PlainLines(lines.append, lambda: clock[0])
    for done in range(1, 41):
        clock[0] += BETWEEN_LINES / 8
        show(Progress("decoding", done, 80))
    assert lines == [f"decoding  {done} of 80 images" for done in (8, 16, 24, 32, 40)]


def test_without_a_listener_nothing_happens():
    advancing("decoding", 3)(1)
    imgclf.machine.progress.report(SEEN)


def test_each_image_of_a_folder_is_counted(tmp_path, monkeypatch):
    monkeypatch.delenv("IMGCLF_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(30):
        file = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), number).save(file)
    seen = []
    with listening(seen.append):
        folder.load(tmp_path / "data", ("train",), image_size=None, color=None, resize="squash")
    for what, unit in ("hashing", "file"), ("decoding", "image"):
        assert [one[1:4] for one in seen if one.what == what] == [(done, 30, unit) for done in range(31)]
    seen.clear()
    with listening(seen.append):  # from the cache
        folder.load(tmp_path / "data", ("train",), image_size=None, color=None, resize="squash")
    assert {one.what for one in seen} == {"hashing"}


def test_each_picture_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PICTURES", {name: Picture(lambda run: "drawn") for name in "abc"})
    seen = []
    with listening(seen.append):
        draw_run(ShownRun(tmp_path, None, None, "finished", None, None), "abc")
    assert [one[:4] for one in seen] == [("drawing", done, 3, "picture") for done in range(4)]


@pytest.fixture
def busy(tmp_path, monkeypatch):
    """A place where every look at the clock finds a second gone."""
    monkeypatch.chdir(tmp_path)
    ticks = iter(range(10**9))
    monkeypatch.setattr("tqdm.std.time", partial(next, ticks))
    monkeypatch.delenv("TERM", raising=False)


TRAIN = ("train", "-s", "data.limit=300", "-s", "train.epochs=2", "--no-plots")


def test_every_slow_command_has_a_line_and_clears_it(busy):
    for words, arguments in {
        ("training", "evaluating"): (*TRAIN, "--out", "run"),
        ("evaluating",): ("eval", "run"),
        ("repeating",): ("verify", "run"),
        ("checking",): ("gradcheck", "-s", "model.loss=svm"),
    }.items():
        code, text = run(*arguments)
        assert code == 0
        for word in words:
            assert f"\r{word} " in text, arguments
        for line in text.split("\n"):
            kept = screen(line)
            assert not [word for word in words if kept.startswith(f"{word} ")], kept


@pytest.mark.parametrize("options", [("-q",), ()])
def test_quiet_none_and_a_dumb_terminal_have_no_live_line(busy, monkeypatch, options):
    if not options:
        monkeypatch.setenv("TERM", "dumb")
    code, text = run(*options, *TRAIN, "--out", "run")
    assert code == 0
    assert "\r" not in text
    code, text = run(*TRAIN, "--out", "other", "--progress", "none")
    assert "\r" not in text


def test_long_names_fit_the_tables_of_a_terminal_and_are_whole_in_a_pipe(imgclf):
    for number in range(30):
        file = Path("data", ("cat", "a long name " * 10)[number % 2].strip(), f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), number).save(file)
    assert imgclf("train", "data", "--no-plots", "--out", "run").code == 0
    for arguments in ("eval", "run", "--split", "val"), ("data", "info", "data"), ("predict", "run", "data/cat"):
        code, text = run(*arguments)
        assert code == 0
        table = [line for line in text.split("\n") if line.startswith(("cat ", "a long", "class ", "data/cat"))]
        assert len(table) >= 3
        assert max(map(len, table)) <= 80
        assert file.parent.name in imgclf(*arguments).out


def test_nothing_of_it_is_piped(busy, capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["imgclf", *TRAIN, "--out", "run"])
    with pytest.raises(SystemExit):
        main()
    seen = capfd.readouterr()
    assert "\r" not in seen.out + seen.err
    assert "images/s" not in seen.err


def test_an_error_stands_alone_on_its_line(busy, monkeypatch):
    monkeypatch.setenv("IMGCLF_CACHE", "0")
    for number in range(30):
        file = Path("data", "ab"[number % 2], f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), number).save(file)
    file.write_bytes(b"no image")
    code, text = run("train", "data", "--out", "run")
    assert code == 3
    assert "\rdecoding" in text
    assert screen(text.split("\n")[-2]).startswith("imgclf: error: ")
