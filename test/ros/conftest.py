"""Real nodes in processes of their own, and a test process that talks to them over real DDS."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
"""Nothing here takes long; this is for a machine that is busy with something else."""

ANSWER_SECONDS = 10.0
"""After this a service is asked again."""

STOP_SECONDS = 10.0
"""In this a process ends that was asked to."""


class NodeProcess:
    """A node in a process of its own."""

    def __init__(self, command: list[str], log: Path) -> None:
        """Start it; what it prints goes into `log`."""
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def thread_count(self) -> int:
        """How many threads it has."""
        return len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))

    @property
    def resident_mb(self) -> float:
        """How many megabytes of memory it holds."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Return the exit code once it has ended; subprocess.TimeoutExpired if it does not."""
        return self._process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code; it is an error if the process does not end."""
        self._process.send_signal(number)
        return self.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it and all that it started at once, if they run."""
        for pid in _descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def end_all(processes: list[NodeProcess]) -> None:
    """Ask processes to end, and kill those that do not, with all that they started."""
    running = [process for process in processes if process.is_running]
    started = [pid for process in running for pid in _descendants(process.pid)]
    for process in running:
        process.send(signal.SIGINT)
        process.send(signal.SIGCONT)
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(deadline - time.monotonic())
    for process in processes:
        process.kill()
    for pid in started:  # those whose parent ended without them
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have; none once it has ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [number for child in map(int, children) for number in (child, *_descendants(child))]


