"""What native libraries are asked, each in a process of its own; answers are what JSON can hold.

Here the libraries are imported for real: one that is installed but does not start says so in its own words.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

FRAME = (540, 960)
"""Height and width of the frame that the model is tried on."""


def answer(name: str, words: Sequence[str]) -> None:
    """Answer one question by a last line on stdout.

    Args:
        name: a function of `QUESTIONS`.
        words: its arguments.
    """
    from dfs_core.doctor.finding import words_of

    reply: Answer
    try:
        reply = {"answer": QUESTIONS[name](*words)}
    except Exception as error:  # noqa: BLE001 (the words go to the one who asked)
        reply = {"error": words_of(error)}
    sys.stdout.write(f"\n{json.dumps(reply)}\n")


def gpu() -> Answer:
    """Open the GPU that models run on."""
    from dfs_core.runtime.cuda_driver import CudaDevice

    device = CudaDevice()
    try:
        return {"name": device.name, "compute_capability": list(device.compute_capability)}
    finally:
        device.close()


def version(module: str) -> Answer:
    """Import a module."""
    return {"version": str(getattr(importlib.import_module(module), "__version__", "of unknown version"))}


def onnxruntime() -> Answer:
    """Start ONNX Runtime."""
    import onnxruntime as ort

    return {"version": ort.__version__, "providers": ort.get_available_providers()}


def openvino() -> Answer:
    """Start OpenVINO and look for its devices."""
    import openvino as ov

    core = ov.Core()
    devices = {
        device: {
            "name": core.get_property(device, "FULL_DEVICE_NAME").strip(),
            "capabilities": list(core.get_property(device, "OPTIMIZATION_CAPABILITIES")),
            "precision": core.get_property(device, "INFERENCE_PRECISION_HINT").get_type_name(),
        }
        for device in core.available_devices
    }
    return {"version": ov.get_version(), "devices": devices}


def numba() -> Answer:
    """Import the compiled kernels, or compile them if they never were."""
    import numba as compiler

    start = time.perf_counter()
    importlib.import_module("dfs_core.runtime.kernels")
    return {"version": compiler.__version__, "seconds": time.perf_counter() - start}


def ros() -> Answer:
    """Import ROS's Python and ask which middleware it takes."""
    rclpy = importlib.import_module("rclpy")
    utilities = importlib.import_module("rclpy.utilities")
    return {"path": str(Path(rclpy.__file__ or "").parent), "rmw": utilities.get_rmw_implementation_identifier()}


def frame(backend: str) -> Answer:
    """Load the shipped model on a backend and run a frame, twice: the first one waits for what is made for its size."""
    import numpy as np

    from dfs_core.errors import BackendError
    from dfs_core.runtime import load

    height, width = FRAME
    picture = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    ticks = [time.perf_counter()]
    with load(backend=backend) as dehazer:
        ticks.append(time.perf_counter())
        for _ in range(2):
            result = dehazer(picture)
            ticks.append(time.perf_counter())
    if result.dehazed is None or result.dehazed.shape != picture.shape or not np.isfinite(result.fog_density).all():
        raise BackendError(f"answered a frame of {list(picture.shape)} with something else: {result}")
    load_s, first_s, next_s = (after - before for before, after in pairwise(ticks))
    return {"precision": dehazer.precision, "load_s": load_s, "first_s": first_s, "next_s": next_s}


QUESTIONS: dict[str, Callable[..., Answer]] = {
    function.__name__: function for function in (frame, gpu, numba, onnxruntime, openvino, ros, version)
}
