"""`dfs view` in a process of its own, and its page in headless Chromium."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--hide-scrollbars", "--window-size=1400,1000",
)  # fmt: skip
DEADLINE_S = 90.0


class Running:
    """`dfs view` of a bag or a topic."""

    def __init__(self, folder: Path, source: str, model: Path, domain: int) -> None:
        self._log = folder / "view.log"
        words = (source, f"model:={model}", "backend:=onnxruntime", "--port", "0", "--domain-id", str(domain))
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dfs_core.cli", "view", *words], stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def address(self) -> str:
        """Return where the page is, once it says so."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(r"open (http://\S+/)", self.output)):
            assert time.monotonic() < deadline, self.output
            assert self.process.poll() is None, self.output
            time.sleep(0.05)
        return found[1]


class Page:
    """The page in the browser."""

    def __init__(self, driver: webdriver.Chrome, running: Running) -> None:
        self.driver, self.running = driver, running

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script)

    def text(self, name: str) -> str:
        """Return the text of the element of an id."""
        return self.driver.find_element("id", name).text

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for something to be seen."""
        message = f"{what}; the page: {self.driver.find_element('tag name', 'body').text}"
        return WebDriverWait(self.driver, DEADLINE_S).until(lambda _: condition(), message)

    def frame(self) -> int:
        """Return the number of the frame that is shown; 0 before the first."""
        return int(self.run("return document.body.dataset.frame ?? 0"))

    def hidden_share(self) -> float:
        """Return how many per cent of the dehazed picture are hidden, as the browser computes it."""
        clip = self.run("return getComputedStyle(document.getElementById('right')).clipPath")
        return float(clip.removesuffix("%)").rpartition(" ")[2])


@contextmanager
def opened_page(running: Running, profile: Path) -> Iterator[Page]:
    """Open the page in a browser that keeps its files in `profile`, and close it afterwards."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        browser.get("about:blank")
        browser.get_log("performance")  # of the browser's own start page
        browser.get(running.address())
        yield Page(browser, running)
    finally:
        browser.quit()
