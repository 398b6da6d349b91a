"""What somebody else on the network can make a dehaze node read: models in their folders, and nothing more."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

Start = Callable[..., Any]

OUTSIDE = "must name a file in or below"


class Peer:
    """Somebody who calls all that a node offers."""

    def __init__(self, node: Any) -> None:
        self.graph = node.graph

    def set_model(self, path: object, *, atomically: bool = False) -> Any:
        """Set the parameter and return the result."""
        kind = SetParametersAtomically if atomically else SetParameters
        parameters = [Parameter("model", value=str(path)).to_parameter_msg()]
        name = f"/dehaze_node/set_parameters{'_atomically' * atomically}"
        answer = self.graph.call(kind, name, kind.Request(parameters=parameters))
        return answer.result if atomically else answer.results[0]

    def model(self) -> str:
        """Return what the parameter is."""
        request = GetParameters.Request(names=["model"])
        return self.graph.call(GetParameters, "/dehaze_node/get_parameters", request).values[0].string_value

    def change(self, transition: int) -> bool:
        """Ask for a lifecycle transition."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.graph.call(ChangeState, "/dehaze_node/change_state", request).success

    def reload(self) -> Any:
        """Ask for the model to be loaded again."""
        return self.graph.call(Trigger, "/dehaze_node/reload_model", Trigger.Request())


@pytest.fixture
def folders(tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the only folder for models, with "model.onnx" in it, and a pipe elsewhere that nobody may open."""
    inside, home = tmp_path / "models", tmp_path / "home"
    inside.mkdir()
    home.mkdir()
    (inside / "model.onnx").write_bytes(model_path.read_bytes())
    secret = home / "secret.onnx"
    os.mkfifo(secret)
    (inside / "link.onnx").symlink_to(secret)
    (inside / "folder").symlink_to(home)
    (inside / "loop.onnx").symlink_to(inside / "loop.onnx")
    monkeypatch.setenv("HOME", str(home))
    return inside, secret


def was_opened(pipe: Path) -> bool:
    """Return whether somebody waits for what is written into a pipe."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    return True


def test_no_name_leads_out_of_the_folders_for_models(start: Start, folders: tuple[Path, Path]) -> None:
    inside, secret = folders
    node = start("-p", "autostart:=false", "-p", f"model_roots:=[{inside}]", model=inside / "model.onnx")
    peer = Peer(node)
    hostile = (
        secret,
        inside / "link.onnx",
        inside / "folder" / secret.name,
        inside / ".." / "home" / secret.name,
        f"{inside}-other/model.onnx",
        inside,
        "~/secret.onnx",
        "~root/model.onnx",
        os.path.relpath(secret),
        f"file://{secret}",
        "/dev/stdin",
        "/proc/self/environ",
        "/proc/self/cwd/README.md",
        f"../../{secret}",
        "x" * 5000,
        f"/{'x/' * 3000}",
        inside / "loop.onnx",
    )
    for path in hostile:
        for atomically in (False, True):
            result = peer.set_model(path, atomically=atomically)
            if result.successful:  # a name that leads nowhere is no file to read
                assert not Path(path).exists(), path
                assert not peer.change(Transition.TRANSITION_CONFIGURE)
            else:
                assert OUTSIDE in result.reason, (path, result.reason)
    assert peer.set_model(inside / "model.onnx").successful
    assert peer.change(Transition.TRANSITION_CONFIGURE)
    assert peer.change(Transition.TRANSITION_ACTIVATE)
    node.ask(node.image(), node.graph.listen(Image, "/dehaze_node/image_dehazed"))
    assert not was_opened(secret)
    assert "Traceback" not in node.process.output


def test_a_name_is_judged_again_when_the_model_is_loaded(start: Start, folders: tuple[Path, Path]) -> None:
    inside, secret = folders
    file = inside / "next.onnx"
    file.write_bytes((inside / "model.onnx").read_bytes())
    node = start("-p", f"model_roots:=[{inside}]", model=inside / "model.onnx")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    peer = Peer(node)
    assert peer.set_model(file).successful
    file.unlink()
    file.symlink_to(secret)
    answer = peer.reload()
    assert not answer.success
    assert OUTSIDE in answer.message
    node.ask(node.image(), answers)
    assert peer.change(Transition.TRANSITION_DEACTIVATE)
    assert peer.change(Transition.TRANSITION_CLEANUP)
    assert not peer.change(Transition.TRANSITION_CONFIGURE)
    assert not was_opened(secret)
    assert peer.model() == str(file)
    assert "Traceback" not in node.process.output
