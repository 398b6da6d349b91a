"""Segmenters from files: all kinds see the same in the same picture, and files that hold none are named."""

import json
import math

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError, CheckpointError
from dfs_core.evaluation.judges import open_judge
from dfs_core.evaluation.judges.artifact import find_scores
from dfs_core.evaluation.judges.scores import mean_probability, to_mask
from dfs_core.evaluation.segmentation import answer, predict_mask
from dfs_core.labels import CAMVID_11, CITYSCAPES_19
from dfs_core.models import create_segmenter

IMAGES, LOGITS = ["N", 3, "H", "W"], ["N", 11, "H", "W"]
PLAIN = {"label_set": "camvid-11", "mean": [0.5, 0.0, 0.0], "std": [0.1, 1.0, 1.0]}


@pytest.fixture(scope="module")
def judges(small_runs, small_model):
    return open_judge(small_runs / "segmenter" / "best.ckpt", threads=1), open_judge(small_model, threads=1)


@pytest.fixture
def redness(graph, tmp_path):
    """A plain network: class 2 where the first channel is above 0, class 7 where it is below, by logits of ± itself."""
    weights = np.zeros((11, 3, 1, 1), np.float32)
    weights[2, 0], weights[7, 0] = 1.0, -1.0
    bias = np.full(11, -100.0, np.float32)
    bias[[2, 7]] = 0.0

    def build(given=IMAGES, made=LOGITS, description=PLAIN):
        node = helper.make_node("Conv", ["x", "w", "b"], ["y"])
        path = graph(tmp_path / "redness.onnx", [node], {"w": weights, "b": bias}, given=given, made=made)
        if description is not None:
            path.with_suffix(".json").write_text(json.dumps(description))
        return path

    return build


def test_checkpoint_looks_at_pictures_of_the_width_it_is_for(small_network, tmp_path, checkpoint_of, soft_picture):
    segmenter = small_network.segmenter
    path = checkpoint_of(tmp_path / "run" / "best.ckpt", "segmenter", "unet", {"width": 4}, segmenter, network_width=96)
    picture = soft_picture(97, 331)
    expected = predict_mask(segmenter, picture, (32, 96))
    assert (expected == predict_mask(segmenter, picture)).mean() < 0.98
    assert (open_judge(path, threads=1)(picture).mask == expected).mean() >= 0.999


@pytest.mark.parametrize("size", [(120, 160), (97, 331), (360, 480)])
def test_checkpoint_and_model_see_what_torch_sees(judges, small_network, soft_picture, size):
    picture = soft_picture(*size)
    picture.setflags(write=False)
    expected = predict_mask(small_network.segmenter, picture)
    assert np.bincount(expected.ravel()).max() < 0.98 * expected.size
    opinions = [judge(picture) for judge in judges]
    for opinion in opinions:
        assert opinion.mask.dtype == np.uint8
        assert (opinion.mask == expected).mean() >= 0.999
        assert opinion.painting is None
    assert opinions[0].confidence == pytest.approx(opinions[1].confidence, abs=1e-4)
    assert 1 / 11 < opinions[0].confidence < 1.0


def test_pictures_that_are_views_are_taken(judges, soft_picture):
    view = soft_picture(48, 64)[..., ::-1]
    for judge in judges:
        np.testing.assert_array_equal(judge(view).mask, judge(np.ascontiguousarray(view)).mask)


def test_judges_are_named_by_their_files(judges):
    of_checkpoint, of_model = judges
    assert (of_checkpoint.name, of_checkpoint.source) == ("segmenter", "best.ckpt of the run segmenter")
    assert (of_model.name, of_model.source) == ("small_dfs", "small.onnx, its segmenter alone")
    assert of_checkpoint.labels == of_model.labels == CAMVID_11
    assert of_checkpoint.key != of_model.key


