"""Signals reach a process that has freed a model: Ctrl-C, and the end of every child."""

import subprocess
import sys

import pytest

FREED_BY_ANOTHER_THREAD = """
import os, signal, sys, threading
from dfs_core.runtime import load

signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
models = [load(sys.argv[1], sys.argv[2])]
models[0].warm_up(60, 96)

def free():
    models.pop().close()

thread = threading.Thread(target=free)
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_signal_is_handled_after_another_thread_has_freed_the_model(backend, model_path):
    command = [sys.executable, "-c", FREED_BY_ANOTHER_THREAD, str(model_path), backend]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "handled\n"), run.stderr
