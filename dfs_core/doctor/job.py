"""The main job, really tried: load the shipped model on each backend and run a frame."""

import itertools
from collections.abc import Iterator
from functools import partial

from dfs_core.doctor.child import ask
from dfs_core.doctor.finding import Finding, Mark, Probe
from dfs_core.doctor.questions import FRAME
from dfs_core.errors import MachineError

TOPIC = "main job"
_SLOW = "tensorrt"
"""Where no engine is kept it builds one, which takes minutes."""

NOT_TRIED = "not tried: it may build an engine, for minutes"

_TIMEOUT_S, _SLOW_TIMEOUT_S = 180.0, 3600.0
_CURES = {
    "tensorrt": "where there is a GPU: pip install tensorrt",
    "onnxruntime-cuda": "where there is a GPU: pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime",
    "openvino": "pip install 'dfs_ros[cpu]'",
    "onnxruntime": "pip install 'dfs_ros[onnxruntime]'",
}


def probes(*, tensorrt: bool) -> list[Probe]:
    """Return one probe a backend.

    Args:
        tensorrt: whether it is tried, too, where there is a GPU.
    """
    from dfs_core.runtime.loading import BACKENDS

    return [
        Probe(TOPIC, name, partial(_backend, name, tried=name != _SLOW or tensorrt), _CURES.get(name, ""))
        for name in BACKENDS
    ]


def verdict(findings: list[Finding]) -> Finding:
    """Return whether the shipped model runs on some backend, given what each of them came to."""
    backends = [finding for finding in findings if finding.topic == TOPIC]
    running = [finding.name for finding in backends if finding.mark is Mark.FINE]
    if running:
        before = itertools.takewhile(lambda finding: finding.mark is not Mark.FINE, backends)
        untried = [finding.name for finding in before if finding.words == NOT_TRIED]
        takes = f"tries {untried[0]} first, else takes {running[0]}" if untried else f"takes {running[0]}"
        words = f"works on {' and '.join(running)}; backend 'auto' {takes}"
        return Finding(TOPIC, "dehaze a frame", Mark.FINE, words)
    untried = [finding.name for finding in backends if finding.words == NOT_TRIED]
    if untried:
        words = f"works on no backend but perhaps {untried[0]}, which was not tried"
        return Finding(TOPIC, "dehaze a frame", Mark.BROKEN, words, "dfs doctor --tensorrt")
    cure = "pip install 'dfs_ros[cpu]', then dfs doctor"
    return Finding(TOPIC, "dehaze a frame", Mark.BROKEN, "works on no backend", cure)


def _backend(name: str, *, tried: bool) -> Iterator[Finding]:
    from dfs_core.runtime.loading import unusable
    from dfs_core.runtime.probes import missing_cuda_device

    if (reason := unusable(name)) is not None:
        if reason == missing_cuda_device():
            yield Finding(TOPIC, name, Mark.MISSING, reason.partition(";")[0], "see GPU above")
        else:
            yield Finding(TOPIC, name, Mark.MISSING, reason, _CURES.get(name, ""))
        return
    if not tried:
        yield Finding(TOPIC, name, Mark.MISSING, NOT_TRIED, "dfs doctor --tensorrt")
        return
    try:
        found = ask("frame", name, timeout_s=_SLOW_TIMEOUT_S if name == _SLOW else _TIMEOUT_S)
    except MachineError as error:
        yield Finding(TOPIC, name, Mark.BROKEN, str(error), _CURES.get(name, ""))
        return
    height, width = FRAME
    words = (
        f"loaded in {found['load_s']:.2f} s, first frame {1e3 * found['first_s']:.0f} ms, then "
        f"{1e3 * found['next_s']:.0f} ms at {width}x{height} in {found['precision']}"
    )
    yield Finding(TOPIC, name, Mark.FINE, words)
