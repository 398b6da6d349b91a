"""The two packages that build and run engines, which are used in the same way."""

import importlib
import importlib.util
import re
from types import ModuleType

from dfs_core.errors import EngineError

TENSORRT, TENSORRT_RTX = "tensorrt", "tensorrt_rtx"

FLAVOURS = (TENSORRT, TENSORRT_RTX)
"""TensorRT (10.3 and later), which builds for the GPU that it finds; TensorRT for RTX, which needs none to build."""

OLDEST = {TENSORRT: (10, 3), TENSORRT_RTX: (1, 4)}
"""Major and minor version of each from which on it has all that is called here."""

_PACKAGES = {TENSORRT: "tensorrt", TENSORRT_RTX: "tensorrt-rtx-cu12"}

CONVOLVES_INT8_FROM = {TENSORRT: (10, 3), TENSORRT_RTX: (1, 7)}
"""Likewise, from which on files in int8 can be built."""


def is_installed(flavour: str) -> bool:
    """Return whether a package is here; it is not started."""
    return importlib.util.find_spec(flavour) is not None


def import_tensorrt(flavour: str | None = None) -> ModuleType:
    """Return the package that builds and runs engines.

    Args:
        flavour: one of `FLAVOURS`; the first that is installed if not given.

    Raises:
        EngineError: it is not installed, is too old, or does not start.
    """
    wanted = FLAVOURS if flavour is None else (flavour,)
    installed = [name for name in wanted if is_installed(name)]
    if not installed:
        raise EngineError(
            f"{' and '.join(wanted)} not installed; run `pip install tensorrt` or `pip install tensorrt-rtx-cu12`"
        )
    try:
        package = importlib.import_module(installed[0])
    except (ImportError, OSError) as error:
        raise EngineError(
            f"{installed[0]} does not start ({error}); install it again for this machine's CUDA"
        ) from error
    if _version(package) < (oldest := OLDEST[installed[0]]):
        raise EngineError(
            f"{installed[0]} {package.__version__} is too old, {'.'.join(map(str, oldest))} or later is needed: run "
            f"`pip install --upgrade {_PACKAGES[installed[0]]}`, on a Jetson install a newer JetPack"
        )
    return package


def check_precision(tensorrt: ModuleType, precision: str) -> None:
    """Refuse a number format that a package does not compute convolutions in.

    Raises:
        EngineError: it is too old for that.
    """
    if precision == "int8" and _version(tensorrt) < (oldest := CONVOLVES_INT8_FROM[tensorrt.__name__]):
        raise EngineError(
            f"{tensorrt.__name__} {tensorrt.__version__} does not convolve in int8, {'.'.join(map(str, oldest))} does: "
            f"run `pip install --upgrade {_PACKAGES[tensorrt.__name__]}`, or build of the file in fp32"
        )


def _version(package: ModuleType) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", package.__version__)[:2])
