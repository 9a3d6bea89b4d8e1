"""Measure the page of a run: its bytes, the time to write it, and the time until it is ready in a browser.

With Debian's chromium and chromium-driver, and selenium: `.venv/bin/python benchmarks/page.py RUN...`. The second
time of each pair is what counts: the first one reads files that are not in memory yet.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from results import say
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from imgclf.report.page.contents import page
from imgclf.report.shown_run import read_run
from imgclf.run.opening import config_of_run

OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
REPEATS = 5
# When `window.imgclf` is set, in milliseconds since the navigation began.
WATCH = """
Object.defineProperty(window, "imgclf", {
  set(value) { this.imgclfSet = value; window.readyAfter = performance.now(); },
  get() { return this.imgclfSet; },
});
"""


def ready_after(driver: webdriver.Chrome, path: Path) -> float:
    """Return the seconds from navigation until the page is ready."""
    driver.get(path.resolve().as_uri())
    wait = WebDriverWait(driver, 60)
    return float(wait.until(lambda driver: driver.execute_script("return window.readyAfter"))) / 1000


def main() -> None:
    """Measure the page of each run that is named."""
    with tempfile.TemporaryDirectory() as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in (*OPTIONS, f"--user-data-dir={folder}/profile"):
            options.add_argument(option)
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
            for name in sys.argv[1:]:
                run = read_run(Path(name), config_of_run(Path(name)), "")
                seconds, html = [], b""
                for _ in range(2):
                    began = time.perf_counter()
                    html = page(run)
                    seconds.append(time.perf_counter() - began)
                path = Path(folder) / "report.html"
                path.write_bytes(html)
                ready = median(ready_after(driver, path) for _ in range(REPEATS))
                times = f"written in {seconds[0]:.2f} and {seconds[1]:.2f} s, ready after {ready:.2f} s"
                say(f"{name}: {len(html):,} bytes, {times}")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
