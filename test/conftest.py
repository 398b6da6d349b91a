"""What holds for all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own cache folder out of the tests, and what tests leave there out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if "MPLCONFIGDIR" not in os.environ:  # matplotlib looks through all fonts where it finds no cache
            patch.setenv("MPLCONFIGDIR", str(Path.home() / ".cache/matplotlib"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Let SIGINT act as in a terminal: who runs tests in the background may ignore it, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say what stays together where processes share the tests, as `make test` lets two do.

    All that talks over DDS stays in one of them, so that no node meets another test's, nor its shared memory. Else a
    folder stays together, whose tests share what took long to make; where that is little, a file. pytest-xdist's own
    marks for it, `xdist_group`, do nothing under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(Path(nodeid.partition("::")[0]).relative_to("test"))

    return Grouped(config, log)


def _group(path: Path) -> str:
    if path.parts[0] in {"ros", "robustness"}:
        return "dds"
    if path.parts[:2] in {("core", "evaluation"), ("core", "runtime")}:
        return path.parts[1]
    if path.parts[:2] in {("core", "export"), ("core", "quantization")}:
        return "exported"
    return path.as_posix()
