"""A model file made into an engine, the same way for TensorRT (10.3 and later) and TensorRT for RTX.

The number format is the file's own: networks are strongly typed. Building needs no GPU with TensorRT for RTX;
TensorRT itself builds only for the GPU that it finds.
"""

import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from dfs_core.artifact import FRAMES
from dfs_core.engines.ending import can_be_ended
from dfs_core.engines.flavour import check_precision
from dfs_core.engines.messages import explain, message_log
from dfs_core.engines.model_file import ModelFile
from dfs_core.engines.profile import Profile
from dfs_core.engines.progress import OnProgress, progress_monitor
from dfs_core.engines.target import Target, set_target
from dfs_core.errors import BuildEndedError, EngineError

WORKSPACE_MB = 2048

_log = logging.getLogger(__name__)

_one_at_a_time = threading.Lock()


def build(
    model: ModelFile,
    profile: Profile,
    target: Target,
    *,
    tensorrt: ModuleType,
    tf32: bool = False,
    workspace_mb: int = WORKSPACE_MB,
    on_progress: OnProgress | None = None,
) -> bytes:
    """Return the engine of a model file as bytes.

    The builder works in a thread of its own, so that Ctrl-C reaches the caller at once, wherever the builder is; it
    then ends at its next step, and only then is the KeyboardInterrupt raised. `end_builds` ends it from elsewhere.

    Args:
        model: the model file.
        profile: what frames it shall take.
        target: what it shall run on, as `choose_target` gave it.
        tensorrt: the package that `import_tensorrt` gave.
        tf32: whether float32 may be computed with 10 bits of mantissa, faster but less exact.
        workspace_mb: how much memory one layer may use while it runs.
        on_progress: told how far the build is.

    Raises:
        BuildEndedError: it was ended.
        EngineError: the file cannot be read, the profile or the target do not suit it, or the build failed.
    """
    with can_be_ended() as cancelled, ThreadPoolExecutor(1, thread_name_prefix="engine-build") as threads:

        def go_on(step: str, share: float) -> bool:
            return not cancelled.is_set() and (on_progress is None or on_progress(step, share))

        engine = threads.submit(_build_and_let_go, model, profile, target, tensorrt, tf32, workspace_mb, go_on)
        try:
            return engine.result()
        except KeyboardInterrupt:
            cancelled.set()
            _log.warning("%s: the build of its engine ends at its next step, which may take a while", model.path)
            raise


def _build_and_let_go(*arguments: Any) -> bytes:
    """Do what `_build` does, and free all that it made of TensorRT's, also when it fails.

    Making and freeing a builder take one lock, and writing a message to Python does so while that is held. A builder
    that lived on in the traceback of an error would be freed by the garbage collector, maybe just then, and wait for
    ever; so would one that another thread frees.
    """
    with _one_at_a_time:
        try:
            return _build(*arguments)
        except Exception as error:
            traceback.clear_frames(error.__traceback__)
            raise


def _build(
    model: ModelFile,
    profile: Profile,
    target: Target,
    tensorrt: ModuleType,
    tf32: bool,
    workspace_mb: int,
    on_progress: OnProgress,
) -> bytes:
    check_precision(tensorrt, model.precision)
    name = f"{tensorrt.__name__} {tensorrt.__version__}"
    log = message_log(tensorrt)
    with log.collecting() as errors:
        builder = tensorrt.Builder(log)
        network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = tensorrt.OnnxParser(network, log)
        if not parser.parse(model.graph()) or network.num_outputs == 0:
            reasons = [f"{error.node_operator()}: {error.desc()}" for error in _errors(parser)]
            said = explain(reasons or errors or ["the file holds no graph that anything comes out of"])
            raise EngineError(f"{model.path}: {name} cannot read this graph: {said}")
        config = builder.create_builder_config()
        config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
        if not tf32:
            config.clear_flag(tensorrt.BuilderFlag.TF32)
        ranges = builder.create_optimization_profile()
        ranges.set_shape(FRAMES, *((*shape, 3) for shape in (profile.smallest, profile.usual, profile.largest)))
        if not ranges or config.add_optimization_profile(ranges) < 0:
            raise EngineError(f"{model.path}: {name} refuses {profile}: {explain(errors)}")
        set_target(tensorrt, config, target)
        monitor = config.progress_monitor = progress_monitor(tensorrt, on_progress)
        plan = builder.build_serialized_network(network, config)
        if monitor.failure is not None:
            raise monitor.failure
        if monitor.ended:
            raise BuildEndedError(f"{model.path}: the build of its engine was ended before it was whole")
        if plan is None:
            raise EngineError(f"{model.path}: {name} cannot build its engine for {target}: {explain(errors)}")
        return bytes(plan)


def _errors(parser: Any) -> list[Any]:
    return [parser.get_error(index) for index in range(parser.num_errors)]
