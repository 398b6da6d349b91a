"""TensorRT on a GPU equals ONNX Runtime on the processor; without a GPU the refusal says so and nothing crashes."""

import importlib.util

import numpy as np
import pytest

from dfs_core.errors import BackendError
from dfs_core.runtime import BACKENDS, load
from dfs_core.runtime.probes import missing_cuda_device, missing_tensorrt

from .measure import whole

NO_CUDA = missing_cuda_device()
UNUSABLE = NO_CUDA or missing_tensorrt()


def test_tensorrt_is_the_first_choice():
    assert BACKENDS[0] == "tensorrt"


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
def test_without_a_gpu_the_refusal_says_so(model_path):
    with pytest.raises(BackendError, match=r"backend tensorrt: .*NVIDIA driver"):
        load(model_path, "tensorrt")


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt_rtx is not installed")
def test_without_a_gpu_the_backend_itself_refuses_before_it_starts_tensorrts_runtime(model_path):
    from dfs_core import artifact
    from dfs_core.runtime.tensorrt import TensorRtDehazer

    with pytest.raises(BackendError, match="NVIDIA driver"):
        TensorRtDehazer(model_path, artifact.read(model_path), precision="fp32", threads=None)


@pytest.mark.gpu
@pytest.mark.skipif(UNUSABLE is not None, reason=str(UNUSABLE))
@pytest.mark.parametrize("size", [(1, 120, 192), (2, 97, 131), (1, 1, 1), (1, 1080, 1920)])
def test_tensorrt_equals_onnxruntime(size, model_path, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    frames = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    with load(model_path, "tensorrt") as tensorrt, whole(model_path) as onnxruntime:
        expected = onnxruntime(frames)
        for found in [tensorrt(frames) for _ in range(3)]:  # the first records a graph, the others launch it
            assert abs(found.dehazed.astype(int) - expected.dehazed).max() <= 1
            assert (found.mask == expected.mask).mean() >= 0.999
            np.testing.assert_allclose(found.fog_density, expected.fog_density, rtol=1e-3)
