"""Cheap questions about this machine: is a package here, is a GPU here. They start no runtime and cannot crash."""

import ctypes
import importlib.util

_CUDA_SUCCESS = 0


def missing_packages(*names: str, extra: str) -> str | None:
    """Return why these packages cannot be imported, or None when all of them are here.

    Args:
        names: as in `import`.
        extra: the extra of this package that installs them, for the message.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return f"{' and '.join(missing)} not installed; run `pip install 'dfs_ros[{extra}]'`"


def missing_tensorrt() -> str | None:
    """Return that neither flavour of TensorRT can be imported, or None when one can."""
    if any(importlib.util.find_spec(name) is not None for name in ("tensorrt", "tensorrt_rtx")):
        return None
    return "tensorrt not installed; run `pip install tensorrt` or `pip install tensorrt-rtx-cu12`"


def missing_cuda_device() -> str | None:
    """Return why no CUDA device can be used, or None when there is one. Asks the driver alone."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver (libcuda.so.1) on this machine; see `dfs doctor`"
    if (status := driver.cuInit(0)) != _CUDA_SUCCESS:
        return f"the NVIDIA driver does not start (cuInit gave {status}); see `nvidia-smi`"
    count = ctypes.c_int(0)
    if (status := driver.cuDeviceGetCount(ctypes.byref(count))) != _CUDA_SUCCESS:
        return f"the NVIDIA driver does not list its devices (cuDeviceGetCount gave {status}); see `nvidia-smi`"
    return None if count.value > 0 else "the NVIDIA driver finds no GPU; see `nvidia-smi`"
