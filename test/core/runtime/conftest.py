"""The small model as a file, and a simulated GPU for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from dfs_core.engines.cache import EngineCache
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Target
from dfs_core.runtime import cuda_driver, loading

from .contract_model import build_model
from .measure import UPTO_FOUR
from .simulated_driver import NAME, SimulatedDriver
from .simulated_tensorrt import PLAN, install_tensorrt


@pytest.fixture
def model() -> onnx.ModelProto:
    """Return the small model, for a test to change."""
    return build_model()


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that holds the small model."""
    path = tmp_path_factory.mktemp("model") / "test_model.onnx"
    onnx.save(build_model(), path)
    return path


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimulatedDriver]:
    """A simulated GPU, of which nothing may be left when models are closed."""
    driver = SimulatedDriver()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cuda_driver, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(cuda_driver, "open_driver", lambda: driver)
    monkeypatch.setattr(loading, "missing_cuda_device", lambda: None)
    yield driver
    assert driver.faults == []
    assert (driver.memory, driver.pinned, driver.graphs) == ({}, {}, {})
    assert (driver.contexts, driver.streams) == (0, 0)


@pytest.fixture
def package(driver: SimulatedDriver, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A simulated TensorRT on that GPU."""
    return install_tensorrt(driver, monkeypatch)


@pytest.fixture
def keep_engine(package: Any) -> Callable[..., None]:
    """Put an engine for some sizes and batches into the cache."""

    def keep(path: Path, profile: Profile = UPTO_FOUR, plan: bytes | None = None) -> None:
        model = read_model(path)
        key = EngineKey.of(model, package, Target(NAME.decode(), ((8, 6),)), profile)
        EngineCache().get(key, lambda: PLAN + model.content if plan is None else plan, model=path.name)

    return keep
