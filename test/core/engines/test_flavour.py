"""Which package builds engines, and what is said of one that cannot."""

import sys
from types import SimpleNamespace

import pytest

from dfs_core.engines.flavour import TENSORRT, check_precision, import_tensorrt
from dfs_core.errors import EngineError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put a package that is called tensorrt, of some content, where Python finds it first."""

    def install(content):
        (tmp_path / "tensorrt.py").write_text(content)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "tensorrt", raising=False)

    yield install
    sys.modules.pop("tensorrt", None)


@pytest.mark.parametrize("version", ["8.6.2", "10.2.0.post1"])
def test_a_version_that_lacks_what_is_called_is_too_old(version, installed):
    installed(f'__version__ = "{version}"')
    with pytest.raises(EngineError, match=rf"tensorrt {version} is too old, 10\.3 or later .*`pip install --upgrade"):
        import_tensorrt(TENSORRT)


@pytest.mark.parametrize("version", ["10.3.0", "10.13.3.9", "11.0.0"])
def test_later_versions_are_taken(version, installed):
    installed(f'__version__ = "{version}"')
    assert import_tensorrt(TENSORRT).__version__ == version


def test_a_package_that_does_not_start_is_named(installed):
    installed('raise ImportError("libnvinfer.so.10: cannot open shared object file")')
    with pytest.raises(EngineError, match=r"tensorrt does not start \(libnvinfer.*; install it again"):
        import_tensorrt(TENSORRT)


def test_what_is_missing_is_answered_with_what_installs_it(monkeypatch):
    monkeypatch.setattr("dfs_core.engines.flavour.FLAVOURS", ("no_such_tensorrt",))
    with pytest.raises(EngineError, match="no_such_tensorrt not installed; run `pip install tensorrt`"):
        import_tensorrt()


def test_int8_is_refused_where_it_is_not_convolved_in():
    old, new = (SimpleNamespace(__name__="tensorrt_rtx", __version__=version) for version in ("1.6.0.5", "1.7.1.116"))
    check_precision(old, "fp16")
    check_precision(new, "int8")
    check_precision(SimpleNamespace(__name__="tensorrt", __version__="10.3.0"), "int8")
    with pytest.raises(
        EngineError, match=r"tensorrt_rtx 1\.6\.0\.5 does not convolve in int8, 1\.7 does: run `pip .*-cu12`"
    ):
        check_precision(old, "int8")
