"""What holds for every test."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _without_handler_of_children() -> Iterator[None]:
    """Take back the handler of SIGCHLD that torch's loaders leave: later tests' children would end in it."""
    yield
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
