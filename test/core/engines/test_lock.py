"""One holder at a time, whoever comes and goes."""

import threading

import pytest

from dfs_core.engines.lock import locked


def test_the_file_is_there_while_the_lock_is_held_and_gone_afterwards(tmp_path):
    path = tmp_path / "a.lock"
    with locked(path):
        assert path.exists()
    assert not path.exists()


def test_an_error_lets_it_go(tmp_path):
    with pytest.raises(ValueError, match="inside"), locked(tmp_path / "a.lock"):
        raise ValueError("inside")
    assert not (tmp_path / "a.lock").exists()


def test_what_a_killed_holder_left_is_no_lock(tmp_path):
    (tmp_path / "a.lock").touch()
    waits = []
    with locked(tmp_path / "a.lock", lambda: waits.append(1)):
        assert waits == []


def test_who_waited_holds_the_lock_that_the_next_one_finds(tmp_path):
    path = tmp_path / "a.lock"
    waiting, held, found = threading.Event(), threading.Event(), []

    def come_second():
        with locked(path, waiting.set):
            found.append(path.exists())  # else a third one would make a file of its own, and hold that
            held.set()

    second = threading.Thread(target=come_second)
    with locked(path):
        second.start()
        assert waiting.wait(timeout=30)
        assert not held.is_set()
    second.join(timeout=30)
    assert found == [True]


def test_where_no_file_can_be_made_the_error_says_so(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "missing/a.lock"):
        pass
