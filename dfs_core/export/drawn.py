"""A generator that draws the dehazed frames itself, with a segmenter that looks at them: in torch and as a graph."""

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.artifact import MASK, NETWORK_WIDTH, Artifact
from dfs_core.export.half import to_half
from dfs_core.models.pipeline import Outputs, as_bytes, network_size, shrink
from dfs_core.models.segmenter import Segmenter
from dfs_core.models.translator import Translator
from dfs_core.onnx_drawn import DRAWN, PADDED, SEEN, enclose_drawn
from dfs_core.onnx_trace import trace

if TYPE_CHECKING:
    from onnx import ModelProto


class DrawnPipeline(nn.Module):
    """The whole model on uint8 frames [N, H, W, 3], as `dfs evaluate` runs such generators; the graph is held to it."""

    def __init__(self, generator: Translator, segmenter: Segmenter, network_width: int = NETWORK_WIDTH) -> None:
        super().__init__()
        self.generator, self.network_width = generator, network_width
        self.labeller = Labeller(segmenter)

    def forward(self, frames: torch.Tensor) -> Outputs:
        """Return dehazed frames, masks, and nothing known of the fog density."""
        hazy = frames.permute(0, 3, 1, 2).float() / 255.0
        drawn = (255.0 * self.generator.whole(hazy).image).clamp(0.0, 255.0)
        dehazed = drawn.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
        mask = self.labeller(shrink(drawn, *network_size(*frames.shape[1:3], network_width=self.network_width)))
        return Outputs(dehazed, mask, torch.full((len(frames),), torch.nan))

    def graph(self, description: Artifact) -> "ModelProto":
        """Return the same as ONNX, the networks in the number format of the description."""
        stride = self.generator.stride
        generator = trace(_Drawer(self.generator), (DRAWN,), takes=PADDED, stride=stride)
        segmenter = trace(self.labeller, (MASK,), takes=SEEN)
        if description.precision == "fp16":
            to_half(generator)
            to_half(segmenter)
        return enclose_drawn(generator, segmenter, description, stride=stride)


class Labeller(nn.Module):
    """A segmenter that answers with class ids of the size of the frames, uint8 [N, h, w]."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the mask of frames [N, 3, h, w] in [0, 1]."""
        scores = self.segmenter.scores(self.segmenter(frames))
        scores = F.interpolate(scores, size=frames.shape[-2:], mode="bilinear", align_corners=False)
        return as_bytes(scores.argmax(dim=1))


class _Drawer(nn.Module):
    """A generator whose answer is a tensor."""

    def __init__(self, generator: Translator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, hazy: torch.Tensor) -> torch.Tensor:
        image: torch.Tensor = self.generator(hazy).image
        return image
