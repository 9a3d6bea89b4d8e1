"""Pages of documentation, as tests read them: their blocks of code, and whether a command printed what they show."""

import doctest
import re
import runpy
import shlex
from contextlib import redirect_stdout
from io import StringIO

import pytest

SELF_TEST = "imgclf -q gradcheck --self-test"  # of all five losses: tests/gradcheck/test_self_test.py has its numbers
TOLERANCE = 0.02  # other processors round otherwise
ROUNDED = r"-?\d(?:\.\d)?e-\d\d"  # errors of rounding, and ratios of two digits: their size is what must be right
NUMBER = re.compile(rf"{ROUNDED}|\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?")
# How long something took, how many times less or more that is, and images/s.
TIME = re.compile(r"[\d.,]+\s+(?:ms|s|times\s+(?:less|ours))\b|(?<=e[+-]\d\d)\s+[\d,]+$", re.MULTILINE)


def blocks(text):
    """Return the language and the content of each block of code."""
    return re.findall(r"^```(\w.*)\n((?s:.*?))^```$", text, re.MULTILINE)


def programs(text):
    """Return the name and the text of each file: a block that begins with `# NAME.py` or `# NAME.yaml`."""
    return [(content.split()[1], content) for _, content in blocks(text) if re.match(r"# \w+\.(py|yaml)\n", content)]


def sessions(text):
    """Return each command, what it is shown to print, and whether its numbers depend on how fast the machine is."""
    return [
        (*session.split("\n", 1), language == "console timed")
        for language, content in blocks(text)
        if language.startswith("console")
        for session in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]
    ]


def run(imgclf, command, shown, timed):
    """Run a command of a page in this process, and hold what it prints to what the page shows."""
    program, *arguments = shlex.split(command)
    if program == "python":
        with redirect_stdout(StringIO()) as out:
            runpy.run_path(*arguments, run_name="__main__")
        printed = out.getvalue()
    else:
        assert program == "imgclf"
        done = imgclf(*arguments)
        assert done.code == ("verdict: fail" in shown), done
        printed = done.out + done.err  # a terminal shows both
    absent = missing(shown, printed, timed=timed)
    assert absent is None, f"`{command}` does not print, in this place:\n{absent}"


def missing(shown, printed, *, timed=False):
    """Return the first part of what a page shows that was not printed in its place, or None.

    A line `...` stands for any lines. Lines may be wrapped otherwise. Words must be equal, and numbers near.
    """
    rest, parts = _words(printed), re.split(r"^\s*\.\.\.$", shown, flags=re.MULTILINE)
    for number, part in enumerate(parts):
        sought = _words(part)
        places = range(len(rest) - len(sought) + 1)
        if number == len(parts) - 1:
            places = places[-1:]
        place = next((at for at in places if all(map(_like, sought, rest[at:], [timed] * len(sought)))), None)
        if place is None or (number == 0 and place):
            return part
        rest = rest[place + len(sought) :]
    return None


def _words(text):
    return TIME.sub(" TIME ", text).split()


def _like(shown, printed, timed):
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    return timed or all(map(_near, NUMBER.findall(shown), NUMBER.findall(printed)))


def _near(shown, printed):
    a, b = (abs(float(number.replace(",", ""))) for number in (shown, printed))
    return a / 100 <= b <= 100 * a if re.fullmatch(ROUNDED, shown) else b == pytest.approx(a, rel=TOLERANCE)


def run_examples(page):
    """Run the lines after `>>> ` in a page's blocks; return how many went wrong, and how many there are."""
    text = "\n".join(content for _, content in blocks(page.read_text(encoding="utf-8")) if content.startswith(">>> "))
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, None, None)
    return doctest.DocTestRunner(_Tolerant()).run(examples)


class _Tolerant(doctest.OutputChecker):
    def check_output(self, want, got, optionflags):
        return missing(want, got) is None
