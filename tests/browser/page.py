"""A browser, and pages of runs in it."""

import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from zlib import compress, decompress

import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from imgclf.config import resolve
from imgclf.report.page.contents import page
from imgclf.report.page.rendering import json_for_html
from imgclf.report.shown_run import read_run
from imgclf.run.opening import config_of_run
from imgclf.run.session import train_run

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE = 60  # seconds after which a page that is not ready counts as broken
READY = "return window.imgclf?.data !== undefined"
SHOWN = "requestAnimationFrame(() => requestAnimationFrame(arguments[arguments.length - 1]))"
SMALL = ("data.limit=500", "train.epochs=3")


class Browser:
    """Chromium, headless; what it says and asks for is kept."""

    def __init__(self, driver, program, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_script_timeout(PATIENCE)

    def quit(self):
        self.driver.quit()

    def open(self, path, patience=PATIENCE, address=""):
        """Open a page and wait until its data is there and on the screen; forget what was said and asked for before."""
        self.messages(), self.requests()
        self.driver.get(Path(path).resolve().as_uri() + address)
        WebDriverWait(self.driver, patience, poll_frequency=0.02).until(lambda driver: driver.execute_script(READY))
        self.painted()  # a scroll in the frame that fills the page would look like a jump

    def painted(self):
        """Wait until what was changed is on the screen."""
        self.driver.execute_async_script(SHOWN)

    def run(self, script, *arguments):
        """Run a script in the page, with `core` and `data` of it; numbers come back to the last bit."""
        return self.driver.execute_script(f"const {{core, data}} = window.imgclf;{script}", *arguments)

    def messages(self):
        """What was written to the console since it was last asked for."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """The addresses that were asked for since the last time, but for data within pages."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [one["params"] for one in entries if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in asked if not one["request"]["url"].startswith(("data:", "blob:"))]


def run_of(directory, *settings):
    """Train a run with these settings, and return its directory."""
    return train_run(resolve((), settings).config, directory, threads=1).directory


def read(directory):
    """Read a run as `imgclf report` does."""
    return read_run(directory, config_of_run(directory), "")


def write_page(run, path, **options):
    """Write the page of a run, and return its path."""
    path.write_bytes(page(run, **options))
    return path


def named(run, class_names):
    """Return a run with other class names."""
    names = tuple(class_names)

    def of(data):
        return data and replace(data, class_names=names)

    return replace(run, model=replace(run.model, class_names=names), data=lambda: (of(run.train), of(run.val)))


def about_and_arrays(path):
    """Return what a page says, and its arrays, read without a browser."""
    html = path.read_text(encoding="utf-8")
    about = json.loads(re.search(r'<script type="application/json" id="about">(.*?)</script>', html, re.DOTALL)[1])
    content, at, arrays = b64decode(_blob(html)), 0, {}
    for one in about["arrays"]:
        raw = decompress(content[at : at + one["bytes"]])
        arrays[one["name"]] = np.frombuffer(raw, one["dtype"]).reshape(one["shape"]).copy()
        at += one["bytes"]
    return about, arrays


def with_about(path, change, to):
    """Write a page to another path, with what it says changed: `change(about)`; return that path."""
    html = path.read_text(encoding="utf-8")
    about, _ = about_and_arrays(path)
    said = re.search(r'<script type="application/json" id="about">(.*?)</script>', html, re.DOTALL)[1]
    change(about)
    to.write_text(html.replace(said, json_for_html(about)), encoding="utf-8")
    return to


def with_array(path, name, change, to):
    """Write a page to another path, with one of its arrays changed: `change(array)`; return that path."""
    html = path.read_text(encoding="utf-8")
    about, _ = about_and_arrays(path)
    content, at = b64decode(_blob(html)), 0
    for one in about["arrays"]:
        if one["name"] == name:
            array = np.frombuffer(decompress(content[at : at + one["bytes"]]), one["dtype"]).reshape(one["shape"])
            changed = compress(change(array.copy()).tobytes(), 6)
            content = content[:at] + changed + content[at + one["bytes"] :]
            said = f'"name":"{name}","dtype":"{one["dtype"]}","shape":{json.dumps(one["shape"], separators=(",", ":"))}'
            said += f',"channels":{one["channels"]},"bytes":'
            assert html.count(f"{said}{one['bytes']}") == 1
            html = html.replace(f"{said}{one['bytes']}", f"{said}{len(changed)}")
        at += one["bytes"]
    to.write_text(html.replace(_blob(path.read_text(encoding="utf-8")), b64encode(content).decode()), encoding="utf-8")
    return to


def _blob(html):
    return re.search(r'<script type="text/plain" id="arrays">(.*?)</script>', html, re.DOTALL)[1].strip()
