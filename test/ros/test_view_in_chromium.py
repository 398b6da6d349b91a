"""`dfs view` in a browser, while a bag plays through the real node.

Needs Chromium and its driver (Debian and Ubuntu packages chromium and chromium-driver).
"""

import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
pytest.importorskip("aiohttp", reason="needs the extra [view]")
pytest.importorskip("selenium", reason="needs selenium to drive Chromium")

from domain_coordinator import domain_id
from selenium.webdriver import ActionChains, Keys

from .view_page import CHROMIUM, DEADLINE_S, DRIVER, Page, Running, opened_page

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver: install chromium and chromium-driver"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, recordings: ModuleType, model_path: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("view")
    with domain_id() as number:
        started = Running(folder, str(recordings.write(folder / "bag", frames=25)), model_path, number)
        yield started
        if started.process.poll() is None:
            started.process.send_signal(signal.SIGINT)
            started.process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def page(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with opened_page(running, tmp_path_factory.mktemp("profile")) as shown:
        shown.wait(lambda: shown.frame() > 0, "a frame is shown")
        yield shown


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