def test_judge_that_answers_in_colours_paints(tmp_path, checkpoint_of, settled, soft_picture):
    torch.manual_seed(0)
    options = {"filters": 4, "blocks": 1}
    network = settled(create_segmenter("pix2pix_rgb", CAMVID_11, options))
    network.body.decode[-1].weight.mul_(50.0)  # paints in full colours, as after training
    path = checkpoint_of(tmp_path / "colours" / "best.ckpt", "segmenter", "pix2pix_rgb", options, network)
    picture = soft_picture(64, 480)
    opinion = open_judge(path, threads=1)(picture)
    painted = answer(network, picture)[0].permute(1, 2, 0).numpy()  # of this size, which is the network's
    assert math.isnan(opinion.confidence)
    np.testing.assert_allclose(opinion.painting, 127.5 + 127.5 * painted, atol=0.6)
    distances = np.square(opinion.painting[:, :, None].astype(int) - CAMVID_11.palette[:11]).sum(axis=3)
    assert (distances.argmin(axis=2) == opinion.mask).mean() > 0.97  # bytes are coarser than what was painted
    assert (predict_mask(network, picture) == opinion.mask).mean() >= 0.999
    assert len(np.unique(opinion.mask)) >= 3


def test_scores_are_stretched_by_pixel_centres():
    scores = np.array([[[0.0, 4.0]], [[1.0, 1.0]]], np.float32)
    # Centres of eight pixels over two: 0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4 for class 0, which has to pass 1.
    assert to_mask(scores, 1, 8).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0]]
    assert to_mask(np.zeros((3, 1, 1), np.float32), 2, 2).tolist() == [[0, 0], [0, 0]]


def test_confidence_is_the_mean_probability_of_the_chosen_class():
    scores = np.log(np.array([[[3.0, 1.0]], [[1.0, 1.0]]], np.float32)) + 500.0
    assert mean_probability(scores) == pytest.approx((0.75 + 0.5) / 2, abs=1e-5)


def test_plain_network_sees_normalised_rgb(redness):
    judge = open_judge(redness())
    picture = np.full((4, 4, 3), 200, np.uint8)
    picture[:2, :, 0] = 102  # 0.4, which is 1 below the mean by the deviation of 0.1
    opinion = judge(picture)
    assert (judge.name, judge.source, judge.labels) == ("redness", "redness.onnx", CAMVID_11)
    assert opinion.mask.tolist() == [[7] * 4] * 2 + [[2] * 4] * 2
    upper, lower = (1 / (1 + math.exp(-2 * abs(value / 255 - 0.5) / 0.1)) for value in (102, 200))
    assert opinion.confidence == pytest.approx((upper + lower) / 2, abs=1e-6)


@pytest.mark.parametrize("fixed_by", ["graph", "description"])
def test_plain_network_of_one_size_gets_that_size(redness, fixed_by):
    by_graph = fixed_by == "graph"
    judge = open_judge(
        redness(
            given=[1, 3, 2, 4] if by_graph else IMAGES,
            made=[1, 11, 2, 4] if by_graph else LOGITS,
            description=PLAIN if by_graph else PLAIN | {"size": [2, 4]},
        )
    )
    small = np.zeros((2, 4, 3), np.uint8)
    small[:, 2:] = 255
    picture = cv2.resize(small, (8, 4), interpolation=cv2.INTER_NEAREST)
    assert judge.scores(picture).classes.shape == (11, 2, 4)
    assert judge(picture).mask.tolist() == [[7] * 4 + [2] * 4] * 4


