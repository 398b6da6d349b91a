"""Panels are the worst frames and a few others, under names that no file system trips over."""

from collections.abc import Callable

import numpy as np
import pytest

from dfs_core.evaluation.report.sheets import choose, draw, draw_sheets, file_stem
from dfs_core.evaluation.results import Frame, Results
from dfs_core.panels import CELL_WIDTH, GAP

MakeFrame = Callable[[str, str, float], Frame]


@pytest.mark.parametrize(
    ("text", "stem"),
    [("../../etc/passwd", "etc-passwd"), ("a b β = 0.01 / m", "a-b-beta-0.01-m"), ("..", "frame"), ("", "frame"),
     ("x\0y\\z:*?", "x-y-z"), ("é" * 9, "frame"), ("n" * 300, "n" * 100)],
)  # fmt: skip
def test_a_file_name_leads_nowhere_else(text: str, stem: str) -> None:
    assert file_stem(text) == stem


def test_equal_names_get_numbers_whatever_their_case(frame: MakeFrame) -> None:
    names = [name for name, _ in draw_sheets([frame("a/b", "", 0.1), frame("a b", "", 0.2), frame("A-B", "", 0.3)])]
    assert names == ["a-b.png", "a-b-2.png", "A-B-3.png"]


def test_the_eight_worst_are_drawn_and_four_more_up_to_the_best(frame: MakeFrame) -> None:
    frames = [frame(f"{number}", "", number / 100) for number in reversed(range(30))]
    assert [entry.name for entry in choose(frames)] == [*map(str, range(8)), "8", "15", "22", "29"]


def test_fewer_frames_are_all_drawn_and_those_without_a_score_come_last(results: Results) -> None:
    chosen = [(entry.name, entry.fog[4:8]) for entry in choose(results.frames)]
    assert chosen == [
        ("street_b", "0.01"),
        ("street_a", "0.02"),
        ("street_a", "0.01"),
        ("street_b", "0.02"),
        ("lane", "0.02"),
    ]


def test_masks_stand_in_a_row_of_their_own(frame: MakeFrame) -> None:
    sheet = draw(frame("a", "", 0.5))
    height = CELL_WIDTH * 64 // 96
    assert sheet.shape == (2 * (34 + height + GAP), 3 * CELL_WIDTH + 4 * GAP, 3)
    middle = [sheet[34 + height // 2, GAP + CELL_WIDTH // 2 + number * (CELL_WIDTH + GAP)] for number in range(3)]
    np.testing.assert_array_equal(middle, [(200, 200, 210), (20, 120, 40), (30, 60, 200)])
    below = sheet[34 + height + GAP + 34 + height // 2, GAP + CELL_WIDTH // 2]
    np.testing.assert_array_equal(below, (128, 64, 128))
