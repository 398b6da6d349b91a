"""`dfs view` in a browser, while a bag plays through the real node.

Needs Chromium and its driver (Debian and Ubuntu packages chromium and chromium-driver).
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
pytest.importorskip("aiohttp", reason="needs the extra [view]")
pytest.importorskip("selenium", reason="needs selenium to drive Chromium")

from domain_coordinator import domain_id
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
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

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver: install chromium and chromium-driver"
)


class Running:
    """`dfs view` of a short bag that plays again and again."""

    def __init__(self, folder: Path, bag: Path, model: Path, domain: int) -> None:
        self._log = folder / "view.log"
        words = (str(bag), f"model:={model}", "backend:=onnxruntime", "--port", "0", "--domain-id", str(domain))
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, recordings: ModuleType, model_path: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("view")
    with domain_id() as number:
        started = Running(folder, recordings.write(folder / "bag", frames=25), model_path, number)
        yield started
        if started.process.poll() is None:
            started.process.send_signal(signal.SIGINT)
            started.process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def page(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    browser.get("about:blank")
    browser.get_log("performance")  # of the browser's own start page
    browser.get(running.address())
    shown = Page(browser, running)
    shown.wait(lambda: shown.frame() > 0, "a frame is shown")
    yield shown
    browser.quit()


def test_frames_go_on_and_before_and_after_have_the_size_of_the_camera(page: Page, recordings: ModuleType) -> None:
    first = page.frame()
    page.wait(lambda: page.frame() > first + 2, "frames go on")
    sizes = page.run("return ['before', 'after'].map(id => { const c = document.getElementById(id); "
                     "return [c.width, c.height]; })")  # fmt: skip
    assert sizes == [[recordings.WIDTH, recordings.HEIGHT]] * 2
    page.wait(lambda: page.run("return document.body.dataset.state") == "dehazing", "it is said to be live")


def test_keys_and_pointer_move_the_divider(page: Page) -> None:
    divider = page.driver.find_element("id", "divider")
    divider.send_keys(Keys.HOME)
    assert page.hidden_share() == 0.0
    divider.send_keys(Keys.ARROW_RIGHT * 3)
    assert page.hidden_share() == 3.0
    assert divider.get_attribute("aria-valuetext") == "3 % camera, 97 % dehazed"
    width = divider.rect["width"]
    ActionChains(page.driver, duration=0).move_to_element_with_offset(
        divider, round(0.25 * width), 20
    ).click().perform()
    assert page.hidden_share() == pytest.approx(75.0, abs=1.0)
    assert (divider.aria_role, divider.accessible_name) == ("slider", "Divider between camera and dehazed")


def test_the_mask_and_its_classes_can_be_turned_on_and_off(page: Page) -> None:
    mask, classes = (page.driver.find_element("id", name) for name in ("mask", "classes"))
    assert not mask.is_displayed()
    page.driver.find_element("id", "overlay").click()
    assert mask.is_displayed()
    page.wait(lambda: re.search(r"\w+ \d+ %", classes.text), "classes are listed")
    colored = "const c = document.getElementById('mask'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"  # noqa: E501
    page.wait(lambda: page.run(colored), "the mask has colours")
    page.driver.find_element("tag name", "body").send_keys("m")
    assert not mask.is_displayed()


def test_the_gauge_follows_the_visibility(page: Page) -> None:
    shown = page.wait(lambda: re.fullmatch(r"(\d+) m", page.text("visibility")), "a visibility in metres")
    assert 20 < int(shown[1]) < 300
    gauge = page.driver.find_element("id", "gauge")
    before = gauge.get_attribute("aria-valuetext")
    assert re.fullmatch(r"\d+ m, .*fog", before)
    places = {page.run("showVisibility(60); return document.getElementById('gauge').style.getPropertyValue('--place')")}
    places.add(
        page.run("showVisibility(600); return document.getElementById('gauge').style.getPropertyValue('--place')")
    )
    assert len(places) == 2


def test_the_diagnostics_are_shown(page: Page) -> None:
    page.wait(lambda: "onnxruntime" in page.text("figures"), "the backend")
    assert "Frames in" in page.text("figures")
    assert page.text("level") == "OK"


def test_nothing_is_asked_of_another_place_and_nothing_is_complained_about(page: Page) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    kinds = {"Network.requestWillBeSent": lambda p: p["request"]["url"], "Network.webSocketCreated": lambda p: p["url"]}
    asked = {kinds[m["method"]](m["params"]) for m in messages if m["method"] in kinds}
    place = urlsplit(page.running.address()).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "about:"))} == {place}
    assert f"ws://{place}/stream/0" in asked
    assert page.driver.get_log("browser") == []


def test_scripts_that_it_did_not_come_with_are_not_run(page: Page) -> None:
    page.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.run("return window.ran") is None
    assert "Content Security Policy" in page.driver.get_log("browser")[0]["message"]


def test_it_listens_on_loopback_only(page: Page) -> None:
    place = urlsplit(page.running.address())
    assert place.hostname == "127.0.0.1"
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", place.port))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1400])
def test_it_fits_the_screen_and_has_the_chosen_scheme(page: Page, width: int, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert page.run("return document.documentElement.scrollWidth") == width
    ground = page.run("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(value) for value in re.findall(r"\d+", ground)[:3]) / 3
    assert brightness > 200 if scheme == "light" else brightness < 60


def test_ctrl_c_ends_it_and_the_page_says_so(page: Page) -> None:
    page.running.process.send_signal(signal.SIGINT)
    assert page.running.process.wait(DEADLINE_S) == 0, page.running.output
    page.wait(lambda: page.run("return document.body.dataset.state") == "lost", "the end is seen")
    assert "does not answer" in page.text("state-words")
