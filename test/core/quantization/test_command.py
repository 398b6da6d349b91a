"""`dfs quantize` as a user calls it: a real network, real pictures, both backends, and what it refuses."""

import json

import numpy as np
import onnx
import pytest
import torch

from dfs_core import artifact
from dfs_core.artifact import Artifact
from dfs_core.cli import main
from dfs_core.engines.build import build
from dfs_core.engines.flavour import import_tensorrt, is_installed
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import choose_profile
from dfs_core.engines.target import Target as GpuTarget
from dfs_core.errors import BackendError
from dfs_core.evaluation.onnx_cost import parameters
from dfs_core.export.writing import write
from dfs_core.labels import CAMVID_11
from dfs_core.models import create_generator, create_segmenter
from dfs_core.models.pipeline import Network
from dfs_core.offline_images import find_images, read_image
from dfs_core.quantization import cpu, tensorrt
from dfs_core.runtime import load
from dfs_core.runtime.tensorrt import TensorRtDehazer

FIGURES = {"psnr": 20.0}
ANY_LABELS = ("--max-loss", "labels=100")
"""The segmenters here are random: what they are unsure of is no measure."""


@pytest.fixture
def quantize(capsys, monkeypatch):
    """Run the program; returns exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["quantize", *map(str, words)])
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model file of a narrow generator and a segmenter, both untrained."""
    torch.manual_seed(0)
    segmenter = create_segmenter("lite", CAMVID_11, {"pretrained": False, "width": 16})
    network = Network(create_generator("fast", {"width": 4}), segmenter).eval().requires_grad_(False)
    segmenter.logits.weight.mul_(50.0)  # logits far apart, as those of a trained network are
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    description = Artifact("narrow", CAMVID_11, training_data="nothing", license="Apache-2.0", metrics=FIGURES)
    write(network, description, path)
    return path


def made_for(target, exported, pictures, folder):
    """Run the program, which is to succeed, and return the file."""
    path = folder / "int8.onnx"
    words = ["--calibration", pictures, "--out", path, "--target", target, "--frames", 8, *ANY_LABELS]
    with pytest.raises(SystemExit) as ended:
        main(["quantize", str(exported), *map(str, words)])
    assert ended.value.code in {0, None}
    return path


@pytest.fixture(scope="module")
def quantised(exported, pictures, tmp_path_factory):
    return made_for("cpu", exported, pictures, tmp_path_factory.mktemp("quantised"))


@pytest.fixture(scope="module")
def for_tensorrt(exported, pictures, tmp_path_factory):
    return made_for("tensorrt", exported, pictures, tmp_path_factory.mktemp("tensorrt"))


