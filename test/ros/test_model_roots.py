"""Which files may be models."""

from pathlib import Path

import pytest

from dfs_core.errors import ConfigError
from dfs_core.runtime.loading import SHIPPED_MODEL
from dfs_ros.model_roots import ModelRoots


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file two folders deep."""
    path = tmp_path / "models" / "new" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_what_ships_is_always_allowed() -> None:
    assert ModelRoots((), first_model="").resolve("") == SHIPPED_MODEL.resolve()
    assert ModelRoots((), first_model="").resolve("dfs_fast") == SHIPPED_MODEL.resolve()


def test_without_roots_the_folder_of_the_first_model_is_one(file: Path, tmp_path: Path) -> None:
    roots = ModelRoots((), first_model=str(file))
    assert roots.resolve(str(file.with_name("other.onnx"))) == file.with_name("other.onnx")
    for outside in (tmp_path / "model.onnx", Path("/etc/passwd"), file.parent / "../../model.onnx", file.parent):
        with pytest.raises(ConfigError, match="must name a file in or below"):
            roots.resolve(str(outside))


def test_a_link_is_judged_by_where_it_leads(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "current.onnx"
    link.symlink_to(file)
    assert ModelRoots((), first_model=str(link)).resolve(str(link)) == file
    with pytest.raises(ConfigError):
        ModelRoots((str(tmp_path / "elsewhere"),), first_model=str(link))
    assert ModelRoots((str(tmp_path / "models"),), first_model=str(link)).resolve(str(link)) == file
