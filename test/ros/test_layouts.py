"""The layouts for RViz and Foxglove show only what there is."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOXGLOVE, RVIZ = ROOT / "config/foxglove/dfs.json", ROOT / "config/rviz/dfs.rviz"
CAMERA = {"/image_raw", "/camera_info"}


@pytest.fixture(scope="module")
def foxglove() -> dict[str, Any]:
    return json.loads(FOXGLOVE.read_text())


def published() -> set[str]:
    """Return the topics of a camera and of a dehaze node that have their default names."""
    sources = [path.read_text() for path in (ROOT / "dfs_ros").glob("*.py")]
    outputs = {name for text in sources for name in re.findall(r'f"\{root\}/([\w/]+)"', text)}
    assert len(outputs) > 8, "outputs.py names its topics in another way"
    return CAMERA | {f"/dehaze_node/{name}" for name in outputs} | {"/diagnostics"}


def panels(layout: Any) -> list[str]:
    """Return the panels in a tree of splits."""
    if isinstance(layout, str):
        return [layout]
    assert layout["direction"] in {"row", "column"}
    assert 0 < layout["splitPercentage"] < 100
    return [*panels(layout["first"]), *panels(layout["second"])]


def test_foxglove_has_settings_for_every_panel_and_no_other(foxglove: dict[str, Any]) -> None:
    shown = panels(foxglove["layout"])
    assert sorted(shown) == sorted(foxglove["configById"])
    assert len(set(shown)) == len(shown)
    kinds = [name.partition("!")[0] for name in shown]
    assert sorted(kinds) == [
        "DiagnosticStatusPanel", "DiagnosticSummary", "Gauge", "Image", "Image", "Image", "Plot",
    ]  # fmt: skip


def test_foxglove_shows_only_topics_that_are_published(foxglove: dict[str, Any]) -> None:
    shown = set(re.findall(r'"(?:\w*Topic|topicToRender|path|value)": "([^".]+)', json.dumps(foxglove)))
    assert shown == {
        "/image_raw", "/camera_info", "/dehaze_node/camera_info", "/dehaze_node/image_dehazed",
        "/dehaze_node/segmentation/overlay", "/dehaze_node/visibility", "/diagnostics",
    }  # fmt: skip
    assert shown <= published()


def test_the_documented_command_turns_foxglove_to_another_camera(foxglove: dict[str, Any], tmp_path: Path) -> None:
    (command,) = re.findall(r"`(sed [^`]*dfs\.json) > [^`]+`", (ROOT / "docs/nodes.md").read_text())
    text = subprocess.run(shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    turned = json.loads(text)["configById"]
    for name, panel in foxglove["configById"].items():
        before, after = json.dumps(panel), json.dumps(turned[name])
        assert after == re.sub(r'"/(?!diagnostics)', '"/front/', before)


def test_foxglove_draws_its_curves(foxglove: dict[str, Any]) -> None:
    for path in foxglove["configById"]["Plot!visibility"]["paths"]:
        assert path["enabled"], "a path that is not enabled draws nothing"
        assert path["timestampMethod"] == "receiveTime", "a Float32 has no stamp"


def test_rviz_shows_only_topics_that_are_published() -> None:
    displays = yaml.safe_load(RVIZ.read_text())["Visualization Manager"]["Displays"]
    assert {display["Topic"]["Value"] for display in displays} <= published()
    assert [display["Name"] for display in displays] == ["Camera", "Dehazed", "Overlay"]
