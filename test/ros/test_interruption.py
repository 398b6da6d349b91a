"""Signals that are heard at a safe place."""

import os
import signal

import pytest

from dfs_ros.interruption import Interruption


def work(done: list[str], *numbers: int, fails: bool = False) -> None:
    """Do one thing after signals have come, ask about them, and do another."""
    with Interruption() as interruption:
        interruption.raise_if_asked()
        for number in numbers:
            os.kill(os.getpid(), number)
        done.append("one")
        if fails:
            raise ValueError("broken")
        interruption.raise_if_asked()
        done.append("another")


def test_a_signal_is_acted_on_only_where_it_is_asked_for() -> None:
    before, done = signal.getsignal(signal.SIGINT), list[str]()
    with pytest.raises(KeyboardInterrupt):
        work(done, signal.SIGINT)
    assert done == ["one"]
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_gives_the_exit_code_of_shells() -> None:
    with pytest.raises(SystemExit) as ended:
        work([], signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM


def test_a_signal_that_nobody_asks_about_is_acted_on_at_the_end() -> None:
    with pytest.raises(SystemExit):
        _end_of_work()


def _end_of_work() -> None:
    with Interruption():
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_error_on_the_way_is_told_rather_than_the_signal() -> None:
    with pytest.raises(ValueError, match="broken"):
        work([], signal.SIGINT, fails=True)


def test_a_second_sigint_does_not_wait() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        work(done, signal.SIGINT, signal.SIGINT)
    assert done == []
