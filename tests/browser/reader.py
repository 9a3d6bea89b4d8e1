"""A reader of a page: what is on it, and what one does with it."""

from pathlib import Path

import axe_core_python
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
DESKTOP, PHONE = (1280, 900), (360, 740)


class Reader:
    """A page in a browser: find, read, press."""

    def __init__(self, browser):
        self.browser, self.driver = browser, browser.driver

    def open(self, path, address="", size=DESKTOP, dark=False, calm=True):
        """Open a page at an address, on a screen of that size, in a theme."""
        self._emulate("setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
        chosen = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if calm else "",
        }
        self._emulate("setEmulatedMedia", features=[{"name": name, "value": value} for name, value in chosen.items()])
        self.driver.get("about:blank")  # or a page with another address would not be read again
        self.browser.open(path, address=address)
        return self

    def _emulate(self, what, **how):
        self.driver.execute_cdp_cmd(f"Emulation.{what}", how)

    def find(self, name):
        return self.driver.find_element("id", name)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def visit(self, section):
        """Scroll to a section, and wait until what it computes only then is there."""
        self.run("document.getElementById(arguments[0]).scrollIntoView()", section)
        filled = {
            "learned": "learned-seen", "hill": "hill-ball", "onestep": "onestep-seen", "mistakes": "mistakes-count",
        }.get(section)  # fmt: skip
        if filled and self.all(f"#{filled}"):
            WebDriverWait(self.driver, 20).until(lambda _: self.text(filled))
        return self

    def visit_all(self):
        for section in self.all("main section"):
            self.visit(section.get_attribute("id"))
        return self

    def press(self, name, *keys):
        """Give an element the focus, and press keys."""
        self.run("document.getElementById(arguments[0]).focus()", name)
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        return self

    def press_tab(self):
        ActionChains(self.driver).send_keys(Keys.TAB).perform()

    def violations(self):
        """What axe finds wrong, as one line each."""
        self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        script = "const done = arguments[arguments.length - 1]; axe.run(document).then(done, (error) => done({error}))"
        found = self.driver.execute_async_script(script)
        return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
