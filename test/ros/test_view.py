"""`dfs view`: what its one argument means."""

from pathlib import Path

import pytest

from dfs_core.errors import BagError
from dfs_ros.view import _is_bag


def test_what_exists_is_a_bag_and_what_does_not_a_topic(tmp_path: Path) -> None:
    assert _is_bag(str(tmp_path))
    assert not _is_bag("/front/image_raw")


@pytest.mark.parametrize("name", ["drive.mcap", "drive.db3", "drive.bag"])
def test_a_bag_that_is_not_there_is_not_taken_for_a_topic(tmp_path: Path, name: str) -> None:
    with pytest.raises(BagError, match=f"{name}: no such bag; give the path of one, or an image topic"):
        _is_bag(str(tmp_path / name))
