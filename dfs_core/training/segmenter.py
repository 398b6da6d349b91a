"""Train a segmenter on clear scenes."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.data.stream import Stream
from dfs_core.errors import ConfigError
from dfs_core.evaluation.segmentation import predict_mask
from dfs_core.labels import UNLABELLED, LabelSet
from dfs_core.losses import SegmentationTarget
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.models import create_discriminator, create_segmenter
from dfs_core.models.segmenter import Segmenter
from dfs_core.training.config import TrainingConfig
from dfs_core.training.initial import start_from
from dfs_core.training.samples import check_items, class_colors, open_samples, spread, unit
from dfs_core.training.task import Batch, Losses, Pairs, Task, Validation


class SegmenterTask(Task):
    """L_seg against the labels; for a segmenter that answers in colours, pix2pix's L_GAN + λ1 L_pixel."""

    network: Segmenter
    labels: LabelSet
    monitor = "miou"

    def __init__(self, config: TrainingConfig) -> None:
        """Open the data and make the networks.

        Raises:
            ConfigError: the data has no labels, or the loss does not fit the network.
            DatasetError: the data is incomplete.
        """
        super().__init__(config)
        self._samples, self._validation = open_samples(config)
        if self._samples.labels is None:
            raise ConfigError(f"data: '{config.data.name}' has no labels to train a segmenter on")
        self.labels, self.examples = self._samples.labels, len(self._samples)
        torch.manual_seed(config.seed)
        self.network = create_segmenter(config.model, self.labels, config.model_options)
        if config.initial is not None:
            start_from(self.network, config.initial, task="segmenter")
        weights = config.loss
        if self.network.in_colors:
            if weights.adversarial + weights.pixel == 0.0:
                raise ConfigError(
                    f"loss: '{config.model}' answers with colours, so it learns by loss.pixel and loss.adversarial, "
                    "and both are 0; set one, such as loss.pixel=10"
                )
            if weights.adversarial > 0.0:
                self.discriminator = create_discriminator(config.discriminator, config.discriminator_options)
        elif weights.adversarial > 0.0 or weights.segmentation == 0.0:
            raise ConfigError(
                f"loss: '{config.model}' answers with logits, so it needs loss.segmentation above 0 and "
                "loss.adversarial=0"
            )
        elif colored := sorted(losses.COLOR_FORMS & set(weights.segmentation_forms)):
            raise ConfigError(f"loss.segmentation_forms: {', '.join(colored)} compares colours, not logits")
        check_items(self.stream(1))

    def stream(self, length: int) -> Dataset[Batch]:
        """Return views of the clear training scenes."""
        config = self.config
        weighted = not self.network.in_colors and "iiou" in config.loss.segmentation_forms
        return Stream(self._samples, config.view, length, config.seed, instance_weights=weighted)

    def forward(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """Return logits or colours."""
        return network(unit(batch["clear"]))

    def pairs(self, batch: Batch, output: torch.Tensor) -> Pairs:
        """Return clear scenes with the colours of their labels, and with the colours that the network gave.

        Where a scene is not labelled both are the same, so that nothing is learned there.
        """
        labels: torch.Tensor = batch["labels"]
        labelled = (labels != UNLABELLED)[:, None]
        colors = class_colors(self.labels, labels.device)
        real = colors[labels.where(labelled[:, 0], 0)].permute(0, 3, 1, 2)
        generated = output.float().where(labelled, real)
        return Pairs(unit(batch["clear"]), (real + 1.0) / 2.0, (generated + 1.0) / 2.0)

    def losses(self, batch: Batch, output: torch.Tensor) -> Losses:
        """Return the terms that the network's kind of answer asks for."""
        weights = self.config.loss
        if not self.network.in_colors:
            labels = batch["labels"]
            target = SegmentationTarget(labels, class_colors(self.labels, labels.device), batch.get("instance_weights"))
            return {
                form: weights.segmentation * share * losses.SEGMENTATION[form](output, target)
                for form, share in weights.segmentation_forms.items()
            }
        pairs = self.pairs(batch, output)
        terms = {"pixel": weights.pixel * losses.pixel(pairs.generated, pairs.real)}
        if self.discriminator is not None:
            terms["adversarial"] = weights.adversarial * self.adversarial_loss(pairs)
        return terms

    def validate(self, network: Any) -> Validation:
        """Return the mean IoU over the clear validation scenes, and pictures of some."""
        size = self.config.view.size if self.config.view.squash else None
        shown = spread(len(self._validation), self.config.panel_rows)
        matrix = np.zeros((len(self.labels), len(self.labels)), np.int64)
        panel = []
        with torch.inference_mode():
            for number, sample in enumerate(self._validation):
                mask = predict_mask(network, sample.image, size)
                matrix += confusion(mask, sample.labels, len(self.labels))
                if number in shown:
                    masks = {"mask": mask, "labels": sample.labels}
                    panel.append(
                        {"clear": sample.image} | {name: self.labels.colorize(value) for name, value in masks.items()}
                    )
        return Validation({"miou": mean_iou(matrix)}, panel)
