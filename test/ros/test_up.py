"""`dfs up`: from arguments to processes."""

import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from dfs_core.errors import ConfigError
from dfs_ros import graph as pipeline
from dfs_ros import pipeline_arguments, up


def test_settings_are_read_like_those_of_a_launch_file() -> None:
    assert up.parse(["camera:=/a,/b", "bag:=x:=y", "rate:=1", "rate:=2"]) == {
        "camera": "/a,/b",
        "bag": "x:=y",
        "rate": "2",
    }


def test_a_setting_without_its_sign_is_refused() -> None:
    with pytest.raises(ConfigError, match="'rate=2': write KEY:=VALUE"):
        up.parse(["rate=2"])


def test_a_node_becomes_a_command_without_any_ros_tool() -> None:
    node = pipeline.Node(
        "dehaze_node",
        name="dehaze_left",
        namespace="stereo",
        parameters={"use_sim_time": True, "rate": 0.5},
        params_file=Path("dehaze.yaml"),
        remappings=(("image_raw", "left"),),
        required=True,
        log_level="warn",
    )
    command = up.command(node)
    assert (command.name, command.required) == ("stereo/dehaze_left", True)
    assert " ".join(command.words) == (
        f"{sys.executable} -m dfs_ros.dehaze_node --ros-args"
        " -r __node:=dehaze_left -r __ns:=/stereo -r image_raw:=left"
        " --params-file dehaze.yaml -p use_sim_time:=true -p rate:=0.5 --log-level warn"
    )


@pytest.mark.parametrize("value", ["1.0", "true", "", 'a "quoted" päth', "a: b", "~"])
def test_a_text_stays_a_text_whatever_it_looks_like(value: str) -> None:
    words = up.command(pipeline.Node("bag_player", name="p", parameters={"bag": value})).words
    (setting,) = [word for word in words if word.startswith("bag:=")]
    assert yaml.safe_load(setting.removeprefix("bag:=")) == value


def test_a_program_of_another_package_must_be_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node = pipeline.Node("rviz2", name="rviz2", package="rviz2", options=("-d", "x.rviz"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no program rviz2 on PATH; install the ROS package rviz2"):
        up.command(node)
    (tmp_path / "rviz2").write_text("#!/bin/sh\n")
    (tmp_path / "rviz2").chmod(0o755)
    assert up.command(node).words[:4] == (str(tmp_path / "rviz2"), "-d", "x.rviz", "--ros-args")


def dfs_up(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dfs_core.cli", "up", *words]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


def test_every_argument_is_listed() -> None:
    answer = dfs_up("--show-args")
    assert answer.returncode == 0
    for argument in pipeline_arguments.ARGUMENTS:
        assert f"{argument.name}:={argument.default}\n    {argument.description}" in answer.stdout


def test_an_unknown_key_is_answered_by_the_nearest_one() -> None:
    answer = dfs_up("lop:=true")
    assert answer.returncode == 1
    assert answer.stderr.startswith("dfs: no argument is called 'lop'; did you mean 'loop'?")


@pytest.mark.usefixtures("graph")
def test_a_bag_is_played_through_the_real_node_and_all_ends_with_it(
    tmp_path: Path, model_path: Path, recordings: ModuleType
) -> None:
    bag = recordings.write(tmp_path / "bag")
    answer = dfs_up("--bag", str(bag), f"model:={model_path}", "backend:=onnxruntime")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "[camera/dehaze_node] " in answer.stdout
    (played,) = [line for line in answer.stdout.splitlines() if line.startswith("[bag_player] ") and " played " in line]
    assert f"{recordings.IMAGE_TOPIC} 10" in played


def test_dehazed_images_come_until_ctrl_c(graph: Any, tmp_path: Path, model_path: Path, recordings: ModuleType) -> None:
    from sensor_msgs.msg import Image

    bag = recordings.write(tmp_path / "bag")
    dehazed = graph.listen(Image, "/camera/dehaze_node/image_dehazed")
    words = ("loop:=true", f"bag:={bag}", f"model:={model_path}", "backend:=onnxruntime")
    running = subprocess.Popen([sys.executable, "-m", "dfs_core.cli", "up", *words])
    try:
        graph.wait(lambda: dehazed, "a dehazed image")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    finally:
        running.kill()
    assert (dehazed[0].height, dehazed[0].width) == (recordings.HEIGHT, recordings.WIDTH)
