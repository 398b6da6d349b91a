"""Checkpoints: a full disk costs the newest at most, and nothing that is read is run."""

import pickle
import subprocess
import sys

import pytest
import torch

from dfs_core.errors import CheckpointError
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint

SAVE_WITH_LITTLE_ROOM = """
import resource, sys, torch
from pathlib import Path
from dfs_core.errors import TrainingError
from dfs_core.training import checkpoint

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    checkpoint.save(Path(sys.argv[1]), checkpoint.Checkpoint({}, 2, {"weight": torch.zeros(100_000)}, {}, {}, None))
except TrainingError as error:
    print(error)
"""


def small(step):
    return Checkpoint({"model": "x"}, step, {"weight": torch.ones(3)}, {}, {}, None, best=0.5)


def test_what_is_saved_is_loaded(tmp_path):
    checkpoint.save(tmp_path / "last.ckpt", small(7))
    state = checkpoint.load(tmp_path / "last.ckpt")
    assert (state.step, state.config, state.best) == (7, {"model": "x"}, 0.5)
    assert torch.equal(state.model["weight"], torch.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_full_disk_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "last.ckpt"
    checkpoint.save(path, small(1))
    words = [sys.executable, "-c", SAVE_WITH_LITTLE_ROOM, str(path)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{path}: could not be written (File too large); what was there before is as it was.")
    assert said.endswith("Make room, then start the same command again: it goes on from last.ckpt\n")
    assert checkpoint.load(path).step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = tmp_path / "evil.ckpt"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(CheckpointError, match=r"evil\.ckpt: not a DFS checkpoint, or damaged .*; give a last\.ckpt"):
        checkpoint.load(path)


def test_damaged_and_missing_checkpoints_are_told_apart(tmp_path):
    path = tmp_path / "last.ckpt"
    checkpoint.save(path, small(1))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match=r"last\.ckpt: not a DFS checkpoint, or damaged"):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match=r"none\.ckpt: no such checkpoint; train one with `dfs train`"):
        checkpoint.load(tmp_path / "none.ckpt")
