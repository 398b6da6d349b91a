"""Train a generator to dehaze for a segmenter: the sum of equation 1 stands here."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.data.sample import Sample
from dfs_core.data.stream import Stream
from dfs_core.errors import ConfigError
from dfs_core.evaluation.segmentation import answer, dehaze, load_segmenter, mask_of
from dfs_core.losses import SegmentationTarget
from dfs_core.metrics.image import psnr, ssim
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.models import create_discriminator, create_features, create_generator
from dfs_core.models.estimate import Estimate, FogEstimate
from dfs_core.models.fast import MIN_ATTENUATION, MIN_TRANSMISSION, UNSEEN
from dfs_core.models.segmenter import Segmenter
from dfs_core.models.translator import Translator
from dfs_core.training.config import TrainingConfig
from dfs_core.training.initial import learn_only, start_from
from dfs_core.training.samples import check_items, check_stride, class_colors, in_fogs, open_samples, spread, unit
from dfs_core.training.task import Batch, Losses, Pairs, Picture, Task, Validation


class DehazerTask(Task):
    """L = L_GAN + λ1 L_pixel + λ2 L_percep + λ3 L_seg, and what is known of the fog that was put in."""

    def __init__(self, config: TrainingConfig) -> None:
        """Open the data and make the networks.

        Raises:
            ConfigError: the parts do not fit together, such as a segmenter of other classes than the data's.
            DatasetError: the data is incomplete.
            CheckpointError: the segmenter's checkpoint cannot be used.
        """
        super().__init__(config)
        weights = config.loss
        self._samples, self._validation = open_samples(config)
        self.labels, self.examples = self._samples.labels, len(self._samples)
        self._segmenter = self._open_segmenter()
        self.monitor = "psnr" if self._segmenter is None else "miou"
        self._features: nn.Module | None = None
        if weights.perceptual > 0.0:
            self._features = create_features(weights.perceptual_features, weights.perceptual_file)
        torch.manual_seed(config.seed)
        self.network = create_generator(config.model, config.model_options)
        check_stride(self.network, config)
        if config.initial is not None:
            start_from(self.network, config.initial, task="dehazer")
        learn_only(self.network, config.learn)
        if weights.adversarial > 0.0:
            self.discriminator = create_discriminator(config.discriminator, config.discriminator_options)
        self._refuse_nothing()
        check_items(self.stream(1))

    def networks(self) -> list[nn.Module]:
        """Return all networks that the task uses, frozen ones too."""
        frozen = (self._segmenter, self._features)
        return super().networks() + [network for network in frozen if network is not None]

    def stream(self, length: int) -> Dataset[Batch]:
        """Return views of the training scenes in fog."""
        config = self.config
        weighted = config.loss.segmentation > 0.0 and "iiou" in config.loss.segmentation_forms
        return Stream(
            self._samples, config.view, length, config.seed, config.fog, config.depth_error, instance_weights=weighted
        )

    def forward(self, network: nn.Module, batch: Batch) -> Estimate:
        """Return what the generator makes of the hazy scenes."""
        return network(unit(batch["hazy"]))

    def pairs(self, batch: Batch, output: Estimate) -> Pairs:
        """Return hazy scenes with the clear ones, and with the dehazed ones."""
        hazy = unit(batch["hazy"])
        return Pairs(hazy, _wanted(batch, output), output.dehaze(hazy).clamp(0.0, 1.0))

    def losses(self, batch: Batch, output: Estimate) -> Losses:
        """Return the terms of equation 1, and of the fog where the generator estimates it."""
        weights = self.config.loss
        hazy, wanted = unit(batch["hazy"]), _wanted(batch, output)
        dehazed = output.dehaze(hazy)
        seen = dehazed.clamp(0.0, 1.0)
        terms = {}
        if self.discriminator is not None:
            terms["adversarial"] = weights.adversarial * self.adversarial_loss(Pairs(hazy, wanted, seen))
        if weights.pixel > 0.0:
            terms["pixel"] = weights.pixel * losses.pixel(dehazed, wanted)
        if weights.harm > 0.0:
            terms["harm"] = weights.harm * losses.harm(dehazed, hazy, wanted)
        if self._features is not None:
            with torch.no_grad():
                reference = self._features(wanted)
            terms["perceptual"] = weights.perceptual * losses.perceptual(self._features(seen), reference)
        if self._segmenter is not None and weights.segmentation > 0.0:
            answer, target = self._segmenter(seen), self._target(batch)
            for form, share in weights.segmentation_forms.items():
                terms[form] = weights.segmentation * share * losses.SEGMENTATION[form](answer, target)
        if isinstance(output, FogEstimate) and "transmission" in batch:
            terms |= self._fog_terms(batch, output)
        return terms

    def validate(self, network: nn.Module) -> Validation:
        """Return PSNR, SSIM and, through the segmenter, mean IoU of hazy and dehazed scenes, and pictures of some."""
        tallies: dict[str, _Tally] = {}
        shown = spread(len(self._validation), self.config.panel_rows)
        panel: list[dict[str, Picture]] = []
        with torch.inference_mode():
            for number, sample in enumerate(self._validation):
                pictures: dict[str, Picture] = {}
                for density, hazy in in_fogs(sample, number, self.config):
                    pictures = self._pictures(network, sample, hazy)
                    self._count(tallies.setdefault(density, _Tally()), pictures, sample)
                if number in shown:
                    panel.append(pictures)
        figures: dict[str, float] = {}
        for density, tally in tallies.items():
            figures |= {f"{name}{density}": value for name, value in tally.figures().items()}
        names = dict.fromkeys(name.partition("@")[0] for name in figures)
        means = {name: float(np.mean([figures[f"{name}{density}"] for density in tallies])) for name in names}
        return Validation(means | figures, panel)

    def _refuse_nothing(self) -> None:
        """Refuse a loss that has no term at all."""
        weights, in_fog = self.config.loss, self._validation[0].hazy is None
        images = weights.adversarial + weights.pixel + weights.harm + weights.perceptual + weights.segmentation
        if images == 0.0 and (isinstance(self.network, Translator) or not in_fog):
            raise ConfigError("loss: every term is 0, so nothing would be learned; set one, such as loss.pixel=5")

    def _open_segmenter(self) -> Segmenter | None:
        config = self.config
        if config.segmenter is None:
            return None
        segmenter = load_segmenter(config.segmenter)
        if self.labels is None or segmenter.labels.names != self.labels.names:
            found = "no labels" if self.labels is None else f"the labels {', '.join(self.labels.names)}"
            raise ConfigError(
                f"segmenter: {config.segmenter} knows the classes {', '.join(segmenter.labels.names)}, but the data "
                f"'{config.data.name}' has {found}; train one on it, or set segmenter=null and loss.segmentation=0"
            )
        for form in config.loss.segmentation_forms if config.loss.segmentation > 0.0 else ():
            if (form in losses.COLOR_FORMS) != segmenter.in_colors:
                fitting = [name for name in losses.SEGMENTATION if (name in losses.COLOR_FORMS) == segmenter.in_colors]
                raise ConfigError(
                    f"loss.segmentation_forms: '{form}' does not fit {config.segmenter}, which answers with "
                    f"{'colours' if segmenter.in_colors else 'logits'}; choose of {', '.join(fitting)}"
                )
        return segmenter

    def _target(self, batch: Batch) -> SegmentationTarget:
        assert self.labels is not None  # noqa: S101 - there is a segmenter, whose classes are the data's
        labels: torch.Tensor = batch["labels"]
        return SegmentationTarget(labels, class_colors(self.labels, labels.device), batch.get("instance_weights"))

    def _fog_terms(self, batch: Batch, fog: FogEstimate) -> Losses:
        weights, share = self.config.loss, batch["transmission"]
        unseen = 0.0 if fog.hidden is None else UNSEEN
        terms = {
            "transmission": weights.transmission
            * losses.transmission(fog.transmission.float(), share, floor=MIN_TRANSMISSION, unseen=unseen),
            "airlight": weights.airlight * losses.airlight(fog.airlight.float(), _airlight(batch), 1.0 - share),
            "attenuation": weights.attenuation
            * losses.attenuation(fog.attenuation.float(), batch["attenuation"], clearest=MIN_ATTENUATION),
        }
        if fog.hidden is not None:
            terms["hidden"] = weights.hidden * losses.hidden(fog.hidden.float(), share, unseen=UNSEEN)
        return terms

    def _pictures(self, network: nn.Module, sample: Sample, hazy: Picture) -> dict[str, Picture]:
        dehazed = dehaze(network, hazy, self.size_of_look(hazy.shape[:2]))
        return {"hazy": hazy, "dehazed": dehazed, "clear": sample.image}

    def _count(self, tally: "_Tally", pictures: dict[str, Picture], sample: Sample) -> None:
        """Measure the pictures, and add the masks of hazy and dehazed to them."""
        tally.measure(pictures)
        if self._segmenter is None:
            return
        assert self.labels is not None  # noqa: S101 - they are the segmenter's
        for name in ("hazy", "dehazed"):
            answered = answer(self._segmenter, pictures[name], self.size_of_look(pictures[name].shape[:2]))
            mask = mask_of(self._segmenter, answered, *sample.labels.shape)
            matrix = confusion(mask, sample.labels, len(self.labels))
            tally.matrices[name] = tally.matrices.get(name, 0) + matrix
            if name == "dehazed" and self._segmenter.in_colors:
                labels = torch.from_numpy(sample.labels).long()[None].to(answered.device)
                target = SegmentationTarget(labels, class_colors(self.labels, answered.device))
                tally.segmentation_mse.append(losses.SEGMENTATION["l2_rgb"](answered, target).item())
            pictures[f"mask of {name}"] = self.labels.colorize(mask)
        pictures["labels"] = self.labels.colorize(sample.labels)


def _wanted(batch: Batch, output: Estimate) -> torch.Tensor:
    """Return the clear scenes, as far as a generator that only undoes fog can show them, and the sky if it knows it."""
    clear = unit(batch["clear"])
    if not isinstance(output, FogEstimate) or "transmission" not in batch:
        return clear
    share = batch["transmission"]
    attainable = losses.attainable(clear, _airlight(batch), share, floor=MIN_TRANSMISSION)
    return attainable if output.sky is None else clear.where(share == 0.0, attainable)  # 0: infinitely far


def _airlight(batch: Batch) -> torch.Tensor:
    """Return the airlight that was put in at each pixel, [N, 3, H, W]."""
    light: torch.Tensor = batch["airlight"][:, :, None, None] * batch["glow"]
    return light


@dataclass
class _Tally:
    """What was found at one density."""

    psnr: list[float] = field(default_factory=list)
    psnr_hazy: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    segmentation_mse: list[float] = field(default_factory=list)
    matrices: dict[str, Any] = field(default_factory=dict)

    def measure(self, pictures: dict[str, Picture]) -> None:
        self.psnr.append(psnr(pictures["dehazed"], pictures["clear"]))
        self.psnr_hazy.append(psnr(pictures["hazy"], pictures["clear"]))
        self.ssim.append(ssim(pictures["dehazed"], pictures["clear"]))

    def figures(self) -> dict[str, float]:
        means = {
            "psnr": self.psnr,
            "psnr_hazy": self.psnr_hazy,
            "ssim": self.ssim,
            "segmentation_mse": self.segmentation_mse,
        }
        figures = {name: float(np.mean(values)) for name, values in means.items() if values}
        if self.matrices:
            figures |= {"miou": mean_iou(self.matrices["dehazed"]), "miou_hazy": mean_iou(self.matrices["hazy"])}
        return figures
