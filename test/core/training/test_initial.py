"""Starting from the weights of another run."""

import pytest
import torch

from dfs_core.errors import CheckpointError
from dfs_core.models import create_generator
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.initial import start_from


@pytest.fixture
def path(tmp_path):
    """The checkpoint of a dehazer of before the sky, with three planes; its weights and averages differ."""
    torch.manual_seed(0)
    weights, averaged = (create_generator("fast", {"width": 4}).state_dict() for _ in range(2))
    for state in (weights, averaged):
        state["planes.weight"], state["planes.bias"] = state["planes.weight"][:3], state["planes.bias"][:3]
    checkpoint.save(tmp_path / "best.ckpt", Checkpoint({"task": "dehazer"}, 1, weights, averaged, {}, None))
    return tmp_path / "best.ckpt"


def test_averages_are_taken_where_names_and_shapes_are_the_same(path):
    torch.manual_seed(1)
    network = create_generator("fast", {"width": 4})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, path, task="dehazer")
    given, found = checkpoint.load(path).averaged, network.state_dict()
    other = {"planes.weight", "planes.bias"}
    assert all(torch.equal(found[name], given[name]) for name in found.keys() - other)
    assert all(torch.equal(found[name], before[name]) for name in other)


def test_checkpoint_of_another_task_is_refused(path):
    with pytest.raises(CheckpointError, match="of the task 'dehazer', but 'initial' needs one of a segmenter"):
        start_from(create_generator("fast", {"width": 4}), path, task="segmenter")


def test_checkpoint_of_which_nothing_fits_is_refused(path):
    network = create_generator("resnet_9blocks", {"filters": 4, "blocks": 1})
    with pytest.raises(CheckpointError, match="none of its weights fit the network"):
        start_from(network, path, task="dehazer")
