"""The page in a browser: the divider moves what is seen, frames can be sorted, found and linked to, nothing is fetched.

Needs Chromium and its driver (Debian and Ubuntu packages chromium and chromium-driver).
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from dfs_core.evaluation.report import write
from dfs_core.evaluation.results import Results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--force-prefers-reduced-motion", "--hide-scrollbars", "--window-size=1400,1000",
)  # fmt: skip
DEADLINE_S = 20.0

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver: install chromium and chromium-driver"
)


class Page:
    """A report in the browser."""

    def __init__(self, driver: webdriver.Chrome, file: Path) -> None:
        self.driver, self.address = driver, file.as_uri()

    def open(self, fragment: str = "") -> "Page":
        """Load it anew at a fragment of its address."""
        self.driver.get("about:blank")
        self.driver.get(self.address + fragment)
        return self

    def at(self, name: str) -> WebElement:
        """Return the element of an id."""
        return self.driver.find_element("id", name)

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def choose(self, name: str, text: str) -> None:
        """Choose by its text in a select of an id."""
        Select(self.at(name)).select_by_visible_text(text)

    def names(self) -> list[str]:
        """Return the names in the list of frames, in its order."""
        return self.run("return [...document.querySelectorAll('#thumbnails b')].map(b => b.textContent)")

    def sides(self) -> tuple[str, str]:
        """Return what is written on the left and right picture."""
        return self.at("left-label").text, self.at("right-label").text

    def hidden_share(self) -> float:
        """Return how many per cent of the left picture its clip hides, as the browser computes it."""
        clip = self.run("return getComputedStyle(document.getElementById('left-picture')).clipPath")
        found = re.fullmatch(r"inset\(0px ([\d.]+)% 0px 0px\)", clip)
        assert found, clip
        return float(found[1])

    def colors(self, *shares: float) -> list[tuple[int, int, int]]:
        """Return the RGB colours that are seen at shares of the compared pictures' width, above their middle."""
        self.run("return Promise.all([...document.querySelectorAll('#compare img')].map(image => image.decode()))")
        encoded = np.frombuffer(self.at("compare").screenshot_as_png, np.uint8)
        seen = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
        line = seen[seen.shape[0] // 4]
        return [tuple(int(value) for value in line[round(share * line.shape[0])]) for share in shares]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    browser.set_page_load_timeout(DEADLINE_S)
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, results: Results, hostile: Results, no_reference: Results) -> Path:
    """Three reports."""
    root = tmp_path_factory.mktemp("reports")
    for name, found in (("plain", results), ("hostile", hostile), ("no_reference", no_reference)):
        write(found, root / name)
    return root


@pytest.fixture
def page(driver: webdriver.Chrome, folder: Path) -> Iterator[Page]:
    """The report of good results, freshly loaded; in the end nothing may have been complained about."""
    driver.get_log("browser")
    yield Page(driver, folder / "plain" / "index.html").open()
    assert driver.get_log("browser") == []


def test_it_opens_on_the_worst_frame_with_its_first_two_pictures(page: Page) -> None:
    assert page.at("name").text == "street_b · β = 0.01 / m"
    assert page.sides() == ("hazy", "dfs")
    assert page.hidden_share() == 50.0
    assert page.colors(0.25, 0.75) == [(200, 200, 210), (20, 120, 40)]


def test_the_pointer_drags_the_divider_and_what_is_seen_follows(page: Page) -> None:
    width = page.at("compare").rect["width"]
    drag = ActionChains(page.driver, duration=50).click_and_hold(page.at("handle"))
    drag.move_by_offset(round(0.1 * width), 0).move_by_offset(round(0.2 * width), 5).release().perform()
    assert page.hidden_share() == pytest.approx(20.0, abs=0.5)
    assert page.at("handle").get_attribute("aria-valuenow") == "80"
    assert page.colors(0.1, 0.7, 0.9) == [(200, 200, 210), (200, 200, 210), (20, 120, 40)]
    ActionChains(page.driver, duration=0).move_by_offset(-round(0.5 * width), 0).perform()
    assert page.hidden_share() == pytest.approx(20.0, abs=0.5), "the divider follows a pointer that let go"


def test_the_divider_stays_within_the_pictures(page: Page) -> None:
    width = page.at("compare").rect["width"]
    drag = ActionChains(page.driver, duration=50).click_and_hold(page.at("handle"))
    drag.move_by_offset(-round(0.52 * width), 0).release().perform()
    assert page.hidden_share() == 100.0
    assert page.colors(0.02, 0.9) == [(20, 120, 40), (20, 120, 40)]


