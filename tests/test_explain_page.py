"""docs/explain.md is true: its commands print what it shows, and its sums are those of the files."""

import json
import re
import shutil
from pathlib import Path

import pytest

from pages import run, sessions

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "explain.md").read_text(encoding="utf-8")
NUMBER = r"[-\u2212]?\d+\.\d+"
SUMS = dict(re.findall(r"^\| (by ink alone|against the mean image) \| (.*) \|$", PAGE, re.MULTILINE))


def numbers(text):
    return [float(number.replace("\N{MINUS SIGN}", "-")) for number in re.findall(NUMBER, text)]


def test_the_commands_print_and_write_what_the_page_shows(tmp_path, imgclf):
    shutil.copy(DOCS / "examples" / "boot.png", tmp_path)
    for session in sessions(PAGE):
        run(imgclf, *session)
    seen = json.loads((tmp_path / "why" / "boot.json").read_bytes())
    for key, name in (("ink_alone", "by ink alone"), ("mean_image", "against the mean image")):
        assert seen[key]["name"].lower() == name
        for one, text in zip(("difference", "class", "second"), SUMS[name].split(" | "), strict=True):
            assert numbers(seen[key][one]["text"]) == pytest.approx(numbers(text), abs=0.03)
            assert re.sub(NUMBER, "#", seen[key][one]["text"]) == re.sub(NUMBER, "#", text)
            supporting, opposing, bias, score = numbers(text)
            assert supporting + opposing + bias == pytest.approx(score, abs=1e-9)


def test_the_page_names_every_key_of_the_file():
    keys = set(re.findall("`([a-z_]+)`", PAGE.split("| key | what is in it |")[1]))
    of_the_file = "image class second shape values features ink_alone mean_image name rule difference"
    assert keys >= {*of_the_file.split(), "for", "against", "bias", "score", "text", "terms"}
