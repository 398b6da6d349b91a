"""Start a network from the weights of another run."""

from pathlib import Path

from torch import nn

from dfs_core.errors import CheckpointError
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
