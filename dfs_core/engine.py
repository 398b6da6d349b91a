"""A model file made into a TensorRT engine, the same way for TensorRT (10.3 and later) and TensorRT for RTX.

The number format is the file's own: networks are strongly typed. Building needs no GPU with TensorRT for RTX when the
GPU's compute capability is named; TensorRT itself builds only for the GPU that it finds.
"""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dfs_core.artifact import FRAMES
from dfs_core.errors import BackendError

FLAVOURS = ("tensorrt", "tensorrt_rtx")
"""The two packages that build and run engines; the first that is installed is taken."""

OnProgress = Callable[[str, int, int], bool]
"""Called with the name of a phase, the steps that are done and those that there are; returning False ends the build."""


@dataclass(frozen=True)
class Profile:
    """The frames that an engine takes, each as (N, H, W); it is fastest at the usual size."""

    smallest: tuple[int, int, int] = (1, 1, 1)
    usual: tuple[int, int, int] = (1, 1080, 1920)
    largest: tuple[int, int, int] = (1, 2160, 3840)

    def holds(self, shape: tuple[int, int, int]) -> bool:
        """Return whether frames of (N, H, W) are within the range."""
        pairs = zip(self.smallest, shape, self.largest, strict=True)
        return all(least <= length <= most for least, length, most in pairs)


def import_tensorrt(flavour: str | None = None) -> ModuleType:
    """Return the package that builds and runs engines.

    Args:
        flavour: one of `FLAVOURS`; the first that is installed if not given.

    Raises:
        BackendError: it is not installed, or does not start.
    """
    wanted = FLAVOURS if flavour is None else (flavour,)
    installed = [name for name in wanted if importlib.util.find_spec(name) is not None]
    if not installed:
        raise BackendError(
            f"{' and '.join(wanted)} not installed; run `pip install tensorrt` or `pip install tensorrt-rtx-cu12`"
        )
    try:
        return importlib.import_module(installed[0])
    except (ImportError, OSError) as error:
        raise BackendError(
            f"{installed[0]} does not start ({error}); install it again for this machine's CUDA"
        ) from error


def build(
    path: Path,
    profile: Profile,
    *,
    tensorrt: ModuleType,
    tf32: bool = False,
    compute_capability: tuple[int, int] | None = None,
    workspace_mb: int = 2048,
    on_progress: OnProgress | None = None,
) -> bytes:
    """Return the engine of a model file as bytes.

    Args:
        path: the model file.
        profile: what frames it shall take.
        tensorrt: the package that `import_tensorrt` gave.
        tf32: whether float32 may be computed with 10 bits of mantissa, faster but less exact.
        compute_capability: of the GPU that it shall run on, such as (8, 6); the one in this machine if not given.
        workspace_mb: how much memory one layer may use while it runs.
        on_progress: told how far the build is.

    Raises:
        BackendError: the file cannot be read, the profile or the GPU do not suit it, or the build failed or was ended.
    """
    log = _message_log(tensorrt)
    builder = tensorrt.Builder(log)
    network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, log)
    if not parser.parse_from_file(str(path)) or network.num_outputs == 0:
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        reasons = [f"{error.node_operator()}: {error.desc()}" for error in errors]
        raise BackendError(f"{path}: {tensorrt.__name__} cannot read this graph ({_first(reasons + log.errors)})")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
    if not tf32:
        config.clear_flag(tensorrt.BuilderFlag.TF32)
    _set_profile(builder, config, profile)
    if compute_capability is not None:
        _set_target(tensorrt, config, compute_capability)
    monitor = None
    if on_progress is not None:
        monitor = config.progress_monitor = _progress_monitor(tensorrt, on_progress)
    plan = builder.build_serialized_network(network, config)
    if monitor is not None and monitor.ended:
        raise BackendError(f"{path}: the build of its engine was ended before it was whole")
    if plan is None:
        raise BackendError(f"{path}: {tensorrt.__name__} cannot build its engine ({_first(log.errors)})")
    return bytes(plan)


def _set_profile(builder: Any, config: Any, profile: Profile) -> None:
    sizes = (profile.smallest, profile.usual, profile.largest)
    ranges = builder.create_optimization_profile()
    ranges.set_shape(FRAMES, *((*size, 3) for size in sizes))
    in_order = all(least <= usual <= most for least, usual, most in zip(*sizes, strict=True))
    if not in_order or not ranges or config.add_optimization_profile(ranges) < 0:
        raise BackendError(
            f"an engine takes frames [N, H, W] from the smallest over the usual to the largest, not "
            f"{profile.smallest}, {profile.usual}, {profile.largest}"
        )


def _set_target(tensorrt: ModuleType, config: Any, compute_capability: tuple[int, int]) -> None:
    name = "SM{}{}".format(*compute_capability)
    known = getattr(tensorrt, "ComputeCapability", None)
    if known is None:
        raise BackendError(f"{tensorrt.__name__} builds for the GPU in this machine only, not for {name}")
    targets = {target: value for target, value in known.__members__.items() if target.startswith("SM")}
    if name not in targets:
        raise BackendError(f"{tensorrt.__name__} does not build for {name}, only for {', '.join(sorted(targets))}")
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(targets[name], 0):
        raise BackendError(f"{tensorrt.__name__} refuses to build for {name}")


def _message_log(tensorrt: ModuleType) -> Any:
    """Return a logger that keeps errors; good builds have some too, so that they count only when one has failed."""

    class MessageLog(tensorrt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            tensorrt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in {tensorrt.ILogger.Severity.ERROR, tensorrt.ILogger.Severity.INTERNAL_ERROR}:
                self.errors.append(message)

    return MessageLog()


def _progress_monitor(tensorrt: ModuleType, on_progress: OnProgress) -> Any:
    """Return what TensorRT tells of its phases, which lie in one another."""

    class ProgressMonitor(tensorrt.IProgressMonitor):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            tensorrt.IProgressMonitor.__init__(self)
            self.ended = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            del parent_phase
            self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            if not on_progress(phase_name, step + 1, self._steps[phase_name]):
                self.ended = True
            return not self.ended

        def phase_finish(self, phase_name: str) -> None:
            del self._steps[phase_name]

    return ProgressMonitor()


def _first(messages: list[str]) -> str:
    return messages[0].strip().splitlines()[0] if messages else "it does not say why"
