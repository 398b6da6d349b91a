"""Which backend runs, what is said of it, and what is said of files that are not models."""

import gc
import logging
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from dfs_core import artifact
from dfs_core.errors import ArtifactError, BackendError, BuildEndedError
from dfs_core.runtime import BACKENDS, Dehazer, load, loading
from dfs_core.runtime.loading import SHIPPED_MODEL, model_file, unusable
from dfs_core.runtime.probes import missing_cuda_device, missing_packages

NO_CUDA = missing_cuda_device()


def test_openvino_is_preferred_to_onnxruntime_on_a_processor():
    assert BACKENDS.index("onnxruntime-cuda") < BACKENDS.index("openvino") < BACKENDS.index("onnxruntime")


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU, so another backend is chosen")
def test_auto_logs_one_line_that_says_what_runs_and_why_not_the_better_ones(model_path, caplog):
    caplog.set_level(logging.INFO, "dfs_core.runtime.loading")
    with load(model_path) as dehazer:
        assert dehazer.backend == "openvino"
    (record,) = caplog.records
    expected = f"running test_model on openvino in fp32; not on tensorrt and onnxruntime-cuda: {NO_CUDA}"
    assert (record.levelname, record.getMessage()) == ("INFO", expected)


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU that could be used")
def test_a_gpu_that_is_not_used_is_a_warning(model_path, caplog, monkeypatch):
    monkeypatch.setattr(loading, "missing_cuda_device", lambda: None)  # there is one, as far as the choice knows
    with load(model_path) as dehazer:
        assert dehazer.backend == "openvino"
    (record,) = (record for record in caplog.records if record.name == loading.__name__)
    assert record.levelname == "WARNING"
    assert "; not on tensorrt: " in record.getMessage()
    assert "onnxruntime-cuda: this ONNX Runtime only has " in record.getMessage()


@pytest.mark.parametrize(("chosen", "warnings"), [("openvino", 0), ("onnxruntime", 1)])
def test_a_file_for_tensorrt_runs_on_processors_and_is_warned_of_where_it_is_slow(
    chosen, warnings, model, model_path, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(loading, "BACKENDS", (chosen,))
    description = replace(artifact.read(model_path), precision="int8", quantized_for="tensorrt")
    helper.set_model_props(model, description.to_metadata())
    onnx.save(model, tmp_path / "gpu.onnx")
    with load(tmp_path / "gpu.onnx") as dehazer:
        assert dehazer.backend == chosen
    found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert ["gpu.onnx was quantised for TensorRT; ONNX Runtime computes" in words for words in found] == [
        True
    ] * warnings


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_speaks_against_a_backend_is_what_its_start_says(backend, model_path):
    reason = unusable(backend)
    if reason is None:
        load(model_path, backend).close()
    else:
        with pytest.raises(BackendError) as refusal:
            load(model_path, backend)
        assert str(refusal.value) == f"backend {backend}: {reason}"


class Surprise:
    """A backend whose vendor's package lacks something."""

    def __init__(self, *_, **__):
        raise AttributeError("module 'tensorrt' has no attribute 'STRONGLY_TYPED'")


@pytest.fixture
def surprise(monkeypatch):
    """Let TensorRT be there, and fail in a way that nobody thought of."""
    monkeypatch.setitem(loading._BACKENDS, "tensorrt", loading._Backend("dehazer", "Surprise", lambda: None))
    monkeypatch.setattr("dfs_core.runtime.dehazer.Surprise", Surprise, raising=False)


def test_whatever_a_gpus_package_raises_is_a_refusal(surprise, model_path):
    with pytest.raises(BackendError, match=r"tensorrt: does not start \(AttributeError: .*STRONGLY.*`dfs doctor`"):
        load(model_path, "tensorrt")
    with load(model_path) as dehazer:
        assert dehazer.backend in {"onnxruntime-cuda", "openvino"}


def test_an_ended_build_is_not_answered_with_another_backend(surprise, model_path, monkeypatch):
    def ended(*_, **__):
        raise BuildEndedError("the build of its engine was ended")

    monkeypatch.setattr(Surprise, "__init__", ended)
    with pytest.raises(BuildEndedError):
        load(model_path)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_the_usual_frames_of_a_file_with_fixed_sides_are_its_own(backend, model, model_path, tmp_path):
    with load(model_path, backend) as dehazer:
        assert dehazer.usual_frames == (1, 540, 960)
    for side, length in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 48, 64), strict=False):
        side.dim_value = length
    onnx.save(model, tmp_path / "fixed.onnx")
    with load(tmp_path / "fixed.onnx", backend) as dehazer:
        count, height, width = dehazer.usual_frames
        assert dehazer(np.zeros((count, height, width, 3), np.uint8)).dehazed.shape == (count, height, width, 3)
    assert backend != "onnxruntime" or (count, height, width) == (1, 48, 64)


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_afterwards_as_before(enabled, model_path):
    (gc.enable if enabled else gc.disable)()
    try:
        load(model_path, "openvino").close()
        with pytest.raises(ArtifactError):
            load("no_such_model.onnx")
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_named_backend_is_that_backend(backend, model_path):
    with load(model_path, backend, precision="fp32", threads=1) as dehazer:
        assert isinstance(dehazer, Dehazer)
        assert (dehazer.backend, dehazer.precision) == (backend, "fp32")
        assert dehazer.artifact.name == "test_model"


