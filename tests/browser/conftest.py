"""One browser for all tests, and the pages of some runs; where there is no browser, the tests are skipped."""

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from browser.page import Browser, read, run_of, write_page
from browser.reader import Reader

MISSING = "there is no browser: apt-get install chromium chromium-driver"


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with the network mapped away; IMGCLF_BROWSER=required makes a missing one a failure."""
    driver, program = (shutil.which(name) for name in ("chromedriver", "chromium"))
    if not driver or not program:
        (pytest.fail if os.environ.get("IMGCLF_BROWSER") == "required" else pytest.skip)(MISSING)
    with tempfile.TemporaryDirectory(prefix="imgclf-browser-") as profile:
        one = Browser(driver, program, profile)
        yield one
        one.quit()


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory):
    """A function that trains a run with these settings, once, and returns its directory."""
    made = {}

    def directory(*settings):
        if settings not in made:
            made[settings] = run_of(tmp_path_factory.mktemp("runs") / "run", *settings)
        return made[settings]

    return directory


@pytest.fixture(scope="session")
def page_of(run_directory, tmp_path_factory):
    """A function that writes the page of a run with these settings, once, and returns its path and the run."""
    made = {}

    def page(*settings):
        if settings not in made:
            run = read(run_directory(*settings))
            made[settings] = write_page(run, tmp_path_factory.mktemp("pages") / "report.html"), run
        return made[settings]

    return page


@pytest.fixture
def reader(browser):
    """A reader of pages, in whose console nothing was written when it leaves."""
    yield Reader(browser)
    assert browser.messages() == []
