"""As much of CUDA's driver as a model needs: one GPU, a stream, memory on the device. Only `libcuda` must be there."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import BackendError
from dfs_core.runtime.probes import missing_cuda_device

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
_NAME_LENGTH = 256


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
        self._driver = ctypes.CDLL("libcuda.so.1")
        device, context, stream = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        name = ctypes.create_string_buffer(_NAME_LENGTH)
        self._call("cuDeviceGetName", name, ctypes.c_int(_NAME_LENGTH), device)
        self.name = name.value.decode()
        self.compute_capability = (
            self._attribute(_CAPABILITY_MAJOR, device),
            self._attribute(_CAPABILITY_MINOR, device),
        )
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._device, self._context = device, context
        self.make_current()
        self._call("cuStreamCreate", ctypes.byref(stream), ctypes.c_uint(0))
        self._stream = stream
        self.stream = int(stream.value or 0)

    def make_current(self) -> None:
        """Let the calling thread work on this device."""
        self._call("cuCtxSetCurrent", self._context)

    def synchronize(self) -> None:
        """Wait until all that was put on the stream is done."""
        self._call("cuStreamSynchronize", self._stream)

    def close(self) -> None:
        """Give stream and context back."""
        self.make_current()
        self._call("cuStreamDestroy_v2", self._stream)
        self._call("cuDevicePrimaryCtxRelease_v2", self._device)

    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the device."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self._call("cuMemFree_v2", ctypes.c_uint64(address))

    def upload(self, array: NDArray[Any], address: int) -> None:
        """Put a copy of a C-contiguous array to the device on the stream."""
        source = ctypes.c_void_p(array.ctypes.data)
        self._call(
            "cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), source, ctypes.c_size_t(array.nbytes), self._stream
        )

    def download(self, address: int, array: NDArray[Any]) -> None:
        """Put a copy from the device into a C-contiguous array on the stream; it is there after `synchronize`."""
        target = ctypes.c_void_p(array.ctypes.data)
        self._call(
            "cuMemcpyDtoHAsync_v2", target, ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes), self._stream
        )

    def _attribute(self, number: int, device: ctypes.c_int) -> int:
        value = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), device)
        return value.value

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._driver, name)(*arguments)
        if status != 0:
            words = ctypes.c_char_p()
            self._driver.cuGetErrorString(ctypes.c_int(status), ctypes.byref(words))
            raise BackendError(f"{name}: {(words.value or b'unknown error').decode()} (CUDA error {status})")


class DeviceMemory:
    """Memory on a device that grows when more is asked of it."""

    def __init__(self, device: CudaDevice) -> None:
        """Hold nothing yet."""
        self._device = device
        self._size = 0
        self._address = 0

    def at_least(self, size: int) -> int:
        """Return the address of at least `size` bytes; what was there before is lost when it has to grow."""
        if size > self._size:
            self.free()
            self._address = self._device.allocate(size)
            self._size = size
        return self._address

    def free(self) -> None:
        """Give the memory back."""
        if self._size:
            self._device.free(self._address)
            self._size = 0


def byte_size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many bytes an array takes."""
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