def test_key_follows_the_description_too(redness):
    first = open_judge(redness()).key
    assert first == open_judge(redness()).key
    assert first != open_judge(redness(description=PLAIN | {"mean": [0.4, 0.0, 0.0]})).key


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (None, r'redness\.json: missing; it tells the classes and the normalisation .*"label_set": "cityscapes-19"'),
        ([], r"redness\.json: has list, but the keys are label_set, mean, std and, if wanted, size"),
        ({"mean": [0, 0, 0]}, r"redness\.json: has mean, but the keys are label_set, mean, std"),
        (PLAIN | {"bgr": True}, r"redness\.json: has label_set, mean, std, bgr, but the keys are"),
        (PLAIN | {"label_set": ["ade20k"]}, r"label_set must be one of camvid-11, cityscapes-19, not \['ade20k'\]"),
        (PLAIN | {"mean": [0, 0, 10**400]}, r"mean must be three numbers for R, G and B in \[0, 1\], not"),
        (PLAIN | {"label_set": "ade20k"}, r"label_set must be one of camvid-11, cityscapes-19, not 'ade20k'"),
        (PLAIN | {"mean": [0.5, 0.5]}, r"mean must be three numbers for R, G and B in \[0, 1\], not \[0\.5, 0\.5\]"),
        (PLAIN | {"std": [1, 0, 1]}, r"std must be three numbers above 0, not \[1, 0, 1\]"),
        (PLAIN | {"size": 512}, r"size must be \[height, width\] in pixels, not 512"),
        (PLAIN | {"label_set": "cityscapes-19"}, r"tells 11 classes apart, but its label set 'cityscapes-19' has 19"),
    ],
)
def test_bad_description_is_named(redness, description, words):
    with pytest.raises(ArtifactError, match=words):
        open_judge(redness(description=description))


def test_description_that_is_no_json_is_named(redness):
    path = redness()
    path.with_suffix(".json").write_text("label_set: camvid-11")
    with pytest.raises(ArtifactError, match=r"redness\.json: cannot be read as JSON"):
        open_judge(path)


def test_size_that_the_graph_does_not_take_is_named(redness):
    path = redness(given=[1, 3, 2, 4], made=[1, 11, 2, 4], description=PLAIN | {"size": [4, 4]})
    with pytest.raises(ArtifactError, match=r"size \[4, 4\] \(height, width\), but redness\.onnx takes \[2, 4\] only"):
        open_judge(path)


def test_number_of_classes_is_checked_where_the_file_does_not_say_it(redness):
    judge = open_judge(redness(made=["N", "C", "H", "W"], description=PLAIN | {"label_set": "cityscapes-19"}))
    assert judge.labels == CITYSCAPES_19
    with pytest.raises(ArtifactError, match=r"tells 11 classes apart, but its label set 'cityscapes-19' has 19"):
        judge(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize(
    ("given", "made", "found"),
    [
        (["N", "H", "W", 3], LOGITS, r"takes x float\[N, H, W, 3\]"),
        (IMAGES, ["N", "H", "W"], r"gives y float\[N, H, W\]"),
    ],
)
def test_graph_of_another_convention_is_refused(graph, tmp_path, given, made, found):
    path = graph(tmp_path / "a.onnx", [helper.make_node("Identity", ["x"], ["y"])], {}, given=given, made=made)
    with pytest.raises(
        ArtifactError, match=rf"a\.onnx: .*{found}.*; a judge as ONNX is either a DFS model.* JSON file"
    ):
        open_judge(path)


def mask_graph(*nodes):
    return helper.make_graph(nodes, "g", [], [helper.make_tensor_value_info("mask", TensorProto.UINT8, None)])


ARG_MAX = helper.make_node("ArgMax", ["stretched"], ["best"], axis=1, keepdims=0)
CAST = helper.make_node("Cast", ["best"], ["mask"], to=TensorProto.UINT8)


def stretch(**attributes):
    return helper.make_node("Resize", ["scores", "", "", "sizes"], ["stretched"], **attributes)


def test_scores_are_found_behind_the_mask(tmp_path):
    def find(*nodes):
        return find_scores(mask_graph(*nodes, ARG_MAX, CAST), source=tmp_path)

    negated = helper.make_node("Neg", ["distances"], ["scores"])
    half_pixel = {"coordinate_transformation_mode": "half_pixel"}
    assert find() == ("stretched", True)
    assert find(stretch(mode="linear", **half_pixel)) == ("scores", True)
    assert find(negated, stretch(mode="linear", **half_pixel)) == ("scores", False)
    assert find(stretch(mode="nearest", **half_pixel)) == ("stretched", True)
    assert find(stretch(mode="linear", coordinate_transformation_mode="align_corners")) == ("stretched", True)


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([helper.make_node("Cast", ["x"], ["mask"], to=TensorProto.UINT8)], "nothing"),
        ([helper.make_node("Round", ["x"], ["best"]), CAST], "Round"),
        ([helper.make_node("ArgMax", ["x"], ["best"], axis=3), CAST], "ArgMax"),
    ],
)
def test_mask_that_is_no_highest_score_is_named(tmp_path, nodes, found):
    words = rf"a\.onnx: 'mask' is made by {found}, not by ArgMax over class scores \[N, C, h, w\], so it cannot judge"
    with pytest.raises(ArtifactError, match=words):
        find_scores(mask_graph(*nodes), source=tmp_path / "a.onnx")


