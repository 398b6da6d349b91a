"""Starting from the weights of another run."""

import pytest
import torch

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.models import create_generator
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.initial import keep_still, learn_only, start_from


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


def test_only_the_parts_that_are_named_change():
    torch.manual_seed(0)
    network = create_generator("fast", {"width": 4})
    learn_only(network, ["sky_of_scene", "refine"])
    keep_still(network.train())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    estimate = network(torch.rand(2, 3, 64, 96))
    (estimate.sky.sum() + estimate.transmission.sum()).backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.partition(".")[0] for name in changed} == {"sky_of_scene", "refine"}
    assert "refine.1.running_mean" in changed  # norms that learn follow what they see


def test_everything_learns_where_nothing_is_named():
    network = create_generator("fast", {"width": 4})
    learn_only(network, [])
    keep_still(network.train())
    assert all(value.requires_grad for value in network.parameters())
    assert all(layer.training for layer in network.modules())


def test_part_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"learn: the network has no part 'clouds'; its parts are purity, stem, "):
        learn_only(create_generator("fast", {"width": 4}), ["planes", "clouds"])
