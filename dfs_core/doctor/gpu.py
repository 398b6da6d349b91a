"""NVIDIA: GPU, driver, CUDA, and both flavours of TensorRT."""

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
_PCI_DEVICES = Path("/sys/bus/pci/devices")
_DEVICE_TREE = Path("/proc/device-tree/compatible")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_NVIDIA, _DISPLAY_CLASS = "0x10de", "0x03"
_OLDEST_TENSORRT = (10, 3)
_RUNTIMES = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12")


def probes() -> list[Probe]:
    """Return what is asked of the GPU and of what runs on it."""
    return [
        Probe(TOPIC, "hardware", _hardware),
        Probe(TOPIC, "driver", _driver, "nvidia-smi says what is wrong; install the driver again"),
        Probe(TOPIC, "CUDA", _cuda),
        *(Probe(TOPIC, name, partial(_tensorrt, name), f"{cure} --force-reinstall") for name, cure in TENSORRT.items()),
    ]


def hardware() -> list[str]:
    """Return the NVIDIA GPUs that the kernel sees, whether they have a driver or not."""
    if _DEVICE_TREE.exists() and b"nvidia,tegra" in _DEVICE_TREE.read_bytes():
        return ["a Jetson's own"]
    found = []
    for device in sorted(_PCI_DEVICES.glob("*")):
        vendor, kind, model = ((device / name).read_text().strip() for name in ("vendor", "class", "device"))
        if vendor == _NVIDIA and kind.startswith(_DISPLAY_CLASS):
            found.append(f"PCI {device.name} (10de:{model.removeprefix('0x')})")
    return found


def driver_cure(gpus: list[str]) -> str:
    """Return what brings the driver of these GPUs to where this program runs."""
    if not gpus:
        return "nothing to do: there is no NVIDIA GPU"
    if any(mark.exists() for mark in _CONTAINER_MARKS):
        return "docker run --gpus all …, on a host with its driver and nvidia-container-toolkit"
    if "Jetson" in gpus[0]:
        return "sudo apt install nvidia-jetpack"
    return "sudo ubuntu-drivers install (on Debian: sudo apt install nvidia-driver), then restart"


def _hardware() -> Iterator[Finding]:
    from dfs_core.runtime.probes import missing_cuda_device

    if gpus := hardware():
        yield Finding(TOPIC, "hardware", Mark.FINE, ", ".join(gpus))
    elif missing_cuda_device() is not None:  # else it is one that the kernel does not see, as under Windows
        yield Finding(TOPIC, "hardware", Mark.MISSING, "the kernel sees no NVIDIA GPU")


def _driver() -> Iterator[Finding]:
    from dfs_core.runtime.probes import missing_cuda_device

    reason = missing_cuda_device()
    if reason is not None:
        there = _library(_DRIVER)
        mark, cure = (Mark.BROKEN, "nvidia-smi") if there else (Mark.MISSING, driver_cure(hardware()))
        yield Finding(TOPIC, "driver", mark, reason.partition(";")[0], cure)
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
        others = [other for other in TENSORRT if other != name and find_spec(other) is not None]
        if others:
            yield Finding(TOPIC, name, Mark.MISSING, f"not installed; {others[0]} is, and one of them is enough")
        else:
            yield Finding(TOPIC, name, Mark.MISSING, "not installed", f"where there is a GPU: {TENSORRT[name]}")
        return
    version = ask("version", name)["version"]
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if name == "tensorrt" and numbers < _OLDEST_TENSORRT:
        words = f"{version}, older than {_OLDEST_TENSORRT[0]}.{_OLDEST_TENSORRT[1]}, the first that DFS can use"
        yield Finding(
            TOPIC, name, Mark.BROKEN, words, "pip install --upgrade tensorrt; on a Jetson: JetPack 6.1 or later"
        )
        return
    yield Finding(TOPIC, name, Mark.FINE, version)


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
