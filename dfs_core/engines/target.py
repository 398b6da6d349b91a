"""What an engine is built for: one GPU, some kinds of GPUs, or whatever TensorRT for RTX makes portable engines for."""

import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from dfs_core.errors import EngineError

ComputeCapability = tuple[int, int]
"""Such as (8, 6), which NVIDIA calls SM86."""

PORTABLE_FROM: ComputeCapability = (8, 0)
"""TensorRT for RTX says that an engine without a target runs on these GPUs and later ones."""


class Gpu(NamedTuple):
    """A GPU that is there."""

    name: str
    compute_capability: ComputeCapability


@dataclass(frozen=True)
class Target:
    """What an engine runs on.

    Attributes:
        gpu: name of the only GPU; empty when it was built ahead of time.
        compute_capabilities: that of the GPU, or those that were asked for; none for a portable engine.
    """

    gpu: str = ""
    compute_capabilities: tuple[ComputeCapability, ...] = ()

    def runs_on(self, gpu: Gpu) -> bool:
        """Return whether the engine may be loaded there."""
        if self.gpu and self.gpu != gpu.name:
            return False
        if not self.compute_capabilities:
            return gpu.compute_capability >= PORTABLE_FROM
        return gpu.compute_capability in self.compute_capabilities

    def __str__(self) -> str:
        kinds = ", ".join(map(_name, self.compute_capabilities)).lower() or f"{_name(PORTABLE_FROM).lower()} and later"
        return f"{self.gpu} ({kinds})" if self.gpu else kinds


def parse_targets(words: str) -> tuple[ComputeCapability, ...]:
    """Return the compute capabilities of a list such as "sm86,sm120", in order and each once.

    Raises:
        EngineError: it is not such a list.
    """
    found = [re.fullmatch(r"(?:sm)?(\d+)(\d)", word.strip(), re.IGNORECASE) for word in words.split(",")]
    kinds = {(int(match[1]), int(match[2])) for match in found if match is not None}
    if None in found:
        raise EngineError(f"targets are compute capabilities such as sm86,sm89, not '{words}'; see `nvidia-smi`")
    return tuple(sorted(kinds))


def choose_target(
    tensorrt: ModuleType, gpu: Gpu | None, asked: tuple[ComputeCapability, ...] = (), *, no_gpu: str = "no GPU"
) -> Target:
    """Return what an engine is to be built for.

    Args:
        tensorrt: the package that will build it.
        gpu: the one in this machine.
        asked: the compute capabilities that were asked for; the GPU here, else a portable engine, if none were.
        no_gpu: why there is no GPU, for the message.

    Raises:
        EngineError: the package does not build for that.
    """
    known = _known(tensorrt)
    if asked:
        if not known:
            raise EngineError(
                f"{tensorrt.__name__} builds for the GPU in this machine only, not for {_names(asked)}; "
                "`pip install tensorrt-rtx-cu12` builds ahead of time"
            )
        if unknown := [kind for kind in asked if _name(kind) not in known]:
            raise EngineError(f"{tensorrt.__name__} does not build for {_names(unknown)}, only for {', '.join(known)}")
        return Target("", asked)
    if gpu is None:
        if not known:
            raise EngineError(
                f"{tensorrt.__name__} builds for the GPU in this machine only, and there is none ({no_gpu}); "
                "`pip install tensorrt-rtx-cu12` builds without one"
            )
        return Target()
    if known and _name(gpu.compute_capability) not in known:
        return Target()
    return Target(gpu.name, (gpu.compute_capability,))


def set_target(tensorrt: ModuleType, config: Any, target: Target) -> None:
    """Let a builder's configuration build for a target that `choose_target` gave.

    Raises:
        EngineError: it refuses.
    """
    known = _known(tensorrt)
    if not known:  # it takes the GPU that it finds
        return
    if target.compute_capabilities:
        config.num_compute_capabilities = len(target.compute_capabilities)
    for index, kind in enumerate(target.compute_capabilities):
        if _name(kind) not in known or not config.set_compute_capability(known[_name(kind)], index):
            raise EngineError(f"{tensorrt.__name__} refuses to build for {_name(kind)}")


def _known(tensorrt: ModuleType) -> dict[str, Any]:
    """Return what can be built for ahead of time, by name; nothing with TensorRT itself."""
    kinds = getattr(tensorrt, "ComputeCapability", None)
    members = {} if kinds is None else kinds.__members__
    return {name: value for name, value in members.items() if name.startswith("SM")}


def _names(kinds: "tuple[ComputeCapability, ...] | list[ComputeCapability]") -> str:
    return ", ".join(map(_name, kinds))


def _name(kind: ComputeCapability) -> str:
    return "SM{}{}".format(*kind)
