"""A reader of a page: what is on it, and what one does with it."""

from base64 import b64encode
from pathlib import Path

import axe_core_python
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
DESKTOP, PHONE = (1280, 900), (360, 740)
ZOOMED = (640, 450)  # a desktop's screen at 200 %

# Numbers, and their heads, that touch what is to their left, or are cut off.
CUT = """
const found = [];
for (const row of document.querySelectorAll(".bars tr, .numbers tr")) {
  const box = row.closest("#mistakes .scroll, main").getBoundingClientRect();
  let end = -Infinity;
  for (const cell of row.querySelectorAll("th, .number")) {
    if (!cell.checkVisibility() || cell.querySelector(".unseen")) continue;
    const words = document.createRange();
    words.selectNodeContents(cell);
    const {left, right} = words.getBoundingClientRect();
    if (cell.matches(".number") && (left < end + 2 || right > box.right + 1) && !cell.closest("details")) {
      found.push(`${cell.textContent} in ${row.textContent.trim()}`.slice(0, 80));
    }
    if (cell.matches(".number")) end = right;
  }
}
return found;
"""


class Reader:
    """A page in a browser: find, read, press."""

    def __init__(self, browser):
        self.browser, self.driver = browser, browser.driver

    def open(self, path, address="", size=DESKTOP, dark=False, calm=True):
        """Open a page at an address, on a screen of that size, in a theme."""
        self.resize(size)
        chosen = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if calm else "",
        }
        self._emulate("setEmulatedMedia", features=[{"name": name, "value": value} for name, value in chosen.items()])
        self.driver.get("about:blank")  # or a page with another address would not be read again
        self.browser.open(path, address=address)
        return self

    def resize(self, size):
        """Give the page a screen of that size."""
        self._emulate("setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
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
            self.wait(lambda: self.text(filled))
            self.browser.painted()
        return self

    def wait(self, done):
        """Wait until `done()` is true."""
        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: done())
        return self

    def visit_all(self):
        for section in self.all("main section"):
            self.visit(section.get_attribute("id"))
        return self

    def press(self, name, *keys):
        """Give an element the focus, and press keys."""
        self.run("document.getElementById(arguments[0]).focus()", name)
        ActionChains(self.driver).send_keys(*keys).perform()
        return self

    def drag(self, name, *places):
        """Press the mouse at a place of an element, in shares of its width and height, move over others, release."""
        self.run("document.getElementById(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})", name)
        self.browser.painted()  # what is filled as it comes into sight may move what is below
        box = self.run("const box = document.getElementById(arguments[0]).getBoundingClientRect();"
                       "return [box.x, box.y, box.width, box.height]", name)  # fmt: skip
        mouse = ActionBuilder(self.driver, duration=0)
        for k, (across, down) in enumerate(places):
            mouse.pointer_action.move_to_location(box[0] + across * box[2], box[1] + down * box[3])
            if k == 0:
                mouse.pointer_action.pointer_down()
        mouse.pointer_action.pointer_up()
        mouse.perform()
        return self

    def drop(self, name, file_name, content):
        """Drop a file on an element."""
        self.run("""
            const [name, fileName, text] = arguments, bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], fileName));
            for (const kind of ["dragover", "drop"]) {
              const event = new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
              if (document.getElementById(name).dispatchEvent(event)) throw Error("the browser would open the file");
            }
        """, name, file_name, b64encode(content).decode())  # fmt: skip
        return self

    def press_tab(self, times):
        ActionChains(self.driver).send_keys(*[Keys.TAB] * times).perform()

    def too_wide(self):
        """How many pixels the page is wider than its screen; and what in its tables touches or is cut off."""
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return [*filter(None, [self.run(wide)]), *self.run(CUT)]

    def violations(self, within="html"):
        """What axe finds wrong within an element, as one line each."""
        self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        script = (
            "const done = arguments[arguments.length - 1]; axe.run(arguments[0]).then(done, (error) => done({error}))"
        )
        found = self.driver.execute_async_script(script, within)
        return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
