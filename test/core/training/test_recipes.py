"""The shipped recipes, each run for an epoch or some steps on a miniature of its data, with narrow networks."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from dfs_core.cli import main
from dfs_core.evaluation.segmentation import load_generator, load_segmenter
from dfs_core.training import checkpoint
from dfs_core.training.config_file import read

ROOT = Path(__file__).parents[3]
RECIPES, MAKEFILE = ROOT / "config" / "train", ROOT / "Makefile"
LIST = "foggy_trainval_refined_filenames.txt"
SMALL = ("batch=2", "workers=0", "view.size=[64, 64]", "discriminator_options={filters: 4}", "precision=32-true")


def train(recipe, out, *settings):
    words = [word for setting in (*SMALL, *settings) for word in ("--set", setting)]
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--config", str(RECIPES / recipe), "--out", str(out), "--accelerator", "cpu", *words])
    assert stopped.value.code == 0
    return checkpoint.load(out / "best.ckpt")


def losses(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {name.removeprefix("loss/") for row in rows for name in row if name.startswith("loss/")}


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """Random weights in the file that torchvision distributes, as far as relu2_2."""
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.pth"
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    torch.manual_seed(0)
    weights = {f"features.{layer}.weight": torch.randn(*shape, 3, 3) / 30 for layer, shape in shapes.items()}
    weights |= {f"features.{layer}.bias": torch.zeros(shape[0]) for layer, shape in shapes.items()}
    torch.save(weights, path)
    return path


@pytest.fixture(scope="module")
def segnet(cityscapes, tmp_path_factory):
    """The paper's SEG-NET after one epoch, and its folder."""
    root = shutil.copytree(cityscapes, tmp_path_factory.mktemp("segnet") / "cityscapes")
    out = root.parent / "run"
    frames = sorted(path.name.removesuffix("_leftImg8bit.png") for path in root.glob("leftImg8bit/train/*/*.png"))
    (root / LIST).write_text(f"train/{frames[0].partition('_')[0]}/{frames[0]}\n")
    for unneeded in ("disparity", "camera"):
        shutil.rmtree(root / unneeded)
    options = "model_options={filters: 4, blocks: 1}"
    return train("segnet_paper_cityscapes.yaml", out, f"data.root={root}", "epochs=1", options), out, len(frames)


