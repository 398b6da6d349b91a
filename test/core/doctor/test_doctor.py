"""`dfs doctor` as a user runs it, on this machine as it is and on machines where something does not work."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dfs_core.artifact import read
from dfs_core.doctor import files, gpu, job, machine, ros
from dfs_core.doctor.child import ask
from dfs_core.doctor.finding import Finding, Mark, Probe
from dfs_core.errors import MachineError
from dfs_core.runtime.loading import SHIPPED_MODEL
from dfs_core.runtime.probes import missing_cuda_device

Findings = dict[tuple[str, str], dict[str, str]]
Run = Callable[..., tuple["subprocess.CompletedProcess[str]", bool, Findings]]

NO_CUDA = missing_cuda_device()
CPUINFO = """processor\t: 0
model name\t: Some Processor
flags\t\t: fpu sse2 avx2 avx512f avx512_vnni amx_bf16

"""
MEMINFO = "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    2000000 kB\n"


def in_folder(folder: Path) -> Run:
    """Return what runs the command, with modules of the test's own before those that are installed."""

    def run(modules: dict[str, str] | None = None, **variables: str) -> Any:
        for name, content in (modules or {}).items():
            (folder / f"{name}.py").write_text(content)
        program = """
            import sys
            sys.path.insert(0, sys.argv.pop(1))
            import typer
            from dfs_core.doctor.command import doctor
            typer.run(doctor)
        """
        out = folder / "findings.json"
        command = [sys.executable, "-c", textwrap.dedent(program), str(folder), "--json", str(out)]
        environment = {**os.environ, "NO_COLOR": "1", **variables}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert run.stderr == ""
        document = json.loads(out.read_text())
        findings = {(finding["topic"], finding["name"]): finding for finding in document["findings"]}
        return run, document["healthy"], findings

    return run


@pytest.fixture
def doctor(tmp_path: Path) -> Run:
    """Run the command, with what a test changes."""
    return in_folder(tmp_path)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command tells of this machine as it is, and of a cache of 3 MB."""
    folder = tmp_path_factory.mktemp("here")
    engine = folder / "cache/dfs/engines/one"
    engine.mkdir(parents=True)
    (engine / "model.engine").write_bytes(bytes(2_500_000))
    (engine / "manifest.json").write_bytes(bytes(500_000))
    return in_folder(folder)(XDG_CACHE_HOME=str(folder / "cache"))


@pytest.mark.skipif(not SHIPPED_MODEL.exists(), reason="no shipped model")
def test_here_the_shipped_model_runs_and_everything_is_told(here: Any) -> None:
    run, healthy, findings = here
    assert (run.returncode, healthy) == (0, True)
    topics = ["machine", "GPU", "packages", "ROS", "models", "cache", "main job"]
    assert list(dict.fromkeys(topic for topic, _ in findings)) == topics
    assert findings["main job", "openvino"]["mark"] == "fine"
    assert findings["packages", "torch"]["words"] == version("torch")
    size = SHIPPED_MODEL.stat().st_size / 1e6
    precision = read(SHIPPED_MODEL).precision
    assert findings["models", SHIPPED_MODEL.stem]["words"].startswith(f"{size:.2f} MB, {precision}")
    for finding in findings.values():
        assert finding["words"] in run.stdout
        assert finding["cure"] in run.stdout


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
def test_a_machine_without_a_gpu_lacks_it_but_is_healthy(here: Any) -> None:
    run, _, findings = here
    assert run.returncode == 0
    for line in (("GPU", "driver"), ("main job", "tensorrt"), ("main job", "onnxruntime-cuda")):
        assert (findings[line]["mark"], findings[line]["words"]) == ("missing", NO_CUDA.partition(";")[0])
    assert findings["GPU", "driver"]["cure"] == gpu.driver_cure(gpu.hardware())
    assert findings["main job", "tensorrt"]["cure"] == "see GPU above"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a sound card of NVIDIA's and no container; its GPUs are up to the test."""
    devices = tmp_path / "devices"
    devices.mkdir()
    monkeypatch.setattr(gpu, "_PCI_DEVICES", devices)
    monkeypatch.setattr(gpu, "_DEVICE_TREE", tmp_path / "compatible")
    monkeypatch.setattr(gpu, "_CONTAINER_MARKS", (tmp_path / "container",))
    plug(devices / "0000:01:00.1", "0x10de", "0x040300", "0x22ba")
    return devices


def plug(folder: Path, vendor: str, kind: str, model: str) -> None:
    folder.mkdir()
    for name, content in (("vendor", vendor), ("class", kind), ("device", model)):
        (folder / name).write_text(f"{content}\n")


