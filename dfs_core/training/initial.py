"""Start a network from the weights of another run, and choose which of them learn on."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.training import checkpoint


def start_from(network: nn.Module, path: Path, *, task: str) -> None:
    """Fill the network with the averaged weights of a checkpoint, as far as names and shapes are the same.

    Raises:
        CheckpointError: the file is not a checkpoint or one of another task, or none of its weights fit.
    """
    state = checkpoint.load(path)
    if (found := state.config["task"]) != task:
        raise CheckpointError(f"{path}: a checkpoint of the task '{found}', but 'initial' needs one of a {task}")
    wanted = network.state_dict()
    fitting = {
        name: value for name, value in state.averaged.items() if name in wanted and wanted[name].shape == value.shape
    }
    if not fitting:
        raise CheckpointError(
            f"{path}: none of its weights fit the network, so nothing would start from it; name a checkpoint of the "
            "same 'model', or leave 'initial' out"
        )
    network.load_state_dict(fitting, strict=False)


def learn_only(network: nn.Module, parts: Sequence[str]) -> None:
    """Let some parts of a network learn and keep the others as they are; all learn if none is named.

    Raises:
        ConfigError: the network has no such part.
    """
    known = list(dict.fromkeys(name.partition(".")[0] for name, _ in network.named_parameters()))
    if strangers := [part for part in parts if part not in known]:
        raise ConfigError(f"learn: the network has no part '{strangers[0]}'; its parts are {', '.join(known)}")
    if parts:
        for name, value in network.named_parameters():
            value.requires_grad_(name.partition(".")[0] in parts)


def keep_still(network: nn.Module) -> None:
    """Put what does not learn into the mode of use: its norms go on with the averages that they have."""
    for layer in network.modules():
        values = list(layer.parameters(recurse=False))
        if values and not any(value.requires_grad for value in values):
            layer.training = False  # of this layer alone, not of what it holds
