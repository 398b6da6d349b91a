"""Train a segmenter on clear scenes, or on what a dehazer makes of foggy ones."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.data.sample import Sample
from dfs_core.data.stream import Stream
from dfs_core.errors import ConfigError
from dfs_core.evaluation.segmentation import dehaze, load_generator, predict_mask
from dfs_core.labels import UNLABELLED, LabelSet
from dfs_core.losses import SegmentationTarget
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.models import create_discriminator, create_segmenter
from dfs_core.models.segmenter import Segmenter
from dfs_core.training.config import TrainingConfig
from dfs_core.training.initial import learn_only, start_from
from dfs_core.training.samples import check_items, class_colors, in_fogs, open_samples, spread, unit
from dfs_core.training.task import Batch, Losses, Pairs, Picture, Task, Validation


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
            CheckpointError: the dehazer's checkpoint cannot be used.
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
        learn_only(self.network, config.learn)
        self._dehazer = None if config.dehazer is None else load_generator(config.dehazer)
        weights = config.loss
        if self.network.in_colors and self._dehazer is not None:
            raise ConfigError(
                f"dehazer: '{config.model}' answers with colours and learns from clear scenes; leave it out"
            )
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

    def networks(self) -> list[nn.Module]:
        """Return all networks that the task uses, frozen ones too."""
        return super().networks() + ([] if self._dehazer is None else [self._dehazer])

    def stream(self, length: int) -> Dataset[Batch]:
        """Return views of the training scenes, in fog if there is a dehazer to look through it."""
        config = self.config
        weighted = not self.network.in_colors and "iiou" in config.loss.segmentation_forms
        fog = None if self._dehazer is None else config.fog
        return Stream(
            self._samples, config.view, length, config.seed, fog, config.depth_error, instance_weights=weighted
        )

    def forward(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """Return logits or colours."""
        if self._dehazer is None:
            return network(unit(batch["clear"]))
        hazy = unit(batch["hazy"])
        with torch.no_grad():
            dehazed = self._dehazer(hazy).dehaze(hazy).clamp(0.0, 1.0)
        return network(dehazed)

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
        """Return the mean IoU over the clear validation scenes, and over the dehazed ones, and pictures of some."""
        shown = spread(len(self._validation), self.config.panel_rows)
        matrices: dict[str, Any] = {}
        panel = []
        with torch.inference_mode():
            for number, sample in enumerate(self._validation):
                pictures: dict[str, Picture] = {}
                for density, picture in self._looks(sample, number):
                    mask = predict_mask(network, picture, self.size_of_look(picture.shape[:2]))
                    matrix = confusion(mask, sample.labels, len(self.labels))
                    matrices[density] = matrices.get(density, 0) + matrix
                    name = f"dehazed{density}" if density else "clear"
                    pictures |= {name: picture, f"mask of {name}": self.labels.colorize(mask)}
                if number in shown:
                    panel.append(pictures | {"labels": self.labels.colorize(sample.labels)})
        return Validation({f"miou{density}": mean_iou(matrix) for density, matrix in matrices.items()}, panel)

    def _looks(self, sample: Sample, number: int) -> Iterator[tuple[str, Picture]]:
        """Yield the clear scene, and what the dehazer makes of it in fogs, with a suffix for each."""
        yield "", sample.image
        if self._dehazer is not None:
            for density, hazy in in_fogs(sample, number, self.config):
                yield density or "@given", dehaze(self._dehazer, hazy, self.size_of_look(hazy.shape[:2]))