def test_a_click_puts_the_divider_there(page: Page) -> None:
    width = page.at("compare").rect["width"]
    ActionChains(page.driver, duration=0).move_to_element_with_offset(
        page.at("compare"), -round(0.25 * width), 20
    ).click().perform()
    assert page.hidden_share() == pytest.approx(75.0, abs=0.5)


def test_a_finger_drags_the_divider_too(page: Page) -> None:
    page.at("compare").click()
    box = page.run("const b = document.getElementById('compare').getBoundingClientRect(); return [b.x, b.y, b.width]")
    middle, height = box[0] + 0.5 * box[2], box[1] + 60
    for kind, x in (("touchStart", middle), ("touchMove", middle + 30), ("touchMove", box[0] + 0.7 * box[2])):
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": height}]})
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.hidden_share() == pytest.approx(30.0, abs=0.5)


@pytest.mark.parametrize(
    ("keys", "share"),
    [(Keys.ARROW_RIGHT, 52), (Keys.ARROW_LEFT * 3, 44), (Keys.PAGE_UP, 60), (Keys.PAGE_DOWN * 2, 30),
     (Keys.HOME, 0), (Keys.END, 100), (Keys.HOME + Keys.ARROW_LEFT, 0)],
    ids=["right", "left thrice", "page up", "page down twice", "home", "end", "beyond the end"],
)  # fmt: skip
def test_keys_move_the_divider(page: Page, keys: str, share: int) -> None:
    page.at("handle").send_keys(keys)
    assert page.hidden_share() == 100 - share
    assert page.at("handle").get_attribute("aria-valuenow") == str(share)
    assert page.at("handle").get_attribute("aria-valuetext") == f"{share} % hazy, {100 - share} % dfs"


def test_the_divider_is_a_slider_to_assistive_technology(page: Page) -> None:
    handle = page.at("handle")
    assert (handle.aria_role, handle.accessible_name) == ("slider", "Divider between left and right picture")
    assert [handle.get_attribute(f"aria-value{end}") for end in ("min", "max")] == ["0", "100"]


def test_each_side_can_be_any_picture(page: Page) -> None:
    page.choose("left", "clear")
    page.choose("right", "hazy · mask")
    assert page.sides() == ("clear", "hazy · mask")
    assert page.colors(0.25, 0.75) == [(30, 60, 200), (128, 64, 128)]
    page.at("swap").click()
    assert page.colors(0.25, 0.75) == [(128, 64, 128), (30, 60, 200)]


def test_one_button_shows_the_masks_of_both_sides(page: Page) -> None:
    assert not page.at("classes").is_displayed()
    page.driver.find_element("xpath", "//*[@id='kinds']/button[text()='mask']").click()
    assert page.sides() == ("hazy · mask", "dfs · mask")
    assert page.at("classes").text.split()[:2] == ["sky", "building"]
    page.choose("left", "clear")
    assert page.driver.find_elements("css selector", "#kinds button") == [], "clear has no mask to change to"


def test_frames_are_listed_worst_first_by_the_score_that_is_chosen(page: Page) -> None:
    assert page.names() == ["street_b", "street_a", "street_a", "street_b", "lane"]
    page.choose("score", "PSNR / dB")
    assert page.names() == ["street_a", "lane", "street_b", "street_a", "street_b"]
    assert page.at("name").text == "street_b · β = 0.01 / m", "sorting keeps the frame that is looked at"


def test_frames_can_be_filtered_by_fog_and_name(page: Page) -> None:
    page.choose("fog", "β = 0.02 / m")
    assert page.names() == ["street_a", "street_b", "lane"]
    assert page.at("name").text == "street_a · β = 0.02 / m"
    page.at("filter").send_keys("LAN")
    assert (page.names(), page.at("name").text) == (["lane"], "lane · β = 0.02 / m")
    page.at("filter").send_keys("x")
    assert page.at("nothing").is_displayed()
    assert page.at("count").text == "0 of 5"


def test_keys_and_buttons_go_through_the_list_and_stop_at_its_ends(page: Page) -> None:
    body = page.driver.find_element("tag name", "body")
    assert not page.at("previous").is_enabled()
    body.send_keys("nn")
    assert page.at("name").text == "street_a · β = 0.01 / m"
    page.at("previous").click()
    assert page.at("name").text == "street_a · β = 0.02 / m"
    body.send_keys("nnnnnn")
    assert page.at("name").text == "lane · β = 0.02 / m"
    assert not page.at("next").is_enabled()
    page.at("filter").send_keys("p")
    assert page.at("filter").get_attribute("value") == "p", "letters that are typed are no commands"