def test_gpu_is_seen_without_its_driver(bus: Path) -> None:
    assert gpu.hardware() == []
    assert gpu.driver_cure([]) == "nothing to do: there is no NVIDIA GPU"
    plug(bus / "0000:00:02.0", "0x8086", "0x030000", "0x46a6")
    plug(bus / "0000:01:00.0", "0x10de", "0x030000", "0x2684")
    assert gpu.hardware() == ["PCI 0000:01:00.0 (10de:2684)"]
    assert gpu.driver_cure(gpu.hardware()).startswith("sudo ubuntu-drivers install")


def test_container_is_told_to_be_given_the_gpu(bus: Path) -> None:
    plug(bus / "0000:01:00.0", "0x10de", "0x030200", "0x27b8")
    (bus.parent / "container").touch()
    assert gpu.driver_cure(gpu.hardware()).startswith("docker run --gpus all")


def test_jetson_is_told_of_jetpack(bus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_PCI_DEVICES", bus / "none")
    (bus.parent / "compatible").write_bytes(b"nvidia,p3737-0000+p3701-0000\0nvidia,tegra234\0")
    assert gpu.driver_cure(gpu.hardware()) == "sudo apt install nvidia-jetpack"


def test_tensorrt_that_is_too_old_is_broken(doctor: Run) -> None:
    _, _, findings = doctor({"tensorrt": "__version__ = '8.6.2'\n"})
    assert findings["GPU", "tensorrt"]["mark"] == "broken"
    assert findings["GPU", "tensorrt"]["words"] == "8.6.2, older than 10.3, the first that DFS can use"


def test_verdict_names_what_auto_takes() -> None:
    lines = [Finding("main job", name, Mark.FINE, "loaded") for name in ("openvino", "onnxruntime")]
    assert job.verdict(lines).words == "works on openvino and onnxruntime; backend 'auto' takes openvino"
    untried = Finding("main job", "tensorrt", Mark.MISSING, job.NOT_TRIED, "dfs doctor --tensorrt")
    assert job.verdict([untried, *lines]).words.endswith("; backend 'auto' tries tensorrt first, else takes openvino")


def test_backend_that_was_tried_or_comes_later_is_not_said_to_be_tried_first() -> None:
    works = Finding("main job", "openvino", Mark.FINE, "loaded")
    fails = Finding("main job", "tensorrt", Mark.BROKEN, "cannot load this engine")
    later = Finding("main job", "onnxruntime", Mark.MISSING, job.NOT_TRIED)
    assert job.verdict([fails, works, later]).words == "works on openvino; backend 'auto' takes openvino"
    untried = Finding("main job", "tensorrt", Mark.MISSING, job.NOT_TRIED, "dfs doctor --tensorrt")
    nothing = job.verdict([untried, fails])
    assert (nothing.mark, nothing.cure) == (Mark.BROKEN, "dfs doctor --tensorrt")
    assert nothing.words == "works on no backend but perhaps tensorrt, which was not tried"


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU, so the main job may be done there")
def test_libraries_that_crash_or_do_not_start_are_lines_and_the_job_fails(doctor: Run) -> None:
    modules = {"openvino": "import os\nos.abort()\n", "onnxruntime": "raise ImportError('libfoo.so: no such\\nfile')\n"}
    run, healthy, findings = doctor(modules)
    assert (run.returncode, healthy) == (1, False)
    for topic in ("packages", "main job"):
        assert findings[topic, "openvino"]["mark"] == "broken"
        assert findings[topic, "openvino"]["words"] == "ended its process with SIGABRT"
        assert findings[topic, "onnxruntime"]["mark"] == "broken"
        assert "libfoo.so: no such file" in findings[topic, "onnxruntime"]["words"]
        assert "pip install" in findings[topic, "onnxruntime"]["cure"]
    assert findings["main job", "dehaze a frame"]["mark"] == "broken"
    assert findings["packages", "numpy"]["mark"] == "fine"


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
def test_one_backend_that_works_is_enough(doctor: Run) -> None:
    run, healthy, findings = doctor({"openvino": "raise ImportError('wrong processor')\n"})
    assert (run.returncode, healthy) == (0, True)
    assert findings["main job", "dehaze a frame"]["words"] == "works on onnxruntime; backend 'auto' takes onnxruntime"


@pytest.mark.skipif(not SHIPPED_MODEL.exists(), reason="no shipped model")
def test_a_vehicle_with_the_small_install_is_healthy_and_told_what_it_lacks(doctor: Run, tmp_path: Path) -> None:
    hidden = ("torch", "onnxruntime", "onnxscript", "tensorrt_rtx", "rclpy", "rosbags")
    hide = f"""
        import importlib.machinery as machinery
        find = machinery.PathFinder.find_spec
        machinery.PathFinder.find_spec = lambda name, *rest: None if name in {hidden} else find(name, *rest)
    """
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    run, healthy, findings = doctor({"sitecustomize": textwrap.dedent(hide)}, PYTHONPATH=path)
    assert (run.returncode, healthy) == (0, True)
    for line in (("packages", "onnxruntime"), ("GPU", "tensorrt_rtx"), ("ROS", "rclpy"), ("main job", "onnxruntime")):
        assert findings[line]["mark"] == "missing"
        assert "pip install" in findings[line]["cure"]
    assert findings["main job", "openvino"]["mark"] == "fine"


def test_a_broken_package_that_everything_needs_is_told_by_a_doctor_that_needs_it_not(doctor: Run) -> None:
    run, _, findings = doctor({"numpy": "raise ImportError('numpy was built for another Python')\n"})
    assert run.returncode == 1
    assert findings["packages", "numpy"]["mark"] == "broken"
    assert "built for another Python" in findings["packages", "numpy"]["words"]
    assert "another Python" in findings["main job", "backends"]["words"]


def test_importing_the_doctor_imports_only_what_every_install_has() -> None:
    program = """
        import sys
        import dfs_core.doctor.command
        from dfs_core.doctor import files, gpu, job, machine, packages, ros
        print(sorted({"numpy", "onnx", "cv2", "torch", "openvino", "onnxruntime", "numba"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_sourced_ros_beside_wheels_is_broken(doctor: Run) -> None:
    try:
        version("ros-jazzy-rclpy")
    except PackageNotFoundError:
        pytest.skip("the wheels are not installed")
    run, _, findings = doctor(ROS_DISTRO="jazzy")
    assert run.returncode == 0
    assert findings["ROS", "distribution"]["mark"] == "broken"
    assert "pip uninstall" in findings["ROS", "distribution"]["cure"]


@pytest.mark.parametrize(("segment", "cure"), [("fastrtps_1", "rm {}/*fastrtps_*"), ("other", "--shm-size=1g")])
def test_shared_memory_that_killed_processes_fill_is_told(
    segment: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / segment).write_bytes(bytes(4_000_000))
    monkeypatch.setattr(ros, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(ros.shutil, "disk_usage", lambda _: SimpleNamespace(total=64e6, used=5e6, free=59e6))
    (probe,) = (probe for probe in ros.probes() if probe.name == "shared memory")
    (finding,) = probe.findings()
    assert finding.mark is Mark.MISSING
    assert cure.format(tmp_path) in finding.cure


def test_cache_folder_that_cannot_be_is_told(doctor: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run, _, findings = doctor(XDG_CACHE_HOME=str(tmp_path / "file" / "below"))
    assert run.returncode == 0
    assert findings["cache", "folder"]["mark"] == "missing"
    assert "XDG_CACHE_HOME" in findings["cache", "folder"]["cure"]


def test_cache_folders_are_measured(here: Any) -> None:
    _, _, findings = here
    assert findings["cache", "engines"]["words"] == "3.0 MB in 2 files"


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_damaged_model_is_broken(share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SHIPPED_MODEL.read_bytes()
    path = tmp_path / "dfs_fast.onnx"
    path.write_bytes(whole[: int(share * len(whole))])
    monkeypatch.setattr("dfs_core.runtime.loading.WEIGHTS", tmp_path)
    (found,) = files.probes()[0].findings()
    assert (found.topic, found.name, found.mark) == ("models", "dfs_fast", Mark.BROKEN)
    assert "dfs_fast.onnx: " in found.words


def test_error_of_a_probe_is_its_last_line() -> None:
    first = Finding("topic", "first", Mark.FINE, "is there")

    def stumble() -> Any:
        yield first
        raise KeyError("second\nline")

    found = Probe("topic", "name", stumble, "do this").findings()
    assert found == [first, Finding("topic", "name", Mark.BROKEN, "KeyError: 'second\\nline'", "do this")]


def test_question_without_an_answer_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "never_ready.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MachineError, match="gave no answer within 1 s"):
        ask("version", "never_ready", timeout_s=1.0)


def test_instructions_and_memory_are_read_as_the_kernel_writes_them() -> None:
    assert machine.instructions(CPUINFO) == ["AVX2", "AVX-512", "VNNI (512)", "AMX bf16"]
    assert machine.instructions("Features\t: fp asimd asimddp bf16\n") == ["dot product", "bf16"]
    assert machine.instructions("") == []
    assert machine.available_bytes(MEMINFO) == 2_048_000_000
