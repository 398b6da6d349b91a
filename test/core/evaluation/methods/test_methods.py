"""Dehazers from files: what each kind answers, what it costs, and what is said of files that hold none."""

import cv2
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from dfs_core.errors import ArtifactError, BackendError, CheckpointError
from dfs_core.evaluation.methods import open_method
from dfs_core.evaluation.segmentation import dehaze
from dfs_core.models import create_generator
from dfs_core.models.cost import cost
from dfs_core.models.pipeline import Pipeline

IMAGES = ["N", 3, "H", "W"]
INVERT = (helper.make_node("Sub", ["one", "x"], ["y"]),)
ONE = {"one": np.float32(1.0)}


@pytest.mark.parametrize("size", [(120, 160), (97, 331)])
def test_dfs_model_says_what_torch_says(small_model, small_network, soft_picture, size):
    frame = soft_picture(*size)
    method = open_method(small_model, threads=1)
    answer = method(frame)
    method.close()
    with torch.inference_mode():
        expected = Pipeline(small_network)(torch.from_numpy(frame[None]))
    assert method.name == "small_dfs"
    assert np.abs(answer.dehazed.astype(int) - expected.dehazed[0].numpy()).max() <= 1
    assert (answer.mask == expected.mask[0].numpy()).mean() >= 0.999
    assert answer.fog_density == pytest.approx(float(expected.fog_density), rel=1e-3)
    assert np.abs(answer.dehazed.astype(int) - frame).max() > 10


def test_checkpoint_says_what_its_exported_model_says(small_runs, small_model, soft_picture):
    frame = soft_picture(97, 331)
    method, model = open_method(small_runs / "generator" / "best.ckpt"), open_method(small_model, threads=1)
    answer = method(frame)
    assert (method.name, method.source) == ("generator", "best.ckpt of the run generator")
    assert (answer.mask, answer.fog_density) == (None, None)
    assert np.abs(answer.dehazed.astype(int) - model(frame).dehazed).max() <= 1
    model.close()


def test_checkpoint_costs_what_runs(small_runs, small_network):
    expense = open_method(small_runs / "generator" / "best.ckpt").expense(720, 1280)
    assert (expense.parameters, expense.macs) == cost(small_network.generator, (1, 3, 272, 480))


def test_checkpoint_looks_at_frames_of_the_width_it_is_for(small_network, tmp_path, checkpoint_of, soft_picture):
    generator = small_network.generator
    path = checkpoint_of(tmp_path / "run" / "best.ckpt", "dehazer", "fast", {"width": 4}, generator, network_width=96)
    method, frame = open_method(path), soft_picture(97, 331)
    with torch.inference_mode():
        expected = dehaze(generator, frame, (32, 96))
    np.testing.assert_array_equal(method(frame).dehazed, expected)
    assert method.expense(720, 1280).macs == cost(generator, (1, 3, 48, 96))[1]


def test_frames_that_are_views_are_taken(small_runs, small_model, soft_picture):
    view = soft_picture(48, 64)[..., ::-1]
    view.setflags(write=False)
    for path in (small_runs / "generator" / "best.ckpt", small_model):
        method = open_method(path, threads=1)
        np.testing.assert_array_equal(method(view).dehazed, method(np.ascontiguousarray(view)).dehazed)
        method.close()


def test_translator_gets_the_whole_frame(tmp_path, checkpoint_of, settled, soft_picture):
    torch.manual_seed(0)
    options = {"filters": 4, "blocks": 1}
    network = settled(create_generator("resnet_9blocks", options))
    path = checkpoint_of(tmp_path / "paper" / "last.ckpt", "dehazer", "resnet_9blocks", options, network)
    method, frame = open_method(path, name="the paper"), soft_picture(32, 64)
    with torch.inference_mode():
        drawn = network(torch.from_numpy(frame).permute(2, 0, 1)[None] / 255.0).image
    expected = (drawn[0].permute(1, 2, 0).clamp(0, 1) * 255.0).numpy()
    assert method.name == "the paper"
    assert expected.std() > 1.0
    np.testing.assert_allclose(method(frame).dehazed, expected, atol=0.51)
    assert method(soft_picture(33, 50)).dehazed.shape == (33, 50, 3)
    expense = method.expense(17, 50)
    assert (expense.parameters, expense.macs) == cost(network, (1, 3, 20, 52))  # 4 is its stride


def test_plain_network_sees_and_gives_rgb_in_0_to_1(graph, tmp_path, soft_picture):
    frame = soft_picture(33, 50)
    frame.setflags(write=False)
    method = open_method(graph(tmp_path / "invert.onnx", INVERT, ONE, given=IMAGES, made=IMAGES))
    answer = method(frame)
    assert (method.name, method.source) == ("invert", "invert.onnx")
    np.testing.assert_array_equal(answer.dehazed, 255 - frame)
    assert (answer.mask, answer.fog_density) == (None, None)


def test_plain_network_of_one_size_gets_that_size(graph, tmp_path, soft_picture):
    shape = [1, 3, 24, 32]
    method = open_method(graph(tmp_path / "fixed.onnx", INVERT, ONE, given=shape, made=shape))
    assert method.source == "fixed.onnx (frames are resized to its 32x24 and back)"
    small = soft_picture(24, 32)
    np.testing.assert_array_equal(method(small).dehazed, 255 - small)
    frame = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)  # halves to `small` without any loss
    expected = cv2.resize(255 - small, (64, 48), interpolation=cv2.INTER_LINEAR)
    assert np.abs(method(frame).dehazed.astype(int) - expected).max() <= 1