@pytest.fixture(params=["quantised", "for_tensorrt"])
def either(request):
    """A file in int8, for one target or the other."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("size", [(54, 96), (97, 131), (100, 60)], ids=str)
def test_both_backends_run_every_file_and_stay_near_the_original(exported, either, pictures, backend, precision, size):
    frame = read_image(find_images(pictures)[0])
    frames = np.ascontiguousarray(np.resize(frame, (2, *size, 3)))
    with load(exported, backend) as original, load(either, backend, precision=precision) as dehazer:
        expected, found = original(frames), dehazer(frames)
        assert dehazer.precision == "int8"
    assert found.dehazed.shape == frames.shape
    assert found.mask.shape == expected.mask.shape
    assert np.abs(found.dehazed.astype(int) - expected.dehazed).mean() < 2.0
    np.testing.assert_allclose(found.fog_density, expected.fog_density, rtol=0.1)


@pytest.mark.parametrize(("made", "target"), [("quantised", "cpu"), ("for_tensorrt", "tensorrt")])
def test_description_is_kept_and_says_what_became_of_it(exported, made, target, request):
    before, after = artifact.read(exported), artifact.read(request.getfixturevalue(made))
    assert (after.name, after.precision, after.quantized_for) == ("narrow_int8", "int8", target)
    for kept in ("labels", "network_width", "network_multiple", "training_data", "license"):
        assert getattr(after, kept) == getattr(before, kept)
    assert after.metrics["psnr"] == FIGURES["psnr"]
    assert after.metrics["quantized_frames"] >= 40.0


def test_file_is_small_whole_and_has_the_names_of_the_contract(exported, either):
    model = onnx.load(either)
    onnx.checker.check_model(model, full_check=True)
    inner = {name for node in model.graph.node for name in node.output}
    assert {"low_resolution", "restoration", "dehazed", "mask", "fog_density"} <= inner
    assert {node.domain for node in model.graph.node} == {""}
    assert either.stat().st_size < 0.6 * exported.stat().st_size  # the features of the scene stay as they are


def test_it_costs_as_many_learned_numbers(exported, either):
    before, after = (parameters(onnx.load(path)) for path in (exported, either))
    assert after == pytest.approx(before, rel=0.01)  # normalisations are folded


def test_tensorrt_builds_an_engine_that_holds_the_weights_in_8_bits(for_tensorrt):
    if not is_installed("tensorrt_rtx"):
        pytest.skip("tensorrt_rtx, which builds engines without a GPU, is not installed")
    model = read_model(for_tensorrt)
    sm86 = GpuTarget("", ((8, 6),))
    engine = build(model, choose_profile(model.sides), sm86, tensorrt=import_tensorrt("tensorrt_rtx"))
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(for_tensorrt).graph.initializer]
    inner = [each for each in weights if each.dtype == np.int8 and each.ndim == 4]
    held = [each.tobytes() in engine or each.transpose(0, 2, 3, 1).tobytes() in engine for each in inner]
    assert sum(held) > 0.5 * len(inner)  # it stores some in another order


def test_tensorrt_refuses_what_is_made_for_processors_and_says_what_to_give(quantised):
    with pytest.raises(BackendError, match=r"quantised for 'cpu'.*give the file that it was made from"):
        TensorRtDehazer(quantised, artifact.read(quantised), precision="fp32", threads=None)


def test_comparison_with_the_truth(quantize, model_path, camvid, tmp_path):
    code, said, _ = quantize(
        model_path, "--calibration", camvid, "--out", tmp_path / "int8.onnx", "--data", camvid, "--scenes", 2,
        *ANY_LABELS, "--max-loss", "miou=100", "--max-loss", "psnr=100", "--json", tmp_path / "rows.json",
    )  # fmt: skip
    assert code == 0
    assert "mIoU of mask" in said
    assert "calibrated on" in said
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [(row["bound"], row["where"]) for row in rows] == [
        *((bound, backend) for backend in ("openvino", "onnxruntime") for bound in ("frames", "labels", "density")),
        ("psnr", f"{camvid.name}/val"),
        ("miou", f"{camvid.name}/val"),
    ]


def test_file_that_loses_too_much_is_not_written(quantize, model_path, pictures, tmp_path):
    out = tmp_path / "int8.onnx"
    out.write_bytes(b"the one before")
    code, said, error = quantize(
        model_path, "--calibration", pictures, "--out", out, "--max-loss", "frames=99", "--json", tmp_path / "rows.json"
    )
    assert code == 1
    assert "PSNR between both" in said
    assert "int8.onnx: not written, because quantisation loses too much: PSNR between both on openvino" in error
    assert "(at least 99 dB)" in error
    assert "--max-loss frames=NUMBER" in error
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]
    assert out.read_bytes() == b"the one before"


@pytest.mark.parametrize("maker", [cpu, tensorrt], ids=["cpu", "tensorrt"])
def test_damaged_graph_is_refused_and_not_written(quantize, model_path, pictures, tmp_path, monkeypatch, maker):
    real = maker.quantize

    def damaged(*arguments, **options):
        networks = real(*arguments, **options)
        networks.graph.initializer.pop()
        return networks

    monkeypatch.setattr(maker, "quantize", damaged)
    out = tmp_path / "int8.onnx"
    out.write_bytes(b"the one before")
    target = maker.__name__.rpartition(".")[2]
    code, _, error = quantize(model_path, "--calibration", pictures, "--out", out, "--target", target)
    assert code == 1
    assert "small_int8: not written, because its graph is not valid" in error
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]
    assert out.read_bytes() == b"the one before"


def test_what_is_for_tensorrt_is_compared_on_onnxruntime_and_refused_by_the_same_bounds(
    quantize, model_path, camvid, tmp_path
):
    code, said, error = quantize(
        model_path, "--calibration", camvid, "--out", tmp_path / "int8.onnx", "--target", "tensorrt",
        "--data", camvid, "--scenes", 1, "--max-loss", "frames=99",
    )  # fmt: skip
    assert code == 1
    assert "openvino" not in said
    assert "mIoU of mask" in said
    assert "int8.onnx: not written, because quantisation loses too much: PSNR between both on onnxruntime" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-loss", "colour=1"), "--max-loss colour=1: must be NAME=NUMBER"),
        (("--calibration", "nowhere"), "nowhere: no such folder; give --calibration"),
    ],
)
def test_wrong_options_are_refused(quantize, model_path, pictures, tmp_path, words, message):
    code, _, error = quantize(model_path, "--calibration", pictures, "--out", tmp_path / "int8.onnx", *words)
    assert code == 1
    assert message in error
    assert not list(tmp_path.iterdir())


def test_quantised_file_is_not_quantised_again(quantize, quantised, pictures, tmp_path):
    code, _, error = quantize(quantised, "--calibration", pictures, "--out", tmp_path / "again.onnx")
    assert code == 1
    assert "int8.onnx: is in int8 already; give the file in fp32" in error


def test_original_is_not_overwritten(quantize, model_path, pictures):
    before = model_path.read_bytes()
    code, _, error = quantize(model_path, "--calibration", pictures, "--out", model_path)
    assert code == 1
    assert "is the file that is to be quantised" in error
    assert model_path.read_bytes() == before
