"""The machine itself and what runs there: DFS, Python, processor, memory."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dfs_core import __version__
from dfs_core.doctor.finding import Finding, Mark, Probe

TOPIC = "machine"
LEAST_MEMORY_GB = 1.0
"""What loading a model and a few large frames takes, with room."""

INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "VNNI",
    "avx512_vnni": "VNNI (512)",
    "avx512_bf16": "bf16",
    "amx_bf16": "AMX bf16",
    "amx_int8": "AMX int8",
    "asimddp": "dot product",
    "bf16": "bf16",
    "i8mm": "i8mm",
}
"""Those that make networks faster, as the kernel names them, on x86-64 and on ARM."""


def probes() -> list[Probe]:
    """Return what is asked of the machine."""
    return [
        Probe(TOPIC, "DFS", _dfs),
        Probe(TOPIC, "Python", _python),
        Probe(TOPIC, "processor", _processor),
        Probe(TOPIC, "memory", _memory),
    ]


def instructions(description: str) -> list[str]:
    """Return what networks gain by, out of the text of /proc/cpuinfo."""
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", description, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    return [words for flag, words in INSTRUCTIONS.items() if flag in known]


def available_bytes(description: str) -> int:
    """Return the memory that is free for programs, out of the text of /proc/meminfo."""
    return _kilobytes(description, "MemAvailable") * 1024


def _dfs() -> Iterator[Finding]:
    yield Finding(TOPIC, "DFS", Mark.FINE, f"{__version__} in {Path(__file__).parents[1]}")


def _python() -> Iterator[Finding]:
    words = f"{platform.python_version()} in {sys.prefix}, {platform.system()} {platform.machine()}"
    yield Finding(TOPIC, "Python", Mark.FINE, words)


def _processor() -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    description = _read("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.*)$", description, re.MULTILINE)
    name = model[1].strip() if model else platform.processor() or platform.machine()
    fast = ", ".join(instructions(description)) or "none that networks gain by is known"
    yield Finding(TOPIC, "processor", Mark.FINE, f"{name}; {usable} of {os.cpu_count()} cores usable")
    yield Finding(TOPIC, "instructions", Mark.FINE, fast)


def _memory() -> Iterator[Finding]:
    description = _read("/proc/meminfo")
    if not description:
        yield Finding(TOPIC, "memory", Mark.FINE, f"not told by {platform.system()}")
        return
    free, whole = available_bytes(description) / 1e9, _kilobytes(description, "MemTotal") * 1024 / 1e9
    enough = free >= LEAST_MEMORY_GB
    yield Finding(
        TOPIC,
        "memory",
        Mark.FINE if enough else Mark.BROKEN,
        f"{free:.1f} GB free of {whole:.1f} GB",
        "" if enough else f"end other programs: a model wants {LEAST_MEMORY_GB:g} GB",
    )


def _kilobytes(description: str, name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB$", description, re.MULTILINE)
    return int(found[1]) if found else 0


def _read(path: str) -> str:
    """Return the text of a file of the kernel; nothing where there is none, as on other systems."""
    file = Path(path)
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