def test_figures_of_the_frame_stand_below_it_with_the_compared_ones_marked(page: Page) -> None:
    lines = page.driver.find_elements("css selector", "#frame-figures tr")
    assert [line.text for line in lines] == ["PSNR / dB IoU class / %", "hazy 23.00 –", "dfs 25.00 30.0"]
    page.choose("left", "clear")
    seen = page.driver.find_elements("css selector", "#frame-figures tr.seen")
    assert [line.text for line in seen] == ["dfs 25.00 30.0"]


def test_the_address_names_what_is_shown_and_leads_there_again(page: Page) -> None:
    page.driver.find_elements("css selector", "#thumbnails button")[3].click()
    page.choose("right", "clear")
    address = page.driver.current_url
    named = parse_qs(urlsplit(address).fragment)
    assert named == {"frame": ["street_b"], "fog": ["β = 0.02 / m"], "left": ["hazy"], "right": ["clear"]}
    page.open(f"#{urlsplit(address).fragment}")
    assert page.at("name").text == "street_b · β = 0.02 / m"
    assert page.colors(0.25, 0.75) == [(200, 200, 210), (30, 60, 200)]
    assert page.run("return document.querySelector('#thumbnails [aria-current] b').textContent") == "street_b"
    assert page.run("return scrollY") > 0, "a link to a frame shows the frame"


@pytest.mark.parametrize("fragment", ["#frame=lane", "#frame=nothing&left=x", "#curves", "#%"])
def test_an_incomplete_address_shows_what_it_can(page: Page, fragment: str) -> None:
    page.open(fragment)
    assert page.at("name").text == ("lane · β = 0.02 / m" if "lane" in fragment else "street_b · β = 0.01 / m")
    assert page.sides() == ("hazy", "dfs")


def test_a_link_followed_within_the_page_overrides_the_filter(page: Page) -> None:
    page.at("filter").send_keys("lane")
    page.run("location.hash = 'frame=street_a&right=clear'")
    WebDriverWait(page.driver, DEADLINE_S).until(lambda _: page.at("name").text == "street_a · β = 0.02 / m")
    assert page.sides() == ("hazy", "clear")
    assert len(page.names()) == 5


def test_only_what_is_shown_is_decoded(page: Page) -> None:
    large = "return [...document.images].filter(image => image.src.startsWith('data:image/png')).length"
    assert page.run(large) == 2
    page.at("next").click()
    assert page.run(large) == 2


def test_nothing_but_the_file_is_asked_for(page: Page) -> None:
    page.driver.get_log("performance")
    page.open()
    page.at("next").click()
    messages = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    asked = [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]
    assert [address for address in asked if not address.startswith("data:")] == [page.address]


def test_scripts_that_it_did_not_come_with_are_not_run(page: Page) -> None:
    page.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.run("return window.ran") is None
    (complaint,) = page.driver.get_log("browser")
    assert "Content Security Policy" in complaint["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1400])
def test_it_fits_the_screen_and_has_the_chosen_scheme(page: Page, width: int, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.open()
        assert page.run("return document.documentElement.scrollWidth") == width
        ground = page.run("return getComputedStyle(document.body).backgroundColor")
        brightness = np.mean([int(value) for value in re.findall(r"\d+", ground)])
        assert brightness > 200 if scheme == "light" else brightness < 60
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_hostile_names_are_shown_as_they_are(page: Page, folder: Path, hostile: Results) -> None:
    other = Page(page.driver, folder / "hostile" / "index.html").open()
    name = hostile.title
    assert other.driver.title == name
    other.at("filter").send_keys(name)
    assert other.names() == [name]
    assert other.at("name").text == f"{name} · {name}"
    assert other.sides() == (name, "dfs")
    assert other.colors(0.25, 0.75) == [(200, 200, 210), (20, 120, 40)]


def test_real_fog_without_truth_has_what_there_is(page: Page, folder: Path) -> None:
    other = Page(page.driver, folder / "no_reference" / "index.html").open()
    assert other.names() == ["one.jpg", "two.jpg"]
    assert [other.at(name).is_displayed() for name in ("fog-choice", "classes")] == [False] * 2
    assert other.colors(0.25, 0.75) == [(200, 200, 210), (20, 120, 40)]
    assert [link.text for link in other.driver.find_elements("css selector", "nav a")] == ["Results", "Frames", "Notes"]
