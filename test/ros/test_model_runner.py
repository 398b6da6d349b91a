"""The model of a node is tried on frames that it takes, and what it waits for is ended with it."""

import threading
from contextlib import nullcontext
from types import SimpleNamespace

import onnx
import pytest

from dfs_core.engines.ending import can_be_ended
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.model_roots import ModelRoots
from dfs_ros.model_runner import ModelRunner


def runner_of(parameters):
    cameras = [SimpleNamespace(name="front", newest_kind=None)]
    roots = ModelRoots((), first_model=parameters.model)
    return ModelRunner(cameras, parameters=lambda: parameters, roots=roots)


def test_a_file_for_frames_of_one_size_alone_is_tried_on_these(model_path, tmp_path):
    model = onnx.load(model_path)
    for side, length in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 48, 64), strict=False):
        side.dim_value = length
    onnx.save(model, tmp_path / "fixed.onnx")
    runner = runner_of(DehazeParameters(model=str(tmp_path / "fixed.onnx"), backend="onnxruntime", threads=1))
    assert runner.start(wait_while=lambda: True).usual_frames == (1, 48, 64)
    assert runner.stop(10.0)


@pytest.mark.parametrize("gives_up", [True, False])
def test_the_build_of_an_engine_is_ended_with_the_runner(gives_up, model_path):
    """Whether its start is given up while the engine is built, or it is stopped while a successor's is."""
    runner = runner_of(DehazeParameters(model=str(model_path), backend="openvino", threads=1))
    with can_be_ended() as ended:
        if gives_up:
            asked = threading.Event()

            def build():
                asked.wait(10.0)
                return nullcontext()

            runner._worker._open_resource = build
            with pytest.raises(RuntimeError, match="interrupted while the model was being loaded"):
                runner.start(wait_while=lambda: False)
            asked.set()
        else:
            runner.start(wait_while=lambda: True)
            assert not ended.is_set()
            runner.stop(10.0)
        assert ended.is_set()
