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
    """The checkpoint of a dehazer of the first kind, whose weights and averages differ."""
    torch.manual_seed(0)
    weights, averaged = (create_generator("fast", {"width": 4}).state_dict() for _ in range(2))
    checkpoint.save(tmp_path / "best.ckpt", Checkpoint({"task": "dehazer"}, 1, weights, averaged, {}, None))
    return tmp_path / "best.ckpt"


def test_averages_are_taken_where_names_and_shapes_are_the_same(path):
    torch.manual_seed(1)
    network = create_generator("fast", {"width": 4, "finish": "guided"})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, path, task="dehazer")
    given, found = checkpoint.load(path).averaged, network.state_dict()
    shared = given.keys() & found.keys()
    assert len(shared) == len(found) - 2
    assert all(torch.equal(found[name], given[name]) for name in shared)
    for name in ("guided_transmission.weight", "guided_transmission.bias"):
        assert torch.equal(found[name], before[name])


def test_checkpoint_of_another_task_is_refused(path):
    with pytest.raises(CheckpointError, match="of the task 'dehazer', but 'initial' needs one of a segmenter"):
        start_from(create_generator("fast", {"width": 4}), path, task="segmenter")


def test_checkpoint_of_which_nothing_fits_is_refused(path):
    network = create_generator("resnet_9blocks", {"filters": 4, "blocks": 1})
    with pytest.raises(CheckpointError, match="none of its weights fit the network"):
        start_from(network, path, task="dehazer")
