"""One of several processes that train on their shares of a batch: `synchronized_share.py RANK PROCESSES FOLDER`.

Reads `whole.pt` from the folder and writes `share_RANK.pt` into it.
"""

import sys
from pathlib import Path

import torch
from torch import distributed, nn

from dfs_core.models.synchronized_norm import synchronize


def network(**options: float | bool | None) -> nn.Module:
    """Return the network that is trained, always with the same weights; the options are BatchNorm's."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8, **options),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(8, 4, 3, stride=2), nn.BatchNorm2d(4, **options)),
    )


def main(rank: int, processes: int, folder: Path) -> None:
    """Pass forward and back through the network with this process's share of the images."""
    torch.set_num_threads(1)
    # A file to meet at: a port might be taken.
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=processes)
    whole = torch.load(folder / "whole.pt", weights_only=True)
    module = network(**whole["options"]).train()
    synchronize(module)
    images = whole["images"][whole["shares"][rank]].requires_grad_()
    output = module(images)
    (output * whole["wishes"][whole["shares"][rank]]).sum().backward()
    torch.save(
        {
            "output": output.detach(),
            "image_gradient": images.grad,
            "gradients": {name: value.grad for name, value in module.named_parameters()},
            "state": module.state_dict(),
            "evaluated": module.eval()(images.detach()).detach(),
        },
        folder / f"share_{rank}.pt",
    )
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