class Graph:
    """A ROS graph with its own domain, a node of the test's, and the processes that the test starts."""

    def __init__(self, folder: Path) -> None:
        """Join the domain of this process' environment; logs go into `folder`."""
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self._folder = folder
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node("test", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.processes: list[NodeProcess] = []

    def start(self, module: str, *ros_args: str) -> NodeProcess:
        """Start `python -m MODULE --ros-args …`."""
        return self.run([sys.executable, "-m", module, "--ros-args", *ros_args])

    def run(self, command: list[str]) -> NodeProcess:
        """Start a process that is ended with the graph."""
        process = NodeProcess(command, self._folder / f"process{len(self.processes)}.log")
        self.processes.append(process)
        return process

    def listen(self, kind: type, topic: str, *, latched: bool = False) -> list[Any]:
        """Subscribe reliably, and return the list that messages are appended to."""
        from rclpy.qos import DurabilityPolicy, QoSProfile

        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, QoSProfile(depth=10, durability=durability))
        return messages

    def wait(self, condition: Callable[[], Any], what: str, *, seconds: float = DEADLINE_SECONDS) -> Any:
        """Handle messages until a condition holds and return its value; fail, naming `what`, after the deadline."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s; processes said:\n{self.outputs}"
            self._executor.spin_once(timeout_sec=0.05)
        return value

    def send_until(self, publisher: Any, message: Any, condition: Callable[[], Any], what: str) -> Any:
        """Publish a message again and again until a condition holds: best effort may lose the first."""
        next_time = 0.0

        def holds() -> Any:
            nonlocal next_time
            if time.monotonic() >= next_time and publisher.get_subscription_count():
                publisher.publish(message)
                next_time = time.monotonic() + 0.5
            return condition()

        return self.wait(holds, what)

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Call a service and return its answer.

        It is asked again after a while: a server that has not found the new client yet drops the answer.
        """
        client = self.node.create_client(kind, name)
        self.wait(client.service_is_ready, f"service {name}")
        futures = [client.call_async(request)]
        next_time = time.monotonic() + ANSWER_SECONDS

        def answered() -> Any:
            nonlocal next_time
            if time.monotonic() >= next_time:
                futures.append(client.call_async(request))
                next_time = time.monotonic() + ANSWER_SECONDS
            return next((future for future in futures if future.done()), None)

        answer = self.wait(answered, f"answer of {name}").result()
        self.node.destroy_client(client)
        return answer

    @property
    def outputs(self) -> str:
        """What all processes have printed."""
        return "\n".join(process.output for process in self.processes)

    def close(self) -> None:
        """Leave the domain, then end all processes.

        In this order, and not by force while it can be helped: a process that is killed while it writes into the shared
        memory of another leaves a lock behind on which Fast DDS 2.14 crashes as the other leaves
        (SharedMemChannelResource::release), and its own 64 MB are never given back.
        """
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()
        end_all(self.processes)


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Graph]:
    """Return a ROS graph that no other test, and no other machine, is part of."""
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
    from domain_coordinator import domain_id

    from dfs_ros import middleware

    with domain_id() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path))
        monkeypatch.setenv("AMENT_PREFIX_PATH", os.environ.get("AMENT_PREFIX_PATH", sys.prefix))
        for name in middleware.PROFILE_VARIABLES:
            monkeypatch.setenv(name, str(ROOT / "config" / "fastdds.xml"))
        joined = Graph(tmp_path)
        yield joined
        joined.close()


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model file that follows the contract; it always sees fog of 0.02 to 0.05 per metre."""
    import onnx

    path = tmp_path_factory.mktemp("model") / "small_model.onnx"
    onnx.save(_load("core/runtime/contract_model.py").build_model(), path)
    return path


@pytest.fixture
def model_blind_to_black(model_path: Path, tmp_path: Path) -> Path:
    """Return the small model with a fog density of black frames that is 0 / 0."""
    import onnx

    model = onnx.load(model_path)
    density = next(node for node in model.graph.node if node.output[0] == "fog_density")
    density.output[0] = "any_density"
    model.graph.initializer.append(onnx.helper.make_tensor("axes_of_frame", onnx.TensorProto.INT64, [3], [1, 2, 3]))
    model.graph.node.extend(
        [
            onnx.helper.make_node("ReduceMax", ["low_resolution", "axes_of_frame"], ["brightest"], keepdims=0),
            onnx.helper.make_node("Div", ["brightest", "brightest"], ["one_or_nan"]),
            onnx.helper.make_node("Mul", ["any_density", "one_or_nan"], ["fog_density"]),
        ]
    )
    onnx.save(model, tmp_path / "blind_to_black.onnx")
    return tmp_path / "blind_to_black.onnx"


@pytest.fixture(scope="session")
def recordings() -> ModuleType:
    """Return the module that writes bags for tests."""
    return _load("ros/recordings.py")


@pytest.fixture(params=["rclpy", "rosbags"])
def library(request: pytest.FixtureRequest) -> SimpleNamespace:
    """The message classes of one library, and a header of it."""
    if request.param == "rclpy":
        messages = pytest.importorskip("sensor_msgs.msg")
        from std_msgs.msg import Header

        return SimpleNamespace(Image=messages.Image, Compressed=messages.CompressedImage, header=Header(frame_id="cam"))
    typesys = pytest.importorskip("rosbags.typesys")
    types = typesys.get_typestore(typesys.Stores.ROS2_JAZZY).types
    stamp = types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    return SimpleNamespace(
        Image=types["sensor_msgs/msg/Image"],
        Compressed=types["sensor_msgs/msg/CompressedImage"],
        header=types["std_msgs/msg/Header"](stamp=stamp, frame_id="cam"),
    )


@pytest.fixture(scope="session")
def dehaze_harness() -> ModuleType:
    """Return the module that starts dehaze nodes for tests."""
    return _load("ros/dehaze_harness.py")


@pytest.fixture
def start(graph: Graph, model_path: Path, dehaze_harness: ModuleType) -> Callable[..., Any]:
    """Return what starts a dehaze node with ROS arguments, and with the small model or the one that is given."""
    return lambda *ros_args, model=model_path, **options: dehaze_harness.DehazeNode(graph, model, *ros_args, **options)


def _load(source: str) -> ModuleType:
    """Return a module of the test folder, which is no package."""
    path = ROOT / "test" / source
    spec = importlib.util.spec_from_file_location(f"test_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
