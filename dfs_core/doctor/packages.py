"""What runs networks on the processor, what trains them, and what reads bags."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

from dfs_core.doctor.child import ask
from dfs_core.doctor.finding import Finding, Mark, Probe
from dfs_core.doctor.installed import installed_version

TOPIC = "packages"
_ALWAYS = {
    "numpy": ("numpy",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
    "onnx": ("onnx",),
    "yaml": ("PyYAML",),
}
"""What every install has, by its name in `import`."""

_COMPILE_TIMEOUT_S = 180.0


def probes() -> list[Probe]:
    """Return what is asked of packages."""
    again = "pip install --force-reinstall"
    return [
        *(Probe(TOPIC, name, partial(_always, name), f"{again} {names[0]}") for name, names in _ALWAYS.items()),
        Probe(TOPIC, "openvino", _openvino, f"{again} openvino"),
        Probe(TOPIC, "numba", _numba, "NUMBA_CACHE_DIR=FOLDER dfs doctor, where FOLDER can be written"),
        Probe(TOPIC, "onnxruntime", _onnxruntime, f"{again} onnxruntime"),
        Probe(TOPIC, "torch", _torch),
        Probe(TOPIC, "rosbags", _rosbags),
    ]


def _always(name: str) -> Iterator[Finding]:
    if find_spec(name) is None:
        yield Finding(TOPIC, name, Mark.BROKEN, "not installed", f"pip install {_ALWAYS[name][0]}")
        return
    yield Finding(TOPIC, name, Mark.FINE, ask("version", name)["version"])


def _openvino() -> Iterator[Finding]:
    if find_spec("openvino") is None:
        yield _missing("openvino", "cpu")
        return
    found = ask("openvino")
    yield Finding(TOPIC, "openvino", Mark.FINE, found["version"])
    for device, facts in found["devices"].items():
        words = f"{facts['name']}: {', '.join(facts['capabilities'])}; precision auto is {facts['precision']}"
        yield Finding(TOPIC, f"openvino {device}", Mark.FINE, words)


def _numba() -> Iterator[Finding]:
    if find_spec("numba") is None:
        yield _missing("numba", "cpu")
        return
    found = ask("numba", timeout_s=_COMPILE_TIMEOUT_S)
    yield Finding(TOPIC, "numba", Mark.FINE, f"{found['version']}, kernels ready in {found['seconds']:.1f} s")


def _onnxruntime() -> Iterator[Finding]:
    if find_spec("onnxruntime") is None:
        yield _missing("onnxruntime", "onnxruntime")
        return
    found = ask("onnxruntime")
    yield Finding(TOPIC, "onnxruntime", Mark.FINE, f"{found['version']} with {', '.join(found['providers'])}")


def _torch() -> Iterator[Finding]:
    """Look at torch without importing it, which takes seconds; only training and export need it."""
    version = installed_version("torch")
    yield _missing("torch", "train") if version is None else Finding(TOPIC, "torch", Mark.FINE, version)


def _rosbags() -> Iterator[Finding]:
    version = installed_version("rosbags")
    yield _missing("rosbags", "bags") if version is None else Finding(TOPIC, "rosbags", Mark.FINE, version)


def _missing(name: str, extra: str) -> Finding:
    return Finding(TOPIC, name, Mark.MISSING, "not installed", f"pip install 'dfs_ros[{extra}]'")
