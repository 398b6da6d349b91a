"""What a run leaves behind."""

import dataclasses
import json
import subprocess

import cv2
import torch
import yaml

from dfs_core.training.config_file import to_plain
from dfs_core.training.environment import source_revision

from .conftest import CURVES


def test_run_leaves_all_that_it_promises(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if "events" not in path.name} == {
        "last.ckpt", "best.ckpt", "config.yaml", "environment.json", "metrics.jsonl", "metrics.csv", "tensorboard",
        "losses.png", "samples", "samples/step_000003.png", "samples/step_000006.png",
    }  # fmt: skip
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == to_plain(config)
    assert (tmp_path / "losses.png").read_bytes() == CURVES
    assert cv2.imread(str(tmp_path / "samples/step_000006.png")).shape[1] > 2 * 480


def test_log_holds_losses_figures_and_speed(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [row["step"] for row in rows] == [2, 3, 4, 6]
    losses = {"loss/pixel", "loss/adversarial", "loss/discriminator"}
    others = {"train/gradient_norm", "train/learning_rate", "speed/images_per_s", "speed/data_wait_share"}
    assert set(rows[0]) == {"step"} | losses | others
    assert set(rows[1]) == set(rows[0]) | {"validation/error", "validation/nothing"}
    assert rows[1]["validation/nothing"] is None
    assert rows[0]["train/learning_rate"] == 0.75 * config.learning_rate  # the mean of two steps of warm-up
    assert all(0.0 <= row["speed/data_wait_share"] <= 1.0 for row in rows)


def test_every_start_is_written_down(config, brighten, run, tmp_path):
    run(brighten(dataclasses.replace(config, steps=2, save_every=1, validate_every=2)), tmp_path)
    (start,) = json.loads((tmp_path / "environment.json").read_text())
    assert (start["step"], start["processes"], start["threads"]) == (0, 1, torch.get_num_threads())
    assert start["versions"]["torch"] == torch.__version__


def test_start_tells_what_is_trained(config, brighten, run, tmp_path):
    _, printed = run(brighten(dataclasses.replace(config, accumulate=2)), tmp_path)
    network, rival, plan, *_ = printed.splitlines()
    assert network.startswith("dehazer 'brighten': 0.000223 M parameters, ")  # 3·4·9 + 4 + 4·3·9 + 3
    assert rival.startswith("discriminator 'patchgan_70': 0.000257 M parameters, ")  # 6·4·9 + 4 + 4·9 + 1
    assert plan == f"6 steps of 4 images in 2 parts out of 6, on cpu in 32-true, kept in {tmp_path}"


def test_revision_is_that_of_the_checkout_and_says_whether_it_was_changed(tmp_path):
    def git(*words):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert source_revision(tmp_path) is None
    git("init")
    (tmp_path / "__init__.py").write_text("")
    assert source_revision(tmp_path) is None
    git("add", ".")
    git("commit", "-m", "first")
    assert source_revision(tmp_path) == {"revision": git("rev-parse", "HEAD"), "changed": False}
    (tmp_path / "__init__.py").write_text("1")
    assert source_revision(tmp_path)["changed"]
