"""Train a generator to dehaze for a segmenter: the sum of equation 1 stands here."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.data.camvid import LABELS, CamVid
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.stream import Stream
from dfs_core.evaluation.segmentation import dehaze, load_segmenter, predict_mask
from dfs_core.metrics import confusion, mean_iou, psnr
from dfs_core.models import GENERATORS, create
from dfs_core.models.fast import MIN_ATTENUATION, MIN_TRANSMISSION
from dfs_core.training.config import TrainingConfig
from dfs_core.training.task import Losses, Task


class DehazerTask(Task):
    """L = λ1 L_pixel + λ3 L_seg, and what is known of the fog that was put in."""

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        torch.manual_seed(config.seed)
        self.network = create(GENERATORS, config.model)
        self._segmenter = load_segmenter(config.segmenter) if config.segmenter is not None else None
        self._samples = list(CamVid(config.data, "train"))
        self._validation = list(CamVid(config.data, "val"))[::4]

    def to(self, device: torch.device) -> None:
        """Bring generator and segmenter to a device."""
        super().to(device)
        if self._segmenter is not None:
            self._segmenter.to(device)

    def stream(self) -> Dataset[dict[str, Any]]:
        """Return views of the training scenes in random fogs."""
        config = self._config
        return Stream(
            self._samples, config.view, config.steps * config.batch, config.seed, config.fog, config.depth_error
        )

    def losses(self, batch: dict[str, Any]) -> Losses:
        """Return the weighted terms of the loss."""
        weights = self._config.loss
        hazy, clear = batch["hazy"].float() / 255.0, batch["clear"].float() / 255.0
        fog = self.network(hazy)
        with torch.autocast(hazy.device.type, enabled=False):
            restoration = fog.restoration().float()
            dehazed = restoration[:, :1] * hazy + restoration[:, 1:]
            share = batch["transmission"]
            target = losses.attainable(clear, batch["airlight"], share, floor=MIN_TRANSMISSION)
            terms = {
                "pixel": weights.pixel * losses.pixel(dehazed, target),
                "transmission": weights.transmission
                * losses.transmission(fog.transmission.float(), share, floor=MIN_TRANSMISSION),
                "airlight": weights.airlight
                * losses.airlight(fog.airlight.float(), batch["airlight"], 1.0 - share.mean(dim=(1, 2, 3))),
                "attenuation": weights.attenuation
                * losses.attenuation(fog.attenuation.float(), batch["attenuation"], clearest=MIN_ATTENUATION),
            }
        if self._segmenter is not None and weights.segmentation > 0.0:
            logits = self._segmenter(dehazed.clamp(0.0, 1.0))
            terms["segmentation"] = weights.segmentation * losses.segmentation(logits, batch["labels"])
        return terms

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return PSNR gain and, through the segmenter, mean IoU of hazy and dehazed scenes, at each density."""
        figures = {}
        with torch.inference_mode():
            for attenuation in self._config.validation_attenuation:
                gains, matrices = [], {"hazy": _zeros(), "dehazed": _zeros()}
                for number, sample in enumerate(self._validation):
                    rng = np.random.default_rng([7, number])
                    hazy = apply_fog(sample.image, sample.ray_length, Fog(attenuation), rng).hazy
                    dehazed = dehaze(network, hazy)
                    gains.append(psnr(dehazed, sample.image) - psnr(hazy, sample.image))
                    if self._segmenter is not None:
                        for name, image in (("hazy", hazy), ("dehazed", dehazed)):
                            mask = predict_mask(self._segmenter, image)
                            matrices[name] += confusion(mask, sample.labels, len(LABELS))
                figures[f"psnr_gain@{attenuation}"] = float(np.mean(gains))
                if self._segmenter is not None:
                    figures |= {f"miou_{name}@{attenuation}": mean_iou(matrix) for name, matrix in matrices.items()}
        return figures


def _zeros() -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.zeros((len(LABELS), len(LABELS)), np.int64)
