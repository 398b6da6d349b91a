"""What a node says of parameters that do not fit, and how it follows those that change."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfs_core.errors import ConfigError
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.parameters import ALWAYS, LiveParameters, declare, parameter

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from rclpy.node import Node
from rclpy.parameter import Parameter


@dataclass(frozen=True)
class Settings:
    """One parameter of each kind."""

    topics: tuple[str, ...] = parameter((), "Names.")
    quality: int = parameter(90, "Percent.", at_least=1, at_most=100, settable=ALWAYS)
    rate: float = parameter(1.0, "Hz.", above=0.0, settable=ALWAYS)
    loop: bool = parameter(False, "Or not.")
    light: tuple[float, ...] = parameter((0.5, 0.5), "Two shares.", at_least=0.0, at_most=1.0, length=2)


def node(graph: Any, **given: Any) -> Node:
    """Return a node that was given these parameters."""
    overrides = [Parameter(name, value=value) for name, value in given.items()]
    return Node("given", context=graph.node.context, parameter_overrides=overrides)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("topics", 5, "a list of strings, not 5; write [first, second]"),
        ("topics", [1, 2], "a list of strings, not"),
        ("quality", 90.5, "a whole number, not 90.5"),
        ("quality", 101, "at most 100, not 101"),
        ("quality", True, "a whole number, not True"),
        ("rate", "fast", "a number, not 'fast'"),
        ("rate", 0.0, "greater than 0, not 0.0"),
        ("rate", float("nan"), "greater than 0, not nan"),
        ("loop", 1, "true or false, not 1"),
        ("light", 0.5, "a list of numbers, not 0.5; write [0.0, 1.5]"),
        ("light", ["a", "b"], "a list of numbers, not"),
        ("light", [0.5], "2 entries, not (0.5,)"),
        ("light", [0.5, 1.5], "at most 1, not (0.5, 1.5)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(graph: Any, name: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(node(graph, **{name: value}), Settings)
    assert f"parameter {name} must be {expected}" in str(caught.value)


def test_one_string_is_a_list_and_a_whole_number_a_number(graph: Any) -> None:
    assert declare(node(graph, topics="/front", rate=2), Settings) == Settings(topics=("/front",), rate=2.0)


@pytest.mark.parametrize("tells_afterwards", [True, False])
def test_allowed_changes_are_followed(graph: Any, monkeypatch: pytest.MonkeyPatch, tells_afterwards: bool) -> None:
    """Humble's rclpy has no callback for what was set."""
    if not tells_afterwards:
        monkeypatch.delattr(Node, "add_post_set_parameters_callback", raising=False)
    owner = node(graph)
    live = LiveParameters(owner, Settings, is_configured=lambda: True)
    results = owner.set_parameters([Parameter("quality", value=50), Parameter("rate", value=-1.0)])
    assert [result.successful for result in results] == [True, False]
    assert live.values == Settings(quality=50)


def test_the_shipped_file_shows_every_parameter_of_the_dehaze_node_at_its_default() -> None:
    file = Path(__file__).parents[2] / "config" / "dehaze.yaml"
    shown = yaml.safe_load(file.read_text())["/**"]["ros__parameters"]
    defaults = dataclasses.asdict(DehazeParameters())
    del defaults["image_transport"]  # the pipeline sets it for each camera
    for name in ("cameras", "model_roots"):
        assert shown.pop(name) == [""], "YAML's empty list has no type, so ROS cannot take it"
        assert defaults.pop(name) == ()
    assert shown == defaults
