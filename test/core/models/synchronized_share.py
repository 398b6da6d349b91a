"""One of several processes that train on their shares of a batch: `synchronized_share.py RANK PROCESSES FOLDER`.

Reads `whole.pt` from the folder and writes `share_RANK.pt` into it.
"""

import sys
from pathlib import Path

import torch
from torch import distributed

from dfs_core.models.synchronized_norm import synchronize


def main(rank: int, processes: int, folder: Path) -> None:
    """Pass forward and back through the network with this process's share of the images."""
    torch.set_num_threads(1)
    # A file to meet at: a port might be taken.
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=processes)
    whole = torch.load(folder / "whole.pt", weights_only=False)
    network = whole["network"].train()
    synchronize(network)
    images = whole["images"][whole["shares"][rank]].requires_grad_()
    output = network(images)
    (output * whole["wishes"][whole["shares"][rank]]).sum().backward()
    torch.save(
        {
            "output": output.detach(),
            "image_gradient": images.grad,
            "gradients": {name: value.grad for name, value in network.named_parameters()},
            "state": network.state_dict(),
            "evaluated": network.eval()(images.detach()).detach(),
        },
        folder / f"share_{rank}.pt",
    )
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
