"""Memory that malloc keeps; that of images, beside rclpy's threads, is in test/ros/test_middleware.py."""

import os
import subprocess
import sys

import pytest

BLOCK = 80_000_000  # more than malloc ever takes from its heap by itself
PAGES = BLOCK // 4096

SCRIPT = f"""
import resource, sys
from dfs_core.freed_memory import keep_freed_memory
kept = sys.argv[1] == "keep" and keep_freed_memory(of_any_size=True)
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
b"x" * {BLOCK}
before = faults()
for _ in range(5): b"x" * {BLOCK}
print(int(kept), faults() - before)
"""


def count(setting: str) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, setting], capture_output=True, text=True, check=True)
    kept, faults = map(int, done.stdout.split())
    return kept, faults


def test_blocks_of_any_size_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    kept, faults = count("keep")
    if not kept:
        pytest.skip("this C library's malloc cannot be told to keep memory")
    assert faults < PAGES
    assert count("leave")[1] > 4 * PAGES, "without the setting there is nothing to cure, so this test shows nothing"
