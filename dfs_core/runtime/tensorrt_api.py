"""What running an engine uses of TensorRT and TensorRT for RTX, with types, since the packages have none.

A test holds every name to the real bindings of each version that is supported.
"""

from typing import Any, Protocol


class Context(Protocol):
    """`IExecutionContext`: an engine at one shape of its input."""

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """Return whether the engine takes an input of this shape."""

    def get_tensor_shape(self, name: str) -> Any:
        """Return the lengths of a tensor's sides, -1 where they are not known yet."""

    def set_tensor_address(self, name: str, memory: int) -> bool:
        """Say where on the device an input or output is."""

    def update_device_memory_size_for_shapes(self) -> int:
        """Return how many bytes of working memory this shape needs."""

    def set_device_memory(self, memory: int, size: int) -> None:
        """Give it that memory."""

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Put the network on a stream."""


class RuntimeCache(Protocol):
    """`IRuntimeCache`, of TensorRT for RTX: the kernels that it compiled for this GPU."""

    def serialize(self) -> Any:
        """Return it as a buffer."""

    def deserialize(self, blob: bytes) -> bool:
        """Return whether what `serialize` gave was of use here."""


class RuntimeConfig(Protocol):
    """`IRuntimeConfig`, as TensorRT for RTX has it."""

    cuda_graph_strategy: Any

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        """Say who owns working memory."""

    def create_runtime_cache(self) -> RuntimeCache:
        """Return an empty cache."""

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        """Let contexts use a cache."""


class Engine(Protocol):
    """`ICudaEngine`."""

    def create_execution_context(self, how: Any, /) -> Context | None:
        """Return a context, given an allocation strategy or a `RuntimeConfig`."""

    def create_runtime_config(self) -> RuntimeConfig:
        """Return a configuration for contexts."""

    def get_tensor_dtype(self, name: str) -> Any:
        """Return the type of an input or output."""


class Runtime(Protocol):
    """`Runtime`."""

    def deserialize_cuda_engine(self, serialized_engine: bytes, /) -> Engine | None:
        """Return an engine, or None when this is not one for this GPU and version."""
