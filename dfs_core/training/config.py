"""The configuration of a training run: frozen dataclasses that refuse what cannot be trained."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfs_core.artifact import NETWORK_WIDTH
from dfs_core.data.catalog import DataSpec
from dfs_core.data.fog import FogRange
from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError
from dfs_core.training.bounds import check_bounds


@dataclass(frozen=True)
class LossConfig:
    """The sum that the network minimises: λ of each term, and what each term is.

    Attributes:
        adversarial: of L_GAN; 0 trains without a discriminator.
        pixel: λ1, of L_pixel: mean absolute difference from the clear image, in units of [-1, 1]; for a segmenter that
            answers in colours, from the colours of the labels.
        harm: of what dehazing makes worse: by how much a pixel is farther from the clear image than it was.
        perceptual: λ2, of L_percep.
        segmentation: λ3, of L_seg. The whole loss of a segmenter that answers with logits.
        transmission, airlight, attenuation: of the fog that was put in, where the generator predicts it.
        hidden: of where nothing but that fog is seen, likewise.
        adversarial_form: "least_squares" or "bce".
        perceptual_features: "efficientnet_lite0", or "vgg16" from `perceptual_file`.
        perceptual_file: weights of the feature network, where they are not in a package.
        segmentation_forms: what L_seg is made of, with the share of each: "l2_rgb" (the paper's), "l2_prob",
            "cross_entropy", "lovasz", "jaccard", "iiou".
    """

    adversarial: float = 0.0
    pixel: float = 5.0
    harm: float = 0.0
    perceptual: float = 0.0
    segmentation: float = 0.3
    transmission: float = 5.0
    airlight: float = 2.0
    attenuation: float = 0.2
    hidden: float = 0.5
    adversarial_form: str = "least_squares"
    perceptual_features: str = "efficientnet_lite0"
    perceptual_file: Path | None = None
    segmentation_forms: dict[str, float] = field(default_factory=lambda: {"cross_entropy": 1.0})


@dataclass(frozen=True)
class TrainingConfig:
    """One training run.

    Attributes:
        task: "segmenter" or "dehazer".
        model: name of the network in the registry of that task.
        data: the dataset.
        steps: optimisation steps in all; or give `epochs`.
        epochs: how often each training sample is seen; or give `steps`.
        model_options: of the network, such as {width: 24}.
        initial: checkpoint of the same task whose averaged weights the network starts from, where names and shapes are
            the same; null to start from chance.
        learn: the parts of the network that learn, by the names of its attributes, such as [sky_of_scene]; the others
            stay as `initial` has them, norms too. All learn if it is empty.
        batch: items a step, over all processes.
        accumulate: parts that each process computes its share of a batch in, one after another, to save memory.
        optimizer: "adamw" or "adam".
        betas: of the optimiser.
        learning_rate: highest rate, reached after `warmup` steps.
        weight_decay: of the optimiser.
        schedule: "cosine", down to 0, or "constant".
        warmup: steps.
        clip: highest norm of the gradient; null to leave it.
        ema: share of the averaged weights that is kept at each step; 0 evaluates and exports the weights themselves.
        seed: of everything random.
        network_width: width in pixels, a multiple of 16, of the frames that the network is validated on and exported
            for; their height keeps the aspect ratio.
        precision: Lightning Fabric's, such as "32-true" or "bf16-mixed"; "auto" is the latter where the device computes
            in bfloat16, which others take nine times as long for.
        workers: processes that prepare data, beside each process that trains.
        save_every: steps between two checkpoints.
        validate_every: steps between two validations.
        validation_samples: how many samples are validated on, evenly spread over the split; null for all.
        monitor: figure of the validation that chooses best.ckpt; null for the task's own.
        monitor_mode: "max" or "min", for `monitor`.
        patience: validations without a better figure after which the run ends; null to never end early.
        panel_rows: samples in each picture of a validation; 0 for none.
        segmenter: checkpoint of the frozen network that L_seg looks through.
        dehazer: checkpoint of the frozen generator through which a segmenter sees its scenes, in fog as `fog` says;
            null to train it on clear scenes alone.
        discriminator: name of the network that L_GAN comes from.
        discriminator_options: of that network.
        discriminator_learning_rate: highest rate of its optimiser, Adam; it follows the same schedule.
        loss: what is minimised.
        fog: where training fogs are drawn from, for data that has geometry instead of fog.
        view: how scenes are varied.
        depth_error: see `Stream`.
        validation_attenuation: fog densities that the dehazer is validated at, or the segmenter that sees through one,
            1/m, for data that has geometry.
    """

    task: str
    model: str
    data: DataSpec
    steps: int | None = None
    epochs: int | None = None
    model_options: dict[str, Any] = field(default_factory=dict)
    initial: Path | None = None
    learn: tuple[str, ...] = ()
    batch: int = 8
    accumulate: int = 1
    optimizer: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    schedule: str = "cosine"
    warmup: int = 100
    clip: float | None = 1.0
    ema: float = 0.998
    seed: int = 1
    network_width: int = NETWORK_WIDTH
    precision: str = "auto"
    workers: int = 2
    save_every: int = 200
    validate_every: int = 400
    validation_samples: int | None = 26
    monitor: str | None = None
    monitor_mode: str = "max"
    patience: int | None = None
    panel_rows: int = 4
    segmenter: Path | None = None
    dehazer: Path | None = None
    discriminator: str = "patchgan_70"
    discriminator_options: dict[str, Any] = field(default_factory=dict)
    discriminator_learning_rate: float = 2e-4
    loss: LossConfig = field(default_factory=LossConfig)
    fog: FogRange = field(default_factory=FogRange)
    view: View = field(default_factory=View)
    depth_error: float = 0.4
    validation_attenuation: tuple[float, ...] = (0.01, 0.03)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        _check_choices(self)
        if (self.steps is None) == (self.epochs is None):
            raise ConfigError("give either steps or epochs")
        if self.task == "dehazer" and self.loss.segmentation > 0.0 and self.segmenter is None:
            raise ConfigError(
                "a dehazer with loss.segmentation > 0 needs 'segmenter', the checkpoint that L_seg looks through: "
                "train one and name it, or leave L_seg out with --set loss.segmentation=0"
            )
        if self.task == "dehazer" and self.dehazer is not None:
            raise ConfigError(
                "'dehazer' names what a segmenter sees its scenes through, but this run trains a dehazer; leave it "
                "out, or name the weights that it starts from as 'initial'"
            )
        check_bounds(self)
        if self.batch % self.accumulate:
            raise ConfigError(f"accumulate must divide batch, but {self.accumulate} does not divide {self.batch}")
        if self.loss.segmentation > 0.0 and not any(self.loss.segmentation_forms.values()):
            raise ConfigError(
                "loss.segmentation is above 0, but loss.segmentation_forms has no share above 0; name a term such as "
                "{cross_entropy: 1}"
            )
        if not self.validation_attenuation:
            raise ConfigError("validation_attenuation must name at least one density in 1/m, such as [0.01, 0.03]")
        if self.network_width < 32 or self.network_width % 16:
            raise ConfigError(
                f"network_width must be a multiple of 16, the networks' stride, from 32 on, not {self.network_width}"
            )
        if any(side < 16 or side % 16 for side in self.view.size):
            raise ConfigError(f"view.size must be multiples of 16, the networks' stride, not {list(self.view.size)}")

    def total_steps(self, examples: int) -> int:
        """Return the number of optimisation steps, for a training split of so many samples."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # noqa: S101 - one of the two is given
        return math.ceil(self.epochs * examples / self.batch)


def _check_choices(config: TrainingConfig) -> None:
    from dfs_core import losses  # brings torch, which a look at the keys does not need

    for name, value, known in (
        ("task", config.task, ("segmenter", "dehazer")),
        ("optimizer", config.optimizer, ("adamw", "adam")),
        ("schedule", config.schedule, ("cosine", "constant")),
        ("monitor_mode", config.monitor_mode, ("max", "min")),
        ("loss.adversarial_form", config.loss.adversarial_form, tuple(losses.ADVERSARIAL)),
        ("loss.perceptual_features", config.loss.perceptual_features, ("efficientnet_lite0", "vgg16")),
        *(("loss.segmentation_forms", form, tuple(losses.SEGMENTATION)) for form in config.loss.segmentation_forms),
    ):
        if value not in known:
            raise ConfigError(f"{name} must be one of {', '.join(known)}, not '{value}'")
