"""What ONNX Runtime is asked for on a GPU, and that it does not leave it in silence."""

import onnxruntime as ort
import pytest

from dfs_core import artifact
from dfs_core.errors import BackendError
from dfs_core.runtime.onnxruntime import OnnxRuntimeCudaDehazer

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.fixture
def start(model_path, monkeypatch):
    """Start the backend as if ONNX Runtime had been built with CUDA."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    return lambda precision: OnnxRuntimeCudaDehazer(
        model_path, artifact.read(model_path), precision=precision, threads=None
    )


@pytest.mark.parametrize(("precision", "tf32"), [("fp32", "0"), ("auto", "1")])
def test_float32_is_rounded_to_tf32_only_where_that_is_allowed(precision, tf32, start, monkeypatch):
    asked = []

    class Session:
        def __init__(self, *_, providers):
            asked.append(providers)

        def get_providers(self):
            return [CUDA, CPU]

    monkeypatch.setattr(ort, "InferenceSession", Session)
    start(precision)
    assert asked == [[(CUDA, {"use_tf32": tf32}), CPU]]


@pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="this ONNX Runtime has CUDA")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_falling_back_to_the_processor_is_an_error_that_names_the_cure(start):
    words = (
        rf"^backend onnxruntime-cuda: ONNX Runtime fell back to {CPU} instead of {CUDA}; .*onnxruntime-gpu\[cuda,cudnn"
    )
    with pytest.raises(BackendError, match=words):
        start("fp32")
