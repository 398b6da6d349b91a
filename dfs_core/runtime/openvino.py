"""OpenVINO on the CPU: the network alone runs in it, frames are shrunk and restored by our own kernels.

A network is compiled for each size it meets, and for what is wanted of it: without a mask the segmenter is not even
part of the graph. It is kept on disk for the next start. A file without the contract's cut points runs whole.

Networks are compiled for one frame, and the frames of a batch go through one after the other: a processor takes as long
for four frames at once, and a network for each number of frames would have to be compiled while frames wait.
"""

import hashlib
import io
import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, LOW_RESOLUTION, MASK, RESTORATION, SCORES, Artifact
from dfs_core.errors import BackendError
from dfs_core.runtime.adjustment import Adjustment, adjust, check_adjustments
from dfs_core.runtime.channel_order import copy_frame, room_like, without_gaps
from dfs_core.runtime.dehazer import Batch, Dehazer, Frames, Result, check_frames, check_out
from dfs_core.runtime.frame_kernels import FrameKernels
from dfs_core.runtime.network_cache import NetworkCache
from dfs_core.runtime.row_pool import usable_processors

_KEPT_NETWORKS = 6
"""Compiled networks that are kept, the latest used; each is a size and a choice of outputs."""

_CUT_POINTS = (LOW_RESOLUTION, RESTORATION)
_CUTS = "cuts"
"""Under this is kept beside the networks what of the cut points is there, so that a start need not read the graph."""

_WHOLE, _CUT, _CUT_AT_SCORES = b"none", b"both", b"both, and scores"

_PRECISION_NAMES = {ov.Type.f32: "fp32", ov.Type.bf16: "bf16", ov.Type.f16: "fp16"}

_ADVICE = "To facilitate the conversion of unsupported operations"
"""A line so begun is for who writes extensions of OpenVINO."""

_logger = logging.getLogger(__name__)


class _Key(NamedTuple):
    """What a compiled network is good for."""

    input_shape: tuple[int, ...]
    outputs: tuple[str, ...]


@cache
def shared_core() -> ov.Core:
    """Return OpenVINO's entry point, one for the life of the process.

    Its CPU plugin gives the thread that loads it a stack of the plugin's own for signal handlers, and unmaps that stack
    when the plugin goes. Were the last reference dropped by another thread, the first thread's next signal (Ctrl-C, a
    child that ends) would find no stack, and the kernel would kill the process.
    """
    return ov.Core()


