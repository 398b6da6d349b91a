"""Where a run computes: its devices, its processes on one machine or on many, and its precision."""

import inspect
import os
from dataclasses import replace

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from dfs_core.errors import ConfigError
from dfs_core.training.config import TrainingConfig

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Those in which the weights stay in 32 bits, so that they can be averaged and resumed."""

_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""Instructions of processors that compute in bfloat16, as torch calls them; the last is ARM's."""


def settled(config: TrainingConfig, *, accelerator: str = "auto") -> TrainingConfig:
    """Return the configuration with a precision that suits this machine in place of "auto".

    Args:
        config: of the run.
        accelerator: as for `make_fabric`.
    """
    if config.precision != "auto":
        return config
    return replace(config, precision="bf16-mixed" if _computes_in_bfloat16(accelerator) else "32-true")


def _computes_in_bfloat16(accelerator: str) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)
    tell = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch do not tell
    return tell is not None and any(tell().get(name) for name in _BFLOAT16)


def make_fabric(
    config: TrainingConfig, *, accelerator: str = "auto", devices: int | str = "auto", nodes: int = 1
) -> Fabric:
    """Return Lightning Fabric for this machine, with all processes running.

    A process that `torchrun` or `fabric run` started takes the number of processes from there. Otherwise more than one
    device makes this process start itself again, once for each further device.

    Args:
        config: of the run, `settled`; its precision is used.
        accelerator: "cpu", "cuda" or "auto".
        devices: GPUs, or processes on a CPU, of each machine; "auto" is every GPU, or one process on a CPU.
        nodes: machines.

    Raises:
        ConfigError: the machine has no such devices, or the precision is not known.
    """
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision must be one of {', '.join(PRECISIONS)}, not '{config.precision}'")
    if "LT_STRATEGY" in os.environ:
        raise ConfigError("leave --strategy away from `fabric run`: more than one process always means DDP here")
    if torch.distributed.is_torchelastic_launched():
        count, nodes = _told_by_torchrun(_number(devices), nodes)
    else:
        on_gpus = accelerator != "cpu" and torch.cuda.is_available()
        count = _number(devices) or (torch.cuda.device_count() if on_gpus else 1)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=count,
            num_nodes=nodes,
            precision=config.precision,
            strategy=_data_parallel() if count * nodes > 1 else "auto",
        )
    except (ValueError, RuntimeError) as error:  # what Fabric raises for devices that are not there
        raise ConfigError(f"this machine cannot run on {count} x '{accelerator}': {error}") from error
    if "LT_CLI_USED" not in os.environ:  # `fabric run` has done it
        fabric.launch()
    return fabric


def _data_parallel() -> DDPStrategy:
    """Return DDP for networks some of whose outputs may not be in the loss, and whose averages are synchronised."""
    known = inspect.signature(DistributedDataParallel).parameters
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # its older name
    return DDPStrategy(find_unused_parameters=True, **{buffers: False})


def _number(devices: int | str) -> int | None:
    """Return how many devices are asked for; None for "auto"."""
    if devices == "auto":
        return None
    if str(devices).isdecimal() and int(devices) > 0:
        return int(devices)
    raise ConfigError(f"devices must be a number above 0, or auto, not '{devices}'")


def _told_by_torchrun(devices: int | None, nodes: int) -> tuple[int, int]:
    """Return processes a machine and machines, as the launcher's environment has them."""
    started, machines = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    if devices not in {None, started}:
        raise ConfigError(f"devices is {devices}, but torchrun started {started} processes here; leave devices away")
    if nodes not in {1, machines}:
        raise ConfigError(f"nodes is {nodes}, but torchrun runs on {machines}; leave nodes away")
    return started, machines
