"""DeepLabv3 from torchvision, with weights from a local file: the poster's judge of what a dehazed image is worth."""

from pathlib import Path

import torch

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.labels import LabelSet
from dfs_core.models import weights_file
from dfs_core.models.layers import ImagenetNormalization
from dfs_core.models.segmenter import Segmenter

BACKBONES = ("resnet50", "resnet101", "mobilenet_v3_large")


class DeepLabV3(Segmenter):
    """Class logits of the size of the frames.

    Args:
        labels: the classes, in the order of the weights' outputs.
        backbone: one of `BACKBONES`.
        weights: file of a state dict of torchvision's network; None starts from random weights.

    Raises:
        ConfigError: torchvision cannot be imported, or there is no such backbone.
        CheckpointError: the file cannot be read, or holds other weights.
    """

    def __init__(self, labels: LabelSet, *, backbone: str = "resnet50", weights: str | None = None) -> None:
        super().__init__(labels)
        if backbone not in BACKBONES:
            raise ConfigError(f"backbone must be one of {', '.join(BACKBONES)}, not '{backbone}'")
        try:
            from torchvision.models import segmentation
        except (ImportError, RuntimeError, AttributeError) as error:  # a build for another torch raises any of them
            raise ConfigError(
                f"the segmenter 'deeplabv3' needs torchvision, which cannot be imported beside torch "
                f"{torch.__version__} ({error}); install the one that belongs to it: pip install torch torchvision"
            ) from error
        build = getattr(segmentation, f"deeplabv3_{backbone}")
        self.normalize = ImagenetNormalization()
        self.network = build(weights=None, weights_backbone=None, num_classes=len(labels), aux_loss=False)
        if weights is not None:
            self._load(Path(weights), backbone)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return class logits [N, classes, h, w] of frames [N, 3, h, w], RGB in [0, 1]."""
        return self.network(self.normalize(frames))["out"]

    def _load(self, path: Path, backbone: str) -> None:
        expected = f"a state dict of torchvision's deeplabv3_{backbone} for the label set '{self.labels.name}'"
        state = weights_file.read(path, expected)
        last = state.get("classifier.4.weight")
        if last is not None and len(last) != len(self.labels):
            raise CheckpointError(f"{path}: tells {len(last)} classes apart, not {len(self.labels)}; give {expected}")
        # The auxiliary classifier helps while training only.
        weights_file.fill(self.network, state, path, expected, beside=("aux_classifier.",))