def test_what_leaves_0_to_1_is_cut_off(graph, tmp_path):
    node = helper.make_node("Mul", ["x", "four"], ["y"])
    method = open_method(graph(tmp_path / "a.onnx", [node], {"four": np.float32(4.0)}, given=IMAGES, made=IMAGES))
    assert method(np.array([[[0, 20, 200]]], np.uint8)).dehazed.tolist() == [[[0, 80, 255]]]


def test_plain_network_costs_what_runs(graph, tmp_path):
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    weights = {"w": np.zeros((3, 3, 3, 3), np.float32)}
    free = open_method(graph(tmp_path / "free.onnx", [node], weights, given=IMAGES, made=IMAGES)).expense(20, 30)
    fixed = graph(tmp_path / "fixed.onnx", [node], weights, given=[1, 3, 8, 8], made=[1, 3, 8, 8])
    assert (free.parameters, free.macs) == (81, 20 * 30 * 81)
    assert open_method(fixed).expense(20, 30).macs == 8 * 8 * 81


def test_key_follows_what_is_in_the_file(graph, tmp_path):
    first, same, other = (
        open_method(graph(tmp_path / f"{name}.onnx", INVERT, {"one": np.float32(value)}, given=IMAGES, made=IMAGES))
        for name, value in (("first", 1.0), ("same", 1.0), ("other", 0.9))
    )
    assert first.key == same.key != other.key


@pytest.mark.parametrize(
    ("given", "made", "kind", "found"),
    [
        (["N", "H", "W", 3], ["N", "H", "W", 3], TensorProto.UINT8, r"takes x uint8\[N, H, W, 3\]"),
        (["N", 4, "H", "W"], ["N", 4, "H", "W"], TensorProto.FLOAT, r"takes x float\[N, 4, H, W\]"),
        ([2, 3, "H", "W"], [2, 3, "H", "W"], TensorProto.FLOAT, r"takes x float\[2, 3, H, W\]"),
        ([1, 3, 16, 16], [1, 3, 32, 32], TensorProto.FLOAT, r"gives y float\[1, 3, 32, 32\]"),
    ],
)
def test_graph_of_another_convention_is_refused(graph, tmp_path, given, made, kind, found):
    path = graph(
        tmp_path / "a.onnx", [helper.make_node("Identity", ["x"], ["y"])], {}, given=given, made=made, kind=kind
    )
    expected = (
        rf"a\.onnx: .*{found}.*; a dehazer as ONNX is either a DFS model, written by `dfs export`, or has one float"
    )
    with pytest.raises(ArtifactError, match=expected):
        open_method(path)


def test_answer_of_another_size_is_refused(graph, tmp_path):
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
    method = open_method(graph(tmp_path / "a.onnx", [node], {}, given=IMAGES, made=["N", 3, "h", "w"]))
    with pytest.raises(ArtifactError, match=r"given \[1, 3, 6, 8\], it answers with \[1, 3, 3, 4\]; a plain ONNX file"):
        method(np.zeros((6, 8, 3), np.uint8))


def test_size_that_a_network_cannot_take_is_named(graph, tmp_path):
    nodes = [
        helper.make_node("AveragePool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["a", "", "twice"], ["b"]),
        helper.make_node("Sub", ["x", "b"], ["y"]),
    ]
    constants = {"twice": np.array([1, 1, 2, 2], np.float32)}
    method = open_method(graph(tmp_path / "a.onnx", nodes, constants, given=IMAGES, made=IMAGES))
    with pytest.raises(BackendError, match=r"a\.onnx: ONNX Runtime failed on x \[1, 3, 7, 8\]"):
        method(np.zeros((7, 8, 3), np.uint8))


def test_answer_that_is_no_number_is_refused(graph, tmp_path):
    node = helper.make_node("Div", ["x", "x"], ["y"])
    method = open_method(graph(tmp_path / "a.onnx", [node], {}, given=IMAGES, made=IMAGES))
    with pytest.raises(BackendError, match=r"a\.onnx: its answer holds values that are not finite"):
        method(np.zeros((4, 4, 3), np.uint8))


def test_files_that_hold_no_dehazer_are_named(tmp_path, small_model, small_runs):
    (tmp_path / "words.onnx").write_text("no model at all")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "cut.onnx").write_bytes(small_model.read_bytes()[:5000])
    (tmp_path / "words.ckpt").write_text("no checkpoint")
    for name, kind, words in (
        ("gone.onnx", ArtifactError, r"gone\.onnx: cannot be opened \(No such file or directory\); give an ONNX file"),
        ("words.onnx", ArtifactError, r"words\.onnx: not an ONNX file, or a truncated one; copy or export it again"),
        ("cut.onnx", ArtifactError, r"cut\.onnx: not an ONNX file, or a truncated one; copy or export it again"),
        ("empty.onnx", ArtifactError, r"empty\.onnx: holds no graph, so this is not an ONNX model; export it again"),
        (
            "model.pth",
            ArtifactError,
            r"model\.pth: a method is a DFS model \(\.onnx\), a dehazer's checkpoint \(\.ckpt\)",
        ),
        ("words.ckpt", CheckpointError, r"words\.ckpt: not a DFS checkpoint, or damaged"),
    ):
        with pytest.raises(kind, match=words):
            open_method(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"a checkpoint of the task 'segmenter', but a dehazer is needed"):
        open_method(small_runs / "segmenter" / "best.ckpt")