def test_segnet_paper_leaves_out_the_frames_of_the_foggy_set(segnet):
    state, out, frames = segnet
    assert state.step == -(-(frames - 1) // 2)  # an epoch in pairs, without the frame in the list
    assert losses(out) == {"adversarial", "pixel", "discriminator"}
    assert load_segmenter(out / "best.ckpt").in_colors


def test_dfs_paper_has_all_terms_of_equation_1(segnet, foggy_cityscapes, vgg16, tmp_path):
    state = train(
        "dfs_paper_foggy_cityscapes.yaml", tmp_path / "run", f"data.root={foggy_cityscapes}", "epochs=1",
        "model_options={filters: 4, blocks: 1}", f"segmenter={segnet[1] / 'best.ckpt'}",
        f"loss.perceptual_file={vgg16}",
    )  # fmt: skip
    assert state.config["monitor"] == "segmentation_mse"
    assert losses(tmp_path / "run") == {"adversarial", "pixel", "perceptual", "l2_rgb", "discriminator"}
    load_generator(tmp_path / "run" / "best.ckpt")


def test_dfs_paper_is_the_papers():
    config = read(RECIPES / "dfs_paper_foggy_cityscapes.yaml")
    weights = config.loss
    assert (weights.adversarial, weights.pixel, weights.perceptual, weights.segmentation) == (1.0, 10.0, 10.0, 10.0)
    assert (config.epochs, config.batch, config.view.size, config.view.squash) == (200, 16, (256, 256), True)
    assert (config.optimizer, config.learning_rate, config.betas, config.ema) == ("adam", 2e-4, (0.5, 0.999), 0.0)


def test_dehaze_paper_learns_from_pairs_without_labels(dhazy, vgg16, tmp_path):
    state = train(
        "dehaze_paper_dhazy.yaml", tmp_path / "run", f"data.root={dhazy}", "epochs=1", "view.size=[48, 64]",
        "model_options={filters: 4, blocks: 1}", f"loss.perceptual_file={vgg16}",
    )  # fmt: skip
    assert (state.step, state.labels) == (4, None)  # 8 of 10 pairs, two at a time
    assert losses(tmp_path / "run") == {"adversarial", "pixel", "perceptual", "discriminator"}


def test_smoke_trains_the_whole_of_equation_1_on_drawn_scenes(tmp_path):
    scenes = ("data.count=8", "data.size=[96, 128]", "steps=2", "validation_samples=2")
    train("smoke_segmenter.yaml", tmp_path / "segmenter", *scenes)
    segmenter = f"segmenter={tmp_path / 'segmenter' / 'best.ckpt'}"
    train("smoke.yaml", tmp_path / "dehazer", *scenes, segmenter)
    assert losses(tmp_path / "dehazer") == {
        "adversarial", "pixel", "perceptual", "cross_entropy", "transmission", "airlight", "attenuation", "hidden",
        "discriminator",
    }  # fmt: skip


def test_fast_generator_learns_from_cityscapes_in_the_fog_that_foggy_cityscapes_has(cityscapes, tmp_path):
    root = f"data.root={cityscapes}"
    settings = ("data.name=cityscapes", "data.geometry=false", root, "steps=1", "validation_samples=1")
    train("loss_segmenter_camvid.yaml", tmp_path / "segmenter", *settings, "model_options={width: 4}")
    segmenter = f"segmenter={tmp_path / 'segmenter' / 'best.ckpt'}"
    state = train(
        "dfs_fast_cityscapes.yaml", tmp_path / "run", root, segmenter, "steps=1", "validation_samples=1",
        "model_options={width: 4}",
    )  # fmt: skip
    assert state.config["fog"]["airlight_from_scene"]
    assert losses(tmp_path / "run") == {"pixel", "cross_entropy", "transmission", "airlight", "attenuation", "hidden"}


@pytest.mark.parametrize(
    "recipe",
    ["loss_segmenter_camvid", "segmenter_camvid", "color_segmenter_camvid", "study_camvid",
     "segmenter_fast_camvid", "dfs_fast_start_camvid", "dfs_fast_whole_camvid", "dfs_fast_camvid",
     "dfs_fast_sky_camvid"],
)  # fmt: skip
def test_camvid_recipe_runs(recipe, camvid, tmp_path):
    settings = ["steps=2", "validation_samples=1", f"data.root={camvid}"]
    if recipe == "color_segmenter_camvid":
        settings.append("model_options={filters: 4, blocks: 1}")
    if recipe.startswith("dfs_fast"):
        settings += ["initial=null", "segmenter=null", "loss.segmentation=0"]
    assert train(f"{recipe}.yaml", tmp_path / "run", *settings).step == 2


def test_what_ships_starts_from_no_run_but_those_that_make_weights_made():
    made = [line.split(",")[1].rstrip(")") for line in MAKEFILE.read_text().splitlines() if "call TRAIN," in line]
    assert made[-1:] == ["segmenter_fast"]
    for number, name in enumerate(made):
        config = read(RECIPES / f"{name}_camvid.yaml")
        needed = {Path(path).parent.name for path in (config.initial, config.segmenter) if path is not None}
        assert needed <= set(made[:number]), f"{name} is trained before {needed - set(made[:number])}"


def test_mask_recipe_looks_through_the_dehazer(camvid, tmp_path):
    root = ["validation_samples=1", f"data.root={camvid}", "steps=1"]
    for recipe, options in (("dfs_fast_start", "model_options={width: 4}"), ("segmenter", "panel_rows=1")):
        train(f"{recipe}_camvid.yaml", tmp_path / recipe, *root, options)
    initial, dehazer = (tmp_path / name / "last.ckpt" for name in ("segmenter", "dfs_fast_start"))
    settings = [*root, f"initial={initial}", f"dehazer={dehazer}", "fog.clear_share=0"]
    state = train("mask_camvid.yaml", tmp_path / "run", *settings)
    assert state.config["dehazer"] == str(dehazer)
    assert losses(tmp_path / "run") == {"cross_entropy", "jaccard"}
