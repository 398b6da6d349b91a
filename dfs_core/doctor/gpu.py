"""NVIDIA: driver, GPU, CUDA, and both flavours of TensorRT."""

import ctypes
import re
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from dfs_core.doctor.child import ask
from dfs_core.doctor.finding import Finding, Mark, Probe
from dfs_core.doctor.installed import installed_version

TOPIC = "GPU"
TENSORRT = {"tensorrt": "pip install tensorrt", "tensorrt_rtx": "pip install tensorrt-rtx-cu12"}
_DRIVER = "libcuda.so.1"
_KERNEL_MODULE = Path("/sys/module/nvidia/version")
_RUNTIMES = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12")
INSTALL_DRIVER = "where there is an NVIDIA GPU: sudo ubuntu-drivers install, then restart; on a Jetson, JetPack has it"


def probes() -> list[Probe]:
    """Return what is asked of the GPU and of what runs on it."""
    return [
        Probe(TOPIC, "driver", _driver, "nvidia-smi says what is wrong; install the driver again"),
        Probe(TOPIC, "CUDA", _cuda),
        *(Probe(TOPIC, name, partial(_tensorrt, name), f"{cure} --force-reinstall") for name, cure in TENSORRT.items()),
    ]


def _driver() -> Iterator[Finding]:
    from dfs_core.runtime.probes import missing_cuda_device

    reason = missing_cuda_device()
    if reason is not None:
        there = _library(_DRIVER)
        mark, cure = (Mark.BROKEN, "nvidia-smi") if there else (Mark.MISSING, INSTALL_DRIVER)
        yield Finding(TOPIC, "driver", mark, reason, cure)
        return
    module = _KERNEL_MODULE.read_text().strip() if _KERNEL_MODULE.exists() else "of unknown version"
    yield Finding(TOPIC, "driver", Mark.FINE, f"{module}, CUDA up to {_newest_cuda()}")
    found = ask("gpu")
    capability = ".".join(map(str, found["compute_capability"]))
    yield Finding(TOPIC, "device", Mark.FINE, f"{found['name']}, compute capability {capability}")


def _cuda() -> Iterator[Finding]:
    """Look for CUDA's runtime, which ONNX Runtime needs on a GPU; TensorRT needs the driver alone."""
    for distribution in _RUNTIMES:
        if (version := installed_version(distribution)) is not None:
            yield Finding(TOPIC, "CUDA", Mark.FINE, f"runtime {version} ({distribution})")
            return
    library = next((name for name in ("libcudart.so.13", "libcudart.so.12", "libcudart.so") if _library(name)), None)
    if library is not None:
        yield Finding(TOPIC, "CUDA", Mark.FINE, f"runtime {library}")
        return
    cure = "where there is a GPU: pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime"
    yield Finding(TOPIC, "CUDA", Mark.MISSING, "no runtime (libcudart)", cure)


def _tensorrt(name: str) -> Iterator[Finding]:
    if find_spec(name) is None:
        yield Finding(TOPIC, name, Mark.MISSING, "not installed", f"where there is a GPU: {TENSORRT[name]}")
        return
    yield Finding(TOPIC, name, Mark.FINE, ask("version", name)["version"])


def _newest_cuda() -> str:
    version = ctypes.c_int()
    status = ctypes.CDLL(_DRIVER).cuDriverGetVersion(ctypes.byref(version))
    return f"{version.value // 1000}.{version.value % 1000 // 10}" if status == 0 else f"unknown (error {status})"


def _library(name: str) -> bool:
    """Return whether a shared library can be loaded, or is there and cannot."""
    try:
        ctypes.CDLL(name)
    except OSError as error:
        return re.search(r"No such file|not found", str(error)) is None
    return True
