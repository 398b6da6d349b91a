"""Train a segmenter on clear scenes."""

from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.data.camvid import LABELS, CamVid
from dfs_core.data.stream import Stream
from dfs_core.evaluation.segmentation import predict_mask
from dfs_core.metrics import confusion, mean_iou
from dfs_core.models import SEGMENTERS, create
from dfs_core.training.config import TrainingConfig
from dfs_core.training.task import Losses, Task


class SegmenterTask(Task):
    """Cross-entropy against the labels."""

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        torch.manual_seed(config.seed)
        self.network = create(SEGMENTERS, config.model, classes=len(LABELS))
        self._samples = list(CamVid(config.data, "train"))
        self._validation = list(CamVid(config.data, "val"))

    def stream(self) -> Dataset[dict[str, Any]]:
        """Return views of the clear training scenes."""
        config = self._config
        return Stream(self._samples, config.view, config.steps * config.batch, config.seed)

    def losses(self, batch: dict[str, Any]) -> Losses:
        """Return the cross-entropy."""
        logits = self.network(batch["clear"].float() / 255.0)
        return {"segmentation": losses.segmentation(logits, batch["labels"])}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the mean IoU over the clear validation scenes."""
        with torch.inference_mode():
            matrix = sum(
                confusion(predict_mask(network, sample.image), sample.labels, len(LABELS))
                for sample in self._validation
            )
        return {"miou": mean_iou(matrix)}  # type: ignore[arg-type]
