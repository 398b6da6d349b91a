"""As much of CUDA's driver as a model needs, by ctypes: one GPU, a stream, memory on the device, graphs.

Why not torch or cuda-python, which both own device memory well: torch is a download of gigabytes that no vehicle needs
to run a model, and cuda-python must match the CUDA version of the driver and is not part of JetPack. `libcuda.so.1` is
there wherever TensorRT can run, and the functions below have been in it, unchanged, since CUDA 11.4. Their prototypes
stand in `PROTOTYPES`, and a test holds them to NVIDIA's own `cuda.h`.

Whoever calls these functions from a thread for the first time calls `CudaDevice.make_current` there.
"""

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_ulonglong, c_void_p
from typing import Any

from numpy.typing import NDArray

from dfs_core.errors import BackendError
from dfs_core.runtime.probes import missing_cuda_device

Handle = POINTER(c_void_p)

PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (Handle, c_int),
    "cuDevicePrimaryCtxRelease_v2": (c_int,),
    "cuCtxSetCurrent": (c_void_p,),
    "cuStreamCreate": (Handle, c_uint),
    "cuStreamDestroy_v2": (c_void_p,),
    "cuStreamSynchronize": (c_void_p,),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, Handle),
    "cuGraphInstantiateWithFlags": (Handle, c_void_p, c_ulonglong),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphExecDestroy": (c_void_p,),
    "cuGraphDestroy": (c_void_p,),
    "cuMemGetInfo_v2": (POINTER(c_size_t), POINTER(c_size_t)),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemHostRegister_v2": (c_void_p, c_size_t, c_uint),
    "cuMemHostUnregister": (c_void_p,),
    "cuMemcpyHtoDAsync_v2": (c_uint64, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_uint64, c_size_t, c_void_p),
}
"""Parameters of each function that is called, by the name that the library exports; all return a CUresult."""

CONSTANTS = {
    "CUDA_ERROR_OUT_OF_MEMORY": 2,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR": 75,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR": 76,
    "CU_STREAM_NON_BLOCKING": 1,
    "CU_STREAM_CAPTURE_MODE_THREAD_LOCAL": 1,
    "CU_MEMHOSTREGISTER_PORTABLE": 1,
}
"""Values of `cuda.h`, by its names."""

_NAME_LENGTH = 256

_MORE_MEMORY = "give smaller frames, use fewer cameras, or end what else uses the GPU, which `nvidia-smi` lists"


def open_driver() -> Any:
    """Return the driver's library, with the prototypes of what is called."""
    driver = ctypes.CDLL("libcuda.so.1")
    for name, parameters in PROTOTYPES.items():
        function = getattr(driver, name)
        function.argtypes, function.restype = parameters, c_int
    return driver


