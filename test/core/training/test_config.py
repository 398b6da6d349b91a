"""Configurations: what they refuse, and in which words."""

from pathlib import Path

import pytest
import yaml

from dfs_core.errors import ConfigError
from dfs_core.training.config_file import read, to_plain

ROOT = Path(__file__).parents[3]
BASE = {"task": "segmenter", "model": "unet", "data": {"name": "camvid", "root": "camvid"}, "steps": 4}


@pytest.fixture
def write(tmp_path):
    def write(**values):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(BASE | values))
        return path

    return write


@pytest.mark.parametrize("path", sorted((ROOT / "config/train").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read(path):
    assert read(path).total_steps(100) > 0


def test_override_reaches_into_nested_keys(write):
    config = read(write(), ["steps=9", "view.size=[64, 96]", "fog.clear_share=0.5"])
    assert (config.steps, config.view.size, config.fog.clear_share) == (9, (64, 96), 0.5)


def test_what_is_written_reads_back_the_same(write, tmp_path):
    config = read(write(fog={"mor_m": [50, 500]}))
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(to_plain(config)))
    assert read(again) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stepz": 3}, "unknown key 'stepz'; did you mean 'steps'"),
        ({"fog": {"mor": [1, 2]}}, r"unknown key 'fog\.mor'; did you mean 'fog\.mor_m'"),
        ({"steps": "many"}, "'steps' must be int, not 'many'"),
        ({"steps": True}, "'steps' must be int, not True"),
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"view": {"size": [100, 96]}}, r"view\.size must be multiples of 16"),
        ({"view": {"size": [0, 96]}}, r"view\.size must be multiples of 16"),
        ({"network_width": 100}, r"network_width must be a multiple of 16, the networks' stride, from 32 on, not 100"),
        ({"network_width": 16}, r"network_width must be a multiple of 16, .* not 16"),
        ({"view": {"scale": [1.6, 0.75]}}, r"view\.scale must be \[lowest, highest\], not \[1\.6, 0\.75\]"),
        ({"fog": {"mor_m": [0, 100]}}, r"fog\.mor_m must be above 0 metres"),
        ({"workers": -1}, "workers must be at least 0, not -1"),
        ({"learning_rate": 0}, "learning_rate must be above 0, not 0"),
        ({"learning_rate": "fast"}, "'learning_rate' must be float, not 'fast'"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\), not 1"),
        ({"validation_attenuation": [0.0]}, "validation_attenuation must be above 0"),
        ({"validation_attenuation": []}, "validation_attenuation must name at least one density"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, not -1"),
        ({"clip": 0}, "clip must be above 0, not 0"),
        ({"betas": [0.9, 1.0]}, r"betas must be in \[0, 1\), not \[0\.9, 1\.0\]"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"depth_error": float("nan")}, "depth_error must be at least 0, not nan"),
        ({"view": {"scale": [0, 1]}}, r"view\.scale must be above 0, not \[0\.0, 1\.0\]"),
        ({"view": {"brightness": [-1, 1]}}, r"view\.brightness must be at least 0, not \[-1\.0, 1\.0\]"),
        ({"fog": {"airlight": [1, 2]}}, r"fog\.airlight must be in \[0, 1\], not \[1\.0, 2\.0\]"),
        ({"fog": {"jpeg_quality": [0, 500]}}, r"fog\.jpeg_quality must be in 1 to 100, not \[0, 500\]"),
        ({"fog": {"clear_share": 7}}, r"fog\.clear_share must be in \[0, 1\], not 7"),
        ({"fog": {"airlight_from_scene": 1}}, r"'fog\.airlight_from_scene' must be bool, not 1"),
        ({"view": {"size": [96]}}, r"'view\.size' must be tuple\[int, int\], not \[96\]"),
        ({"task": "dance"}, "task must be one of segmenter, dehazer, not 'dance'"),
        ({"task": "dehazer"}, "needs 'segmenter'"),
        ({"epochs": 3}, "give either steps or epochs"),
        ({"steps": None}, "give either steps or epochs"),
        ({"data": {"name": "camvit", "root": "x"}}, r"data\.name must be one of camvid, .*, not 'camvit'"),
        ({"data": {"name": "camvid"}}, r"data\.root is missing: the folder of 'camvid'"),
        ({"data": "camvid"}, "'data' must be DataSpec, not 'camvid'"),
        ({"loss": {"pixle": 1}}, r"unknown key 'loss\.pixle'; did you mean 'loss\.pixel'"),
        ({"loss": {"pixel": -1}}, r"loss\.pixel must be at least 0, not -1"),
        ({"loss": {"segmentation_forms": {"l3": 1}}}, r"loss\.segmentation_forms must be one of .*, not 'l3'"),
        (
            {"loss": {"segmentation_forms": {"jaccard": "x"}}},
            r"'loss\.segmentation_forms\.jaccard' must be float, not 'x'",
        ),
        ({"loss": {"segmentation_forms": {"jaccard": -1}}}, r"loss\.segmentation_forms must be at least 0 each, not"),
        ({"loss": {"segmentation_forms": {}}}, r"loss\.segmentation_forms has no share above 0"),
        ({"loss": {"adversarial_form": "wgan"}}, r"loss\.adversarial_form must be one of .*, not 'wgan'"),
        ({"batch": 8, "accumulate": 3}, "accumulate must divide batch, but 3 does not divide 8"),
        ({"schedule": "linear"}, "schedule must be one of cosine, constant, not 'linear'"),
    ],
)
def test_mistakes_are_named(write, values, words):
    with pytest.raises(ConfigError, match=words):
        read(write(**values))


def test_missing_keys_are_named(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("task: segmenter\nmodel: unet\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: these keys are missing: data"):
        read(path)


def test_override_without_value_is_refused(write):
    with pytest.raises(ConfigError, match="--set steps: must be key=value"):
        read(write(), ["steps"])


def test_home_folder_is_understood(write, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(write(), ["data.root=~/camvid"]).data.root == tmp_path / "camvid"


def test_reason_of_a_broken_file_is_one_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("task: segmenter\n  model: [unet\n")
    with pytest.raises(ConfigError, match=r"not YAML \(.*line 2") as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_override_that_is_not_yaml_is_refused(write):
    with pytest.raises(ConfigError, match=r"--set data=\[: its value is not YAML"):
        read(write(), ["data=["])


def test_number_without_a_point_is_a_number(write):
    assert read(write(), ["learning_rate=3e-4"]).learning_rate == 3e-4


def test_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ConfigError, match=r"last\.ckpt: not YAML"):
        read(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        read(tmp_path / "none.yaml")


def test_file_that_holds_code_is_not_run(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("task: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError, match="not YAML"):
        read(path)