def rewired(path, small_model, change):
    """Write the small DFS model with something else in its graph."""
    model = onnx.load(small_model)
    change(model.graph)
    onnx.save(model, path)
    return path


def test_segmenter_that_needs_its_dehazer_is_refused(small_model, tmp_path):
    def bypass(graph):
        """Let the segmenter look at the low-resolution frame in place of the dehazed one."""
        first = next(node for node in graph.node if "network.segmenter.stem.0.weight" in node.input)
        before = next(node for node in graph.node if first.input[0] in node.output)
        before.input[0] = "low_resolution"

    path = rewired(tmp_path / "past.onnx", small_model, bypass)
    with pytest.raises(ArtifactError, match=r"past\.onnx: its segmenter looks past 'restoration', so it cannot judge"):
        open_judge(path)


def test_model_without_the_cut_point_is_refused(small_model, tmp_path):
    def rename(graph):
        for node in graph.node:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    if name == "restoration":
                        names[place] = "coefficients"

    path = rewired(tmp_path / "whole.onnx", small_model, rename)
    with pytest.raises(ArtifactError, match=r"whole\.onnx: has no tensor 'restoration', behind which its segmenter"):
        open_judge(path)


def test_files_that_hold_no_segmenter_are_named(tmp_path, graph, small_model, small_runs):
    (tmp_path / "words.onnx").write_text("no model at all")
    (tmp_path / "cut.onnx").write_bytes(small_model.read_bytes()[:5000])
    (tmp_path / "words.ckpt").write_text("no checkpoint")
    identity = [helper.make_node("Identity", ["x"], ["y"])]
    metadata = Artifact("x", CAMVID_11).to_metadata()
    graph(tmp_path / "claims.onnx", identity, {}, given=IMAGES, made=IMAGES, metadata=metadata)
    for name, kind, words in (
        ("gone.onnx", ArtifactError, r"gone\.onnx: cannot be opened \(No such file or directory\); give an ONNX file"),
        ("words.onnx", ArtifactError, r"words\.onnx: not an ONNX file, or a truncated one; copy or export it again"),
        ("cut.onnx", ArtifactError, r"cut\.onnx: not an ONNX file, or a truncated one; copy or export it again"),
        ("claims.onnx", ArtifactError, r"claims\.onnx: takes \{'x': 'float'\} .* but a DFS model takes"),
        (
            "model.pth",
            ArtifactError,
            r"model\.pth: a judge is a segmenter's checkpoint \(\.ckpt\), a DFS model \(\.onnx\)",
        ),
        ("words.ckpt", CheckpointError, r"words\.ckpt: not a DFS checkpoint, or damaged"),
        ("gone.ckpt", CheckpointError, r"gone\.ckpt: no such checkpoint; train one with `dfs train`"),
    ):
        with pytest.raises(kind, match=words):
            open_judge(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"a checkpoint of the task 'dehazer', but a segmenter is needed"):
        open_judge(small_runs / "generator" / "best.ckpt")
