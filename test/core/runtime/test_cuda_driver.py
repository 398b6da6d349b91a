"""Each call of CUDA's driver has the name, the parameters and the constants of NVIDIA's header."""

import ctypes
import re
from contextlib import nullcontext
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_ulonglong, c_void_p
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import pytest

from dfs_core.errors import BackendError
from dfs_core.runtime import cuda_driver
from dfs_core.runtime.cuda_driver import CONSTANTS, PROTOTYPES, CudaDevice
from dfs_core.runtime.probes import missing_cuda_device

from .simulated_driver import SimulatedDriver

NO_CUDA = missing_cuda_device()
KINDS = {
    **dict.fromkeys(("int", "CUdevice", "CUresult", "CUdevice_attribute", "CUstreamCaptureMode"), c_int),
    **dict.fromkeys(("CUcontext", "CUstream", "CUgraph", "CUgraphExec", "void*"), c_void_p),
    "unsigned int": c_uint,
    "unsigned long long": c_ulonglong,
    "size_t": c_size_t,
    "CUdeviceptr": c_uint64,
    "char*": c_char_p,
}
"""What ctypes has for the types of the header: enumerations are int, handles are pointers."""


def header() -> Path:
    try:
        found = [file for file in files("nvidia-cuda-runtime-cu12") or () if file.name == "cuda.h"]
    except PackageNotFoundError:
        pytest.skip("nvidia-cuda-runtime-cu12, which has cuda.h, is not installed")
    return Path(found[0].locate())


def kind(words: str) -> object:
    """Return ctypes' type of a parameter, without its name."""
    words = re.sub(r"\bconst\b", "", words)
    words = re.sub(r"\s*\*\s*", "*", " ".join(words.split()))
    return KINDS[words] if words in KINDS else POINTER(kind(words.removesuffix("*")))


def prototypes(text: str) -> dict[str, tuple[object, ...]]:
    """Return the parameters of what the library exports, of the functions that are called."""
    defined = re.findall(r"#\s*define (cu\w+)\s+(?:__CUDA_API_PTSZ\()?(cu\w+)", text)
    exported = dict(reversed(defined))  # the first of a name is the current one
    found: dict[str, tuple[object, ...]] = {}
    for name, parameters in re.findall(r"^CUresult CUDAAPI (cu\w+)\(([^)]*)\);", text, re.MULTILINE):
        if (symbol := exported.get(name, name)) in PROTOTYPES:
            found.setdefault(symbol, tuple(kind(re.sub(r"\w+$", "", part.strip())) for part in parameters.split(",")))
    return found


def test_prototypes_are_those_of_the_header():
    assert prototypes(header().read_text()) == PROTOTYPES


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_those_of_the_header(name):
    value = re.search(rf"\b{name}\s*=?\s*(0x[0-9a-f]+|\d+)", header().read_text())
    assert value is not None
    assert int(value[1], 0) == CONSTANTS[name]


def test_every_function_that_is_called_has_a_prototype():
    called = set(re.findall(r'"(cu[A-Z]\w+)"', Path(cuda_driver.__file__).read_text()))
    called |= set(re.findall(r"_driver\.(cu\w+)", Path(cuda_driver.__file__).read_text()))
    assert called == set(PROTOTYPES)


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
def test_without_a_gpu_there_is_no_device():
    with pytest.raises(BackendError, match="NVIDIA driver"):
        CudaDevice()


def test_driver_that_lacks_a_function_is_told_to_be_old(monkeypatch):
    monkeypatch.setattr(cuda_driver, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with pytest.raises(BackendError, match=r"the NVIDIA driver is older than CUDA 11\.4 .*; install a newer one"):
        CudaDevice()


def test_refusals_are_told_in_the_drivers_own_words(monkeypatch):
    monkeypatch.setattr(cuda_driver, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(cuda_driver, "open_driver", SimulatedDriver)
    device = CudaDevice()
    assert (device.name, device.compute_capability) == ("Simulated GPU", (8, 6))
    with pytest.raises(BackendError, match=r"^cuMemFree_v2: something else \(CUDA error 999\)$"):
        device.free(0)
    device.close()


def test_too_little_memory_is_told_with_its_size_and_cure(monkeypatch):
    monkeypatch.setattr(cuda_driver, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(cuda_driver, "open_driver", SimulatedDriver)
    device = CudaDevice()
    words = (
        r"^cuMemAlloc_v2: out of memory \(CUDA error 2\) for 2,000,000,000 bytes; give smaller .*, which `nvidia-smi`"
    )
    with pytest.raises(BackendError, match=words):
        device.allocate(2_000_000_000)
    device.close()


@pytest.mark.parametrize("refused", [set(), {"cuStreamDestroy_v2"}])
def test_closed_device_leaves_no_context_behind(refused, monkeypatch):
    driver = SimulatedDriver()
    driver.refuses = refused
    monkeypatch.setattr(cuda_driver, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(cuda_driver, "open_driver", lambda: driver)
    device, other = CudaDevice(), CudaDevice()
    for opened in (device, other):
        opened.make_current()
        with pytest.raises(BackendError) if refused else nullcontext():
            opened.close()
        assert not driver.is_current
    assert (driver.contexts, driver.faults) == (0, [])


@pytest.mark.gpu
@pytest.mark.skipif(NO_CUDA is not None, reason=str(NO_CUDA))
def test_what_goes_to_the_gpu_comes_back():
    device = CudaDevice()
    sent = np.random.default_rng(0).integers(0, 256, (33, 35, 3), np.uint8)
    received = np.zeros_like(sent)
    address = device.allocate(sent.nbytes)
    device.upload(sent, address)
    device.download(address, received)
    device.synchronize()
    device.free(address)
    device.close()
    np.testing.assert_array_equal(received, sent)
