"""What an install puts where, and which way imports point."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest
from catkin_pkg.package import Package, parse_package

import dfs_core

ROOT = Path(__file__).parents[1]
SOURCE = ("dfs_core", "dfs_ros", "scripts", "launch", "config", "resource", "bags")
MESSAGES = {"builtin_interfaces", "diagnostic_msgs", "lifecycle_msgs", "rcl_interfaces", "rosgraph_msgs", "sensor_msgs"}
ROS_PACKAGES = MESSAGES | {"std_msgs", "std_srvs", "ament_index_python", "launch", "launch_ros", "rclpy", "tf2_ros"}
PACKAGE_OF = {"tf2_ros": "tf2_ros_py"}
"""The ROS package that holds a module, where it is called otherwise."""


@pytest.fixture(scope="module")
def manifest() -> Package:
    warnings: list[str] = []
    package = parse_package(ROOT / "package.xml", warnings=warnings)
    assert warnings == []
    return package


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place that a copy of this tree was installed to."""
    source, target = tmp_path_factory.mktemp("source") / "dfs", tmp_path_factory.mktemp("prefix")
    source.mkdir()
    for folder in filter(Path.is_dir, (ROOT / name for name in SOURCE)):
        shutil.copytree(folder, source / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in filter(Path.is_file, ROOT.iterdir()):
        shutil.copy(file, source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--ignore-installed", "--prefix", str(target))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(source)], check=True, stdin=subprocess.DEVNULL
    )
    return target


@pytest.fixture(scope="module")
def distribution(prefix: Path) -> Distribution:
    (folder,) = prefix.rglob("dfs_ros-*.dist-info")
    return PathDistribution(folder)


def test_manifest_is_valid_and_is_an_ament_python_package(manifest: Package) -> None:
    manifest.validate()
    assert manifest.name == "dfs_ros"
    assert manifest.package_format == 3
    assert [export.content for export in manifest.exports if export.tagname == "build_type"] == ["ament_python"]


def test_manifest_depends_on_every_ros_package_that_is_imported(manifest: Package) -> None:
    used = {name for path in sources("dfs_ros", "launch") for name in imported_packages(path)} & ROS_PACKAGES
    needed = {PACKAGE_OF.get(name, name) for name in used}
    assert needed - {dependency.name for dependency in manifest.exec_depends} == set()


def test_version_is_the_same_everywhere(manifest: Package, distribution: Distribution) -> None:
    assert manifest.version == dfs_core.__version__ == distribution.version


@pytest.mark.parametrize("package", ["dfs_ros", "dfs_core"])
def test_both_names_are_in_the_ament_index(prefix: Path, package: str) -> None:
    assert (prefix / "share/ament_index/resource_index/packages" / package).is_file()
    assert (prefix / "share" / package / "package.xml").is_file()


@pytest.mark.parametrize("package", ["dfs_ros", "dfs_core"])
def test_every_script_is_installed_executable_where_ros2_run_looks(prefix: Path, package: str) -> None:
    expected = {path.name for path in (ROOT / "scripts" / package).iterdir()}
    installed = {path.name for path in (prefix / "lib" / package).iterdir() if os.access(path, os.X_OK)}
    assert installed == expected


def test_every_command_of_dfs_is_also_an_executable_of_dfs_core(distribution: Distribution) -> None:
    commands = {point.name for point in distribution.entry_points if point.group == "dfs.commands"}
    scripts = {path.name for path in (ROOT / "scripts/dfs_core").iterdir()}
    assert commands == {name.replace("_", "-") for name in scripts}  # the command build-engine is the node build_engine


@pytest.mark.parametrize("script", sorted((ROOT / "scripts/dfs_ros").iterdir()), ids=lambda path: path.name)
def test_every_executable_of_dfs_ros_starts_a_module_that_has_a_main(script: Path) -> None:
    module = ROOT / f"dfs_ros/{script.name}.py"
    functions = {node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert "main" in functions
    assert f"from dfs_ros.{script.name} import main" in script.read_text()


def test_ros2_launch_finds_each_launch_and_config_file_exactly_once(prefix: Path) -> None:
    share = prefix / "share/dfs_ros"
    for file in [
        *ROOT.glob("launch/*.launch.py"),
        *ROOT.glob("config/*.*"),
        *ROOT.glob("config/rviz/*"),
        *ROOT.glob("config/foxglove/*"),
    ]:
        assert [path.relative_to(share) for path in share.rglob(file.name)] == [file.relative_to(ROOT)]
    assert not list((prefix / "share/dfs_core").rglob("*.launch.py"))


def test_executable_runs_the_python_of_its_own_environment_and_else_the_one_on_path(
    prefix: Path, tmp_path: Path
) -> None:
    script = prefix / "lib/dfs_core/train"
    linked = tmp_path / "prefix/lib/dfs_core/train"  # as `colcon build --symlink-install` has it
    linked.parent.mkdir(parents=True)
    linked.symlink_to(script)
    for folder, name in ((prefix / "bin", "own"), (tmp_path / "path", "on-path")):
        folder.mkdir(exist_ok=True)
        (folder / "python3").write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (folder / "python3").chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'path'}:/usr/bin:/bin"}

    def run(path: Path) -> str:
        return subprocess.run([path, "a", "b c"], env=environment, capture_output=True, text=True, check=True).stdout

    assert run(script) == f"own {script} a b c\n"
    assert run(linked) == f"on-path {linked} a b c\n"


def test_files_that_modules_read_are_installed_beside_them(prefix: Path) -> None:
    pages = [*ROOT.glob("dfs_core/evaluation/report/page/*.*"), *ROOT.glob("dfs_ros/page/*.*")]
    for file in [*ROOT.glob("dfs_core/weights/*.onnx"), *pages]:
        assert len(list(prefix.rglob(f"site-packages/{file.relative_to(ROOT)}"))) == 1, file


def test_a_plain_install_brings_neither_torch_nor_ros(distribution: Distribution) -> None:
    plain = [requirement for requirement in distribution.requires or () if "extra ==" not in requirement]
    assert plain
    assert [name for name in plain if re.match(r"torch|ros|rcl|tensorrt|launch|cv.bridge", name)] == []


def test_dfs_core_imports_no_ros() -> None:
    forbidden = ROS_PACKAGES | {"dfs_ros"}
    assert [(path.name, name) for path in sources("dfs_core") for name in imported_packages(path) & forbidden] == []


def test_runtime_imports_of_this_project_only_itself_models_files_and_engines() -> None:
    parts = ("runtime", "artifact", "labels", "errors", "engines", "onnx_cut")
    allowed = tuple(f"dfs_core.{part}" for part in parts)
    ours = [
        (path.name, name) for path in sources("dfs_core/runtime") for name in imports(path) if name.startswith("dfs_")
    ]
    assert [pair for pair in ours if not pair[1].startswith(allowed)] == []


def test_engines_import_nothing_that_stands_above_them_but_for_their_commands() -> None:
    beside = ("artifact", "errors", "onnx_products", "whole_output")
    allowed = ("dfs_core.engines", *(f"dfs_core.{name}" for name in beside))
    ours = [
        (path.name, name)
        for path in sources("dfs_core/engines")
        for name in imports(path)
        if name.startswith("dfs_") and not path.name.endswith("command.py")
    ]
    assert [pair for pair in ours if not f"{pair[1]}.".startswith(tuple(f"{name}." for name in allowed))] == []


def test_importing_runtime_and_program_needs_no_torch() -> None:
    program = "import sys, dfs_core.runtime, dfs_core.runtime.tensorrt, dfs_core.cli; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_nothing_names_a_path_of_one_machine() -> None:
    folders = ("dfs_core", "dfs_ros", "scripts", "launch", "config", "test", "benchmarks", "docs", ".ci", "resource")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    machine_path = re.compile(rb"(?<![\w.~/-])/(?:work|root|farm|home/[a-z]\w*)/\w")
    texts = [
        path for path in files if path.suffix in {"", ".py", ".md", ".yaml", ".toml", ".cfg", ".xml", ".rviz", ".json"}
    ]
    assert [str(path.relative_to(ROOT)) for path in texts if machine_path.search(path.read_bytes())] == []


def sources(*folders: str) -> Iterator[Path]:
    """Yield the Python files below folders of this tree."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, at its top or anywhere else."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert node.level == 0, f"{path}: relative import of {node.module}"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_packages(path: Path) -> set[str]:
    """Return the first parts of the modules that a file imports."""
    return {name.partition(".")[0] for name in imports(path)}
