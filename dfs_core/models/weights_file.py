"""Weights that others trained, from a local file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from dfs_core.errors import CheckpointError


def read(path: Path, expected: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a state-dict file by name, on the CPU, without executing code.

    Args:
        path: the file.
        expected: what it should hold, for the error.

    Raises:
        CheckpointError: there is no such file, or it holds something else than tensors by name.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file; give {expected}") from error
    except Exception as error:  # torch raises whatever its zip and pickle readers stumble over
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{path}: cannot be read as weights ({type(error).__name__}: {reason}); give {expected}"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        what = (
            f"an object with {', '.join(map(str, state))}" if isinstance(state, dict) else f"a {type(state).__name__}"
        )
        raise CheckpointError(f"{path}: holds {what} instead of tensors by name; give {expected}")
    return state


def fill(
    network: nn.Module, state: Mapping[str, torch.Tensor], path: Path, expected: str, *, beside: tuple[str, ...]
) -> None:
    """Put the tensors of a file into the network that has them under the same names.

    Args:
        network: what to fill, whole.
        state: what `read` found.
        path: the file, for the error.
        expected: what it should hold, for the error.
        beside: how names may begin that the file has and the network has not.

    Raises:
        CheckpointError: tensors are missing, have another shape, or belong to another network.
    """
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    counters = "num_batches_tracked"  # old files are without; nothing depends on them
    wrong = [
        f"{name} {list(shape)}"
        for name, shape in wanted.items()
        if not name.endswith(counters) and (name not in state or state[name].shape != shape)
    ]
    strange = [name for name in state if name not in wanted and not name.startswith(beside)]
    if wrong or strange:
        found = [f"{name} {list(value.shape)}" for name, value in state.items()]
        raise CheckpointError(
            f"{path}: lacks {_some(wrong)}, and holds {len(strange)} tensors of another network; found {_some(found)}; "
            f"give {expected}"
        )
    network.load_state_dict({name: value for name, value in state.items() if name in wanted})


def _some(names: list[str]) -> str:
    return f"{len(names)} tensors ({', '.join([*names[:3], *['…'][: len(names) - 3]])})" if names else "nothing"
