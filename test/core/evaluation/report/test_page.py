"""index.html holds everything, shows names as they are, and keeps every picture once."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dfs_core.errors import FrameError, OutputError
from dfs_core.evaluation.report import write
from dfs_core.evaluation.report.page import to_page
from dfs_core.evaluation.results import Frame, Results


class Reader(HTMLParser):
    """Collects tags, and the text in each element of a kind."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text and the tag that came last before it."""
        self.texts.append((self.tags[-1][0] if self.tags else "", data))

    def scripts(self) -> list[dict[str, str | None]]:
        """Return the attributes of each script."""
        return [attributes for tag, attributes in self.tags if tag == "script"]


def index_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="index">(.*?)</script>', page, re.DOTALL)[1])


def test_names_never_become_markup(hostile: Results) -> None:
    name = hostile.title
    reader = Reader(to_page(hostile))
    assert [script.get("type") for script in reader.scripts()].count(None) == 1
    assert not [attribute for _, attributes in reader.tags for attribute in attributes if attribute.startswith("on")]
    assert [attributes.get("id") for tag, attributes in reader.tags if tag == "img"] == [
        "right-picture",
        "left-picture",
    ]
    shown = [text.strip() for tag, text in reader.texts if tag not in {"script", "style"}]
    assert shown.count(name) >= 12


def test_the_index_holds_hostile_names_as_they_are(hostile: Results) -> None:
    index = index_of(to_page(hostile))
    (frame,) = [frame for frame in index["frames"] if frame["name"] == hostile.title]
    assert list(frame["pictures"]) == [hostile.title, "dfs"]
    assert list(frame["scores"]) == [hostile.title, "psnr"]


def test_equal_pictures_are_held_once(results: Results) -> None:
    page = to_page(results)
    assert page.count("data:image/png;base64,") == len(set(results.frames[0].pictures))
    assert len(index_of(page)["frames"]) == 5


def test_the_index_keeps_the_order_of_captions(results: Results) -> None:
    assert list(index_of(to_page(results))["frames"][0]["pictures"]) == list(results.frames[0].pictures)


def test_figures_of_frames_are_printed_as_their_columns_are(results: Results) -> None:
    frame = next(frame for frame in index_of(to_page(results))["frames"] if frame["name"] == "street_b")
    assert frame["titles"] == ["PSNR / dB", "IoU class / %"]
    assert frame["figures"] == [["hazy", "23.00", "–"], ["dfs", "25.00", "30.0"]]
    assert frame["words"] == {"miou": "30.0", "psnr": "25.00"}


def test_sections_without_content_are_left_out(results: Results) -> None:
    empty = Results("nothing", {}, (), (), ())
    assert [attributes["id"] for tag, attributes in Reader(to_page(empty)).tags if tag == "section"] == []
    full = [attributes["id"] for tag, attributes in Reader(to_page(results)).tags if tag == "section"]
    assert full == ["results", "curves", "frames", "methods", "notes"]


def test_a_picture_of_another_format_is_named(results: Results) -> None:
    frame = replace(results.frames[0], pictures={"hazy": b"GIF89a\0\0"})
    with pytest.raises(FrameError, match=r"frame 'street_a', picture 'hazy': neither JPEG nor PNG .*b'GIF89a"):
        to_page(replace(results, frames=[frame]))


def test_a_damaged_picture_is_named(results: Results) -> None:
    frame = Frame("lane", "", {}, {}, {"hazy": results.frames[0].pictures["hazy"][:40]})
    with pytest.raises(FrameError, match=r"frame 'lane', picture 'hazy': 40 bytes that cannot be decoded"):
        to_page(replace(results, frames=[frame]))


def test_write_makes_page_figures_tables_and_panels(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path / "report")
    files = sorted(path.relative_to(tmp_path / "report").as_posix() for path in tmp_path.rglob("*.*"))
    assert files == [
        "index.html",
        "panels/lane-beta-0.02-m.png",
        "panels/street_a-beta-0.01-m.png",
        "panels/street_a-beta-0.02-m.png",
        "panels/street_b-beta-0.01-m.png",
        "panels/street_b-beta-0.02-m.png",
        "report.json",
        "report.md",
    ]


def test_the_same_results_give_the_same_page(results: Results) -> None:
    assert to_page(results) == to_page(results)


def test_a_folder_that_cannot_be_made_is_named(results: Results, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: the report cannot be written \((Not a directory|File exists)\)"):
        write(results, tmp_path / "file")
