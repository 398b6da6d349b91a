"""A result is there whole, or not at all."""

from pathlib import Path

import pytest

from dfs_core.errors import OutputError
from dfs_core.whole_output import require_place, whole_output


def test_a_file_appears_under_its_name_only_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "new" / "result.txt"
    with whole_output(target) as place:
        assert place.name == target.name
        place.write_text("done")
        assert not target.exists()
    assert target.read_text() == "done"
    assert [entry.name for entry in target.parent.iterdir()] == ["result.txt"]


def test_nothing_is_left_of_what_failed_and_the_old_result_stays(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")

    def fail() -> None:
        with whole_output(target, overwrite=True) as place:
            place.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_old_result_is_replaced_only_on_demand(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OutputError, match="exists already; name another output, or give --overwrite"):
        whole_output(target).__enter__()
    with whole_output(target, overwrite=True) as place:
        place.mkdir()
        (place / "new").touch()
    assert [entry.name for entry in tmp_path.iterdir()] == ["result"]
    assert [entry.name for entry in target.iterdir()] == ["new"]


def test_a_file_never_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis" / "chapters").mkdir(parents=True)

    def replace() -> None:
        with whole_output(tmp_path / "thesis", overwrite=True) as place:
            place.write_text("figures")

    with pytest.raises(OutputError, match="thesis: is a folder, which no file replaces; name a file"):
        replace()
    assert [entry.name for entry in (tmp_path / "thesis").iterdir()] == ["chapters"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis"]


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/report: cannot be written"):
        require_place(tmp_path / "file" / "report")
    require_place(tmp_path / "new" / "report")
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["file", "new"]


def test_what_came_into_being_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "result"

    def be_late() -> None:
        with whole_output(target) as place:
            place.write_text("late")
            target.write_text("early")

    with pytest.raises(OutputError, match="exists already"):
        be_late()
    assert target.read_text() == "early"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        whole_output(tmp_path / "file" / "result").__enter__()


def test_a_block_that_writes_nothing_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OutputError, match="nothing was written for it"), whole_output(target, overwrite=True):
        pass
    assert [entry.name for entry in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_parent_folder_is_no_name_for_a_result(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not a name for a result"):
        whole_output(tmp_path / "..", overwrite=True).__enter__()
