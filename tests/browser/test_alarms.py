"""The checks of the page ring when it is tampered with."""

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from markupsafe import Markup
from selenium.common.exceptions import TimeoutException

from browser.page import PATIENCE, SMALL, about_and_arrays, read, with_array, write_page
from browser.page import named as with_names
from browser.test_numbers import check_scores
from imgclf.report.page import rendering

HOSTILE = (
    "</script><script>document.title = 'broken'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title = 'broken'\">",
    "{{ 7 * 7 }} $x^2$ & \u2028 \u202e",
    "a" * 200,
    "line\nbreak",
    "'; document.title = 'broken'; '",
    '" onload="',
    "&lt;b&gt;",
    "]]>",
)


@pytest.fixture(scope="module")
def run(run_directory):
    return read(run_directory(*SMALL))


@pytest.fixture
def page(run, tmp_path):
    return write_page(run, tmp_path / "report.html")


def check(browser, run, path):
    browser.open(path)
    check_scores(browser, run)


def test_an_untouched_page_is_quiet(browser, run, page, tmp_path):
    check(browser, run, page)
    check(browser, run, with_array(page, "W", lambda W: W, tmp_path / "same.html"))


def one_byte(W):
    content = bytearray(W.tobytes())
    place = 4 * int(np.abs(W).argmax()) + 2
    content[place] ^= 0x40
    return np.frombuffer(bytes(content), W.dtype).reshape(W.shape)


def swapped(images):
    images[[3, 4]] = images[[4, 3]]
    return images


def shifted(index):
    return np.roll(index, 1)


@pytest.mark.parametrize(("name", "change"), [
    ("W", one_byte), ("b", one_byte), ("mean", lambda mean: mean + 1e-3), ("val/y", swapped), ("val/index", shifted),
    ("train/index", swapped),
])  # fmt: skip
def test_a_changed_array_rings(browser, run, page, tmp_path, name, change):
    with pytest.raises(AssertionError):
        check(browser, run, with_array(page, name, change, tmp_path / "changed.html"))


def undone(images):
    """Bytes of images from their differences."""
    return np.cumsum(images, axis=2, dtype=np.uint8)


@pytest.mark.parametrize("split", ["val", "train"])
def test_two_swapped_images_ring(browser, run, page, tmp_path, split):
    _, arrays = about_and_arrays(page)
    rows = (run.shown if split == "val" else run.train).pixels(arrays[f"{split}/index"])
    assert (undone(arrays[f"{split}/pixels"]) == rows).all()
    with pytest.raises(AssertionError):
        check(browser, run, with_array(page, f"{split}/pixels", swapped, tmp_path / "swapped.html"))


def check_names(browser, path, patience=PATIENCE):
    """Hostile names are text: the page is ready, knows them letter by letter, and nothing of them runs."""
    browser.open(path, patience)
    assert browser.run("return data.about.classes") == list(HOSTILE)
    assert browser.driver.title != "broken"
    assert browser.driver.execute_script("return document.querySelectorAll('script').length") == 3
    assert browser.messages() == []


@pytest.fixture(autouse=True)
def _templates_are_read_anew():
    rendering._environment.cache_clear()
    yield
    rendering._environment.cache_clear()


@pytest.fixture
def named(run, tmp_path):
    """The same run with class names, and a name of its own, that would break a page."""
    directory = shutil.copytree(run.directory, tmp_path / "<img src=x onerror=alert(1)>")
    return replace(with_names(run, HOSTILE), directory=directory)


def test_hostile_names_are_text(browser, named, tmp_path):
    check_names(browser, write_page(named, tmp_path / "report.html"))


def test_names_that_are_not_escaped_ring(browser, named, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "json_for_html", lambda content: json.dumps(content))
    with pytest.raises((AssertionError, TimeoutException)):
        check_names(browser, write_page(named, tmp_path / "report.html"), patience=2)


def test_a_template_that_does_not_escape_rings(browser, named, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering._environment(), "autoescape", False)
    with pytest.raises((AssertionError, TimeoutException)):
        check_names(browser, write_page(named, tmp_path / "report.html"), patience=2)


def test_only_the_pages_own_script_may_run(browser, page, tmp_path):
    html = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert str(Markup(policy).unescape()).split("; ") == [
        "default-src 'none'", "img-src data: blob:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'",
    ]  # fmt: skip
    other = html.replace("</body>", "<script>window.ran = true</script></body>")
    (tmp_path / "other.html").write_text(other, encoding="utf-8")
    browser.open(tmp_path / "other.html")
    assert browser.driver.execute_script("return window.ran === undefined")
    assert any("Content Security Policy" in line for line in browser.messages())
    changed = html.replace('"use strict";', '"use strict"; ')
    (tmp_path / "changed.html").write_text(changed, encoding="utf-8")
    with pytest.raises(TimeoutException):
        browser.open(tmp_path / "changed.html", patience=2)


def test_a_request_would_not_go_out(browser, page, tmp_path):
    html = page.read_text(encoding="utf-8").replace("</body>", '<img src="https://example.org/x.png" alt=""></body>')
    (tmp_path / "asks.html").write_text(html, encoding="utf-8")
    browser.open(tmp_path / "asks.html")
    assert any("violates" in line for line in browser.messages())