class OpenVinoDehazer(Dehazer):
    """A model on the CPU."""

    backend = "openvino"

    def __init__(self, path: Path, artifact: Artifact, *, precision: str, threads: int | None) -> None:
        """Learn whether the graph can be cut; nothing is compiled before the first frame or `warm_up`.

        Args:
            path: the model file.
            artifact: its description.
            precision: "fp32", or "auto" for what OpenVINO finds fastest here. Of a file in int8, it is the format of
                what is left in floating point.
            threads: processor threads; as many as there are processors if not given.

        Raises:
            BackendError: the file cannot be opened, or OpenVINO cannot read it.
        """
        self._core = shared_core()
        threads = threads or usable_processors()
        self._options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # two processes that pin their threads choose the same processors
        }
        if precision == "fp32":
            self._options["INFERENCE_PRECISION_HINT"] = ov.Type.f32
        else:
            precision = _PRECISION_NAMES[self._core.get_property("CPU", "INFERENCE_PRECISION_HINT")]
        super().__init__(artifact, precision="int8" if artifact.precision == "int8" else precision)
        self._path = path
        try:
            self._content = path.read_bytes()
        except OSError as error:
            raise BackendError(f"{path}: cannot be opened ({error.strerror})") from error
        self._cache = NetworkCache(self._facts())
        cuts = self._cuts()
        self._runs_whole = cuts == _WHOLE
        self._mask_name = SCORES if cuts == _CUT_AT_SCORES else MASK
        if self._runs_whole and not artifact.draws:
            _logger.warning(
                "%s: cannot be cut at float32 tensors '%s' and '%s', so the whole graph runs, which is slower; "
                "export it again with `dfs export`",
                path,
                *_CUT_POINTS,
            )
        self._networks: OrderedDict[_Key, ov.InferRequest] = OrderedDict()
        self.kernels = FrameKernels(threads)

    def __call__(
        self,
        frames: Batch,
        *,
        dehaze: bool = True,
        segment: bool = True,
        adjustments: Sequence[Adjustment] = (),
        out: Sequence[Frames] = (),
    ) -> Result:
        """Run the model on RGB frames of one size; the result is the caller's to keep.

        Raises:
            FrameError: `frames` are not uint8, or not of one size, or the adjustments are not as many, or `out` does
                not fit.
            BackendError: OpenVINO failed.
        """
        count, height, width = check_frames(frames)
        check_adjustments(adjustments, count)
        check_out(out, count, height, width)
        dehazed = room_like(frames[0], count) if dehaze and not out else None
        targets: Batch = out if dehazed is None else dehazed
        masks, densities = [], []
        for index, frame in enumerate(frames):
            whole, target = without_gaps(frame), targets[index] if dehaze else None
            if self._runs_whole:
                outputs = self._run_whole(whole, target, segment=segment)
            else:
                outputs = self._run_cut(whole, target, adjustments[index : index + 1], segment=segment)
            densities.append(outputs[FOG_DENSITY].copy())
            if segment:
                masks.append(outputs[MASK])
        if dehaze and self._runs_whole:
            self._blend(frames, targets, adjustments)
        return Result(dehazed, np.concatenate(masks) if segment else None, np.concatenate(densities))

    @property
    def steadies(self) -> bool:
        """Whether `Adjustment.steady` is heard: a file without the contract's cut points runs whole."""
        return not self._runs_whole

    def close(self) -> None:
        """Free the compiled networks and end the threads."""
        self._networks.clear()
        self.kernels.close()

    def _run_cut(
        self, frame: Frames, dehazed: Frames | None, adjustments: Sequence[Adjustment], *, segment: bool
    ) -> dict[str, NDArray[Any]]:
        """Run the network alone on one frame [H, W, 3], and write the frame without fog if there is a place for it."""
        height, width = self.artifact.network_size(*frame.shape[:2])
        masks = [self._mask_name] if segment else []
        wanted = (*([RESTORATION] if dehazed is not None else []), *masks, FOG_DENSITY)
        request = self._request(_Key((1, 3, height, width), wanted))
        self.kernels.shrink(frame[None], request.get_input_tensor().data)
        outputs = self._infer(request, wanted)
        if dehazed is not None:
            self.kernels.restore([frame], adjust(outputs[RESTORATION], adjustments), [dehazed])
        if SCORES in outputs:
            outputs[MASK] = self.kernels.label(outputs[SCORES], height, width)
        elif segment:
            outputs[MASK] = outputs[MASK].copy()
        return outputs

    def _run_whole(self, frame: Frames, dehazed: Frames | None, *, segment: bool) -> dict[str, NDArray[Any]]:
        """Run the whole graph on one frame."""
        wanted = (*([DEHAZED] if dehazed is not None else []), *([MASK] if segment else []), FOG_DENSITY)
        request = self._request(_Key((1, *frame.shape), wanted))
        request.get_input_tensor().data[0] = frame
        outputs = self._infer(request, wanted)
        if dehazed is not None:
            copy_frame(outputs[DEHAZED][0], dehazed)
        if segment:
            outputs[MASK] = outputs[MASK].copy()
        return outputs

    @cached_property
    def _model(self) -> ov.Model:
        """The graph of the file as it was when this was made, whatever lies in its place by now.

        Raises:
            BackendError: OpenVINO cannot read it.
        """
        content, self._content = self._content, b""  # the graph has it from here on
        try:
            return self._core.read_model(io.BytesIO(content))
        except RuntimeError as error:
            raise BackendError(f"{self._path}: OpenVINO cannot read this graph ({_first_line(error)})") from error

    def _cuts(self) -> bytes:
        """Return which cut points the graph has."""
        answer = self._cache.read(_CUTS)
        if answer not in {_WHOLE, _CUT, _CUT_AT_SCORES}:
            answer = _cuts(self._model)
            self._cache.write(_CUTS, answer)
        return answer

    def _request(self, key: _Key) -> ov.InferRequest:
        """Return what runs the network at that size, compiled now if it has to be."""
        if key in self._networks:
            self._networks.move_to_end(key)
            return self._networks[key]
        try:
            request = (self._kept(key) or self._compiled(key)).create_infer_request()
        except RuntimeError as error:
            raise BackendError(
                f"{self._path}: OpenVINO cannot compile it for an input of {list(key.input_shape)} "
                f"({_first_line(error)}); try `backend=onnxruntime`"
            ) from error
        self._networks[key] = request
        if len(self._networks) > _KEPT_NETWORKS:
            self._networks.popitem(last=False)
        return request

    def _kept(self, key: _Key) -> ov.CompiledModel | None:
        """Return a network that an earlier start has compiled, if it is kept and can be read."""
        blob = self._cache.read(str(key))
        if blob is None:
            return None
        try:
            return self._core.import_model(blob, "CPU", self._options)
        except RuntimeError as error:
            _logger.info("%s: a kept network cannot be read (%s); compiling it again", self._path, _first_line(error))
            return None

    def _compiled(self, key: _Key) -> ov.CompiledModel:
        network = _cut(self._model, FRAMES if self._runs_whole else LOW_RESOLUTION, key)
        compiled = self._core.compile_model(network, "CPU", self._options)
        exported = io.BytesIO()
        compiled.export_model(exported)
        self._cache.write(str(key), exported.getvalue())
        return compiled

    def _facts(self) -> dict[str, str]:
        """Return all that a compiled network depends on, but for its size and outputs."""
        return {
            "model": hashlib.sha256(self._content).hexdigest(),
            "openvino": ov.get_version(),
            "processor": str(self._core.get_property("CPU", "FULL_DEVICE_NAME")),
            "capabilities": str(sorted(self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))),
            "options": str(sorted((name, str(value)) for name, value in self._options.items())),
        }

    def _infer(self, request: ov.InferRequest, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name; they stay the request's and are overwritten by its next run."""
        try:
            request.infer()
        except RuntimeError as error:
            raise BackendError(f"{self._path}: OpenVINO failed ({_first_line(error)})") from error
        return {name: request.get_output_tensor(index).data for index, name in enumerate(names)}


def _cuts(model: ov.Model) -> bytes:
    """Return whether all that is behind `low_resolution` and before `restoration` and `scores` can run by itself."""
    tensors = _tensors(model)
    floats = {
        name for name in (*_CUT_POINTS, SCORES) if name in tensors and tensors[name].get_element_type() == ov.Type.f32
    }
    if not floats.issuperset(_CUT_POINTS):
        return _WHOLE
    try:
        _cut(model, LOW_RESOLUTION, _Key((-1, 3, -1, -1), (RESTORATION, MASK, FOG_DENSITY)))
    except RuntimeError:  # something behind the cut looks at the frames themselves
        return _WHOLE
    return _CUT_AT_SCORES if SCORES in floats else _CUT


def _cut(model: ov.Model, input_name: str, key: _Key) -> ov.Model:
    """Return the part of a model that leads from one tensor to others, for one size of input."""
    tensors = _tensors(model.clone())
    source = tensors[input_name]
    parameter = opset13.parameter(key.input_shape, source.get_element_type(), input_name)
    for consumer in source.get_target_inputs():
        consumer.replace_source_output(parameter.output(0))
    part = ov.Model([opset13.result(tensors[name]) for name in key.outputs], [parameter], input_name)
    part.validate_nodes_and_infer_types()
    return part


def _tensors(model: ov.Model) -> dict[str, Any]:
    """Return what the nodes of a model give, by name."""
    return {
        name: output
        for node in model.get_ordered_ops()
        if node.get_type_name() != "Result"
        for output in node.outputs()
        for name in output.get_names()
    }


def _first_line(error: Exception) -> str:
    """Return what a user can read of one of OpenVINO's long messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(_ADVICE)]
    return lines[-1] if lines else type(error).__name__