class CudaDevice:
    """The first GPU that CUDA_VISIBLE_DEVICES leaves, in its primary context, with one stream.

    Attributes:
        name: of the GPU.
        compute_capability: such as (8, 6).
        stream: handle of the stream.
    """

    def __init__(self) -> None:
        """Open the device.

        Raises:
            BackendError: there is no driver or no GPU, or it refuses.
        """
        if (reason := missing_cuda_device()) is not None:
            raise BackendError(reason)
        try:
            self._driver = open_driver()
        except (OSError, AttributeError) as error:
            raise BackendError(f"the NVIDIA driver is older than CUDA 11.4 ({error}); install a newer one") from error
        device = c_int()
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._device = device.value
        name = ctypes.create_string_buffer(_NAME_LENGTH)
        self._call("cuDeviceGetName", name, _NAME_LENGTH, self._device)
        self.name = name.value.decode()
        self.compute_capability = (
            self._attribute("CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR"),
            self._attribute("CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR"),
        )
        self._context = self._handle("cuDevicePrimaryCtxRetain", self._device)
        self._open = True
        self.make_current()
        self.stream = self._handle("cuStreamCreate", CONSTANTS["CU_STREAM_NON_BLOCKING"])

    def make_current(self) -> None:
        """Let the calling thread work on this device."""
        self._call("cuCtxSetCurrent", self._context)

    def synchronize(self) -> None:
        """Wait until all that was put on the stream is done."""
        self._call("cuStreamSynchronize", self.stream)

    def close(self) -> None:
        """Give stream and context back, once; the calling thread is then without a context."""
        if not self._open:
            return
        self._open = False
        self.make_current()
        try:
            self._call("cuStreamDestroy_v2", self.stream)
        finally:
            self._call("cuCtxSetCurrent", None)
            self._call("cuDevicePrimaryCtxRelease_v2", self._device)

    def free_memory(self) -> int:
        """Return how many bytes on the device nobody uses."""
        free, whole = c_size_t(), c_size_t()
        self._call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(whole))
        return free.value

    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the device; CUDA aligns it to 256 bytes at least."""
        address = c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), size, of=f" for {size:,} bytes")
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self._call("cuMemFree_v2", address)

    def pin(self, array: NDArray[Any]) -> None:
        """Keep the pages of an array in memory and let the device read and write them without a copy in between."""
        self._call("cuMemHostRegister_v2", array.ctypes.data, array.nbytes, CONSTANTS["CU_MEMHOSTREGISTER_PORTABLE"])

    def unpin(self, array: NDArray[Any]) -> None:
        """Undo `pin`; the array stays what it is."""
        self._call("cuMemHostUnregister", array.ctypes.data)

    def upload(self, array: NDArray[Any], address: int) -> None:
        """Put a copy of a C-contiguous array to the device on the stream."""
        self._call("cuMemcpyHtoDAsync_v2", address, array.ctypes.data, array.nbytes, self.stream)

    def download(self, address: int, array: NDArray[Any]) -> None:
        """Put a copy from the device into a C-contiguous array on the stream; it is there after `synchronize`."""
        self._call("cuMemcpyDtoHAsync_v2", array.ctypes.data, address, array.nbytes, self.stream)

    def begin_capture(self) -> None:
        """Record what is put on the stream from now on, by this thread, instead of doing it."""
        self._call("cuStreamBeginCapture_v2", self.stream, CONSTANTS["CU_STREAM_CAPTURE_MODE_THREAD_LOCAL"])

    def end_capture(self) -> int:
        """Return what was recorded, as a graph that can be launched; the stream works again in any case.

        Raises:
            BackendError: something that was put on the stream cannot be recorded.
        """
        recorded = self._handle("cuStreamEndCapture", self.stream, handle_last=True)
        try:
            return self._handle("cuGraphInstantiateWithFlags", recorded, 0)
        finally:
            self._call("cuGraphDestroy", recorded)

    def launch(self, graph: int) -> None:
        """Put all of a graph on the stream at once."""
        self._call("cuGraphLaunch", graph, self.stream)

    def destroy_graph(self, graph: int) -> None:
        """Forget a graph."""
        self._call("cuGraphExecDestroy", graph)

    def _attribute(self, name: str) -> int:
        value = c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), CONSTANTS[name], self._device)
        return value.value

    def _handle(self, name: str, *arguments: Any, handle_last: bool = False) -> int:
        """Return the handle that a function gives by its first, or its last, parameter."""
        handle = c_void_p()
        place = ctypes.byref(handle)
        self._call(name, *((*arguments, place) if handle_last else (place, *arguments)))
        if handle.value is None:
            raise BackendError(f"{name} gave nothing")
        return handle.value

    def _call(self, name: str, *arguments: Any, of: str = "") -> None:
        status = getattr(self._driver, name)(*arguments)
        if status == 0:
            return
        words = c_char_p()
        self._driver.cuGetErrorString(status, ctypes.byref(words))
        told = f"{name}: {(words.value or b'unknown error').decode()} (CUDA error {status}){of}"
        raise BackendError(f"{told}; {_MORE_MEMORY}" if status == CONSTANTS["CUDA_ERROR_OUT_OF_MEMORY"] else told)
