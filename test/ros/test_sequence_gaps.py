"""What counts as lost: a gap between the numbers of one publisher."""

import pytest

from dfs_ros.sequence_gaps import SequenceGaps


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([7, 8, 9], 0),  # what came before we listened is not lost
        ([1, 2, 5, 9], 5),
        ([5, 6, 1, 2, 4], 1),  # the publisher began again
        ([None, None], 0),
    ],
)
def test_gaps_are_counted_from_the_first_message_on(numbers: list[int | None], lost: int) -> None:
    gaps = SequenceGaps()
    for number in numbers:
        gaps.note("/a", number, publishers=1)
    assert gaps.total == lost


def test_topics_are_apart_and_numbers_of_several_publishers_are_left_out() -> None:
    gaps = SequenceGaps()
    for topic, number, publishers in [("/a", 1, 1), ("/b", 50, 1), ("/a", 2, 1), ("/a", 90, 2), ("/a", 3, 1)]:
        gaps.note(topic, number, publishers=publishers)
    assert gaps.total == 0