def test_automatic_precision_says_what_it_became(model_path):
    with load(model_path, "openvino", precision="auto") as dehazer:
        assert dehazer.precision in {"fp32", "bf16", "fp16"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "cuda"}, r"no backend is called 'cuda'; choose auto, .*openvino, onnxruntime"),
        ({"precision": "int4"}, r"precision must be one of fp32, auto, not 'int4'"),
        ({"threads": 0}, r"threads must be at least 1, not 0"),
    ],
)
def test_options_without_sense_are_refused(options, words, model_path):
    with pytest.raises(BackendError, match=words):
        load(model_path, **options)


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
def test_cuda_without_a_gpu_is_refused(model_path):
    with pytest.raises(BackendError, match=r"backend onnxruntime-cuda: .*NVIDIA driver"):
        load(model_path, "onnxruntime-cuda")


@pytest.mark.gpu
@pytest.mark.skipif(NO_CUDA is not None, reason=str(NO_CUDA))
def test_cuda_runs_on_the_gpu_or_says_why_not(model_path):
    try:
        dehazer = load(model_path, "onnxruntime-cuda")
    except BackendError as error:
        assert "onnxruntime-gpu" in str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert dehazer.backend == "onnxruntime-cuda"


def test_a_missing_package_is_named_with_what_installs_it():
    assert missing_packages("json", extra="cpu") is None
    assert missing_packages("json", "no_such_package", extra="cpu") == (
        "no_such_package not installed; run `pip install 'dfs_ros[cpu]'`"
    )


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("dfs_fast", SHIPPED_MODEL),
        ("no_such_model", Path("no_such_model")),
        ("dfs_fast.onnx", Path("dfs_fast.onnx")),
        ("some/dfs_fast", Path("some/dfs_fast")),
        ("../weights/dfs_fast", Path("../weights/dfs_fast")),
    ],
)
def test_shipped_models_have_names(named, found):
    assert model_file(named) == found


def test_file_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dfs_fast").touch()
    assert model_file("dfs_fast") == Path("dfs_fast")


@pytest.mark.skipif(SHIPPED_MODEL.exists(), reason="the shipped model is there")
def test_without_the_shipped_model_the_error_names_its_place():
    with pytest.raises(ArtifactError, match=r"dfs_fast\.onnx: cannot be opened \(No such file or directory\)"):
        load()


@pytest.mark.parametrize("content", [b"", b"not a model at all", bytes(range(256)) * 40])
def test_what_is_not_a_model_is_refused(content, tmp_path):
    path = tmp_path / "some.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"some\.onnx: (not an ONNX file|no 'dfs\.classes')"):
        load(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_model_is_refused(share, model_path, tmp_path):
    whole = model_path.read_bytes()
    path = tmp_path / "half.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ArtifactError, match=r"half\.onnx: "):
        load(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"cannot be opened \(Is a directory\)"):
        load(tmp_path)


def test_a_model_of_someone_else_is_refused(model, tmp_path):
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ArtifactError, match=r"no 'dfs\.classes' .* export one with `dfs export CHECKPOINT`"):
        load(tmp_path / "other.onnx")


def test_weights_in_other_files_are_refused(model, tmp_path):
    onnx.save(model, tmp_path / "split.onnx", save_as_external_data=True, size_threshold=0)
    with pytest.raises(ArtifactError, match="keeps weights in other files"):
        load(tmp_path / "split.onnx")


def test_other_inputs_and_outputs_are_refused(model, tmp_path):
    model.graph.output[1].name = "classes"
    model.graph.node.append(helper.make_node("Identity", ["mask"], ["classes"]))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ArtifactError, match=r"gives .*'classes': 'uint8'.*, but a DFS model takes .*'mask': 'uint8'"):
        load(tmp_path / "other.onnx")


def test_a_graph_that_no_backend_knows_is_refused_with_what_each_says(model, tmp_path):
    model.graph.node[0].op_type = "Transmogrify"
    path = tmp_path / "strange.onnx"
    onnx.save(model, path)
    with pytest.raises(
        BackendError, match=r"no backend is usable .*OpenVINO .*Transmogrify.*ONNX Runtime .*Transmogrify"
    ):
        load(path)


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU, so another backend is chosen")
@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("ImportError('Numba needs NumPy\\n2.3 or less')", "do not fit each other or this machine (Numba needs NumPy"),
        ("RuntimeError('cannot cache function')", "let the environment variable NUMBA_CACHE_DIR name a folder"),
    ],
)
def test_a_package_that_is_installed_but_broken_is_passed_over(complaint, words, model_path, tmp_path):
    (tmp_path / "numba.py").write_text(f"raise {complaint}\n")
    program = """
        import logging, sys
        sys.path.insert(0, sys.argv[2])
        logging.basicConfig(level=logging.INFO)
        from dfs_core.runtime import load
        print(load(sys.argv[1]).backend)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(model_path), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "onnxruntime"
    slower, chosen = run.stderr.splitlines()
    assert "test_model.onnx: the whole graph runs, which is slower: numba cannot be used (" in slower
    assert words in chosen


def test_starting_on_openvino_imports_nothing_that_takes_long_for_nothing(model_path):
    program = """
        import sys
        from dfs_core.runtime import load
        load(sys.argv[1], "openvino")
        print(sorted({"cv2", "onnx", "onnxruntime", "google.protobuf"} & set(sys.modules)))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(model_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_running_a_model_imports_neither_torch_nor_ros(model_path):
    program = """
        import sys
        import numpy as np
        from dfs_core.runtime import load
        for backend in ("openvino", "onnxruntime"):
            load(sys.argv[1], backend)(np.zeros((1, 20, 30, 3), np.uint8))
        print(sorted({"torch", "rclpy", "dfs_core.models", "dfs_core.training"} & set(sys.modules)))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(model_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
