"""What a parameter file gives a node is what rclpy finds in it."""

import os
from pathlib import Path

import pytest

from dfs_core.errors import ConfigError
from dfs_ros.params_file import parameters_of

SECTIONS = """
/**:
  ros__parameters: {a: all, b: all, c: all, f: [1, 2]}
/*:
  ros__parameters: {b: one word}
/*/*:
  ros__parameters: {b: two words}
camera:
  ros__parameters: {a: name}
/**/camera:
  ros__parameters: {d: in any namespace}
/front/camera:
  ros__parameters: {d: in another namespace}
/:
  camera:
    ros__parameters: {e: within the root}
camer:
  ros__parameters: {c: part of the name}
"""


@pytest.mark.usefixtures("graph")
def test_sections_fit_as_they_do_for_rclpy(tmp_path: Path) -> None:
    import rclpy

    file = tmp_path / "parameters.yaml"
    file.write_text(SECTIONS)
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", os.fspath(file)], context=context)
    node = rclpy.create_node("camera", context=context, automatically_declare_parameters_from_overrides=True)
    found = {name: node.get_parameter(name).value for name in "abcdef"}
    node.destroy_node()
    context.try_shutdown()
    assert parameters_of("/camera", file) == {**found, "f": list(found["f"])}


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", "not YAML"), ("\xff", "not YAML"), ("- a", "must hold sections"), (None, "cannot be read: No such file")],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "parameters.yaml"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=words):
        parameters_of("/camera", file)
