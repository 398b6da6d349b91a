"""Everything that can be set on the dehaze node."""

from dataclasses import dataclass

from dfs_core.errors import ConfigError
from dfs_core.palettes import OWN, PALETTES
from dfs_core.runtime import BACKENDS
from dfs_core.runtime.loading import PRECISIONS
from dfs_ros.image_message import MAX_PIXELS
from dfs_ros.parameters import ALWAYS, UNCONFIGURED, parameter

RAW, COMPRESSED = "raw", "compressed"
IMAGE, NETWORK = "image", "network"

MOST_SILENCE_S = 3600.0
MOST_PIXELS = 2**31 - 1

IMPLAUSIBLE_LATENCY_MS = 60_000.0
"""Beyond this, header stamps and the node's clock tell different times."""


@dataclass(frozen=True)
class DehazeParameters:
    """The parameters of the dehaze node and their defaults."""

    model: str = parameter(
        "",
        "Model file that `dfs export` wrote; empty: the one that ships. A change takes effect when the node is "
        "configured or ~/reload_model is called.",
        settable=ALWAYS,
    )
    model_roots: tuple[str, ...] = parameter(
        (),
        "Folders that `model` must lie in or below, besides that of the models that ship. Empty: the folder of the "
        "model file given at the start.",
    )
    backend: str = parameter(
        "auto", "What runs the model; auto: the best here.", one_of=("auto", *BACKENDS), settable=UNCONFIGURED
    )
    precision: str = parameter(
        "fp32",
        "Number format of the computation; auto: what the backend finds fastest here.",
        one_of=PRECISIONS,
        settable=UNCONFIGURED,
    )
    threads: int = parameter(
        0, "Processor threads for the model; 0: all.", at_least=0, at_most=1024, settable=UNCONFIGURED
    )
    image_transport: str = parameter(
        RAW,
        "Whether frames come as Image on image_raw or as CompressedImage on image_raw/compressed.",
        one_of=(RAW, COMPRESSED),
        settable=UNCONFIGURED,
    )
    cameras: tuple[str, ...] = parameter(
        (),
        "Cameras to serve by one model, such as [front, left]: of each, images come in on front/image_raw and answers "
        "go out below ~/front. Empty: one camera, on image_raw and below ~.",
        are_names=True,
        settable=UNCONFIGURED,
    )
    batch_window_ms: float = parameter(
        10.0,
        "Longest time in milliseconds that a frame waits, from its arrival on, for those of other cameras, to go "
        "through the model with them. Only cameras whose next frame is due by then are waited for; 0: none.",
        at_least=0.0,
        at_most=1000.0,
        settable=ALWAYS,
    )
    autostart: bool = parameter(True, "Configure and activate at the start, without waiting for lifecycle transitions.")
    lazy: bool = parameter(
        True,
        "Subscribe to a camera only while somebody subscribes to what is made of its images; else always.",
        settable=UNCONFIGURED,
    )
    enabled: bool = parameter(
        True, "Whether frames are dehazed; else they pass as they are. ~/enable sets it, too.", settable=ALWAYS
    )
    gate_attenuation: float = parameter(
        0.003,
        "Attenuation coefficient in 1/m below which a frame is passed on as it is, because dehazing harms clear "
        "images; the default is a visibility of 1000 m, where fog begins; 0: never.",
        at_least=0.0,
        at_most=1.0,
        settable=ALWAYS,
    )
    gate_hysteresis: float = parameter(
        0.8,
        "Share of gate_attenuation below which a camera's frames are passed on again once they were dehazed, so that "
        "fog at the threshold does not switch dehazing to and fro; 1: one threshold for both.",
        at_least=0.0,
        at_most=1.0,
        settable=ALWAYS,
    )
    dehaze_strength: float = parameter(
        1.0,
        "Share of the fog that is taken away: 0 none, 1 all that the model sees. Masks and visibility are the same at "
        "any strength.",
        at_least=0.0,
        at_most=1.0,
        settable=ALWAYS,
    )
    smoothing_s: float = parameter(
        0.0,
        "Time constant in seconds, by header stamps, over which the brightness of dehazed images and the level of the "
        "transmission are steadied; 0: each frame is for itself. Begins anew after a jump of the stamps or another "
        "scene. Backends that run the whole graph cannot, and say so.",
        at_least=0.0,
        at_most=60.0,
        settable=ALWAYS,
    )
    max_rate_hz: float = parameter(
        0.0,
        "Frames a second of each camera that are taken up, at most; those beyond are counted and let go. 0: all.",
        at_least=0.0,
        at_most=1000.0,
        settable=ALWAYS,
    )
    mask_resolution: str = parameter(
        IMAGE,
        "Size of mask and colour picture: that of the image, or that at which the network works.",
        one_of=(IMAGE, NETWORK),
        settable=ALWAYS,
    )
    jpeg_quality: int = parameter(90, "JPEG quality of compressed output.", at_least=1, at_most=100, settable=ALWAYS)
    palette: str = parameter(
        OWN,
        "Colours of the classes; labels: the model's own; colorblind: such as are told apart without red or green.",
        one_of=PALETTES,
        settable=ALWAYS,
    )
    overlay_opacity: float = parameter(
        0.5,
        "How strongly the overlay covers the image: 0 not at all, 1 wholly.",
        at_least=0.0,
        at_most=1.0,
        settable=ALWAYS,
    )
    warn_silence_s: float = parameter(
        2.0,
        "Seconds without an image after which a camera's diagnostics warn.",
        at_least=0.1,
        at_most=MOST_SILENCE_S,
        settable=ALWAYS,
    )
    stale_silence_s: float = parameter(
        10.0,
        "Seconds without an image after which a camera's diagnostics are stale.",
        at_least=0.1,
        at_most=MOST_SILENCE_S,
        settable=ALWAYS,
    )
    warn_latency_ms: float = parameter(
        1000.0,
        "Milliseconds from header stamp to publication above which the diagnostics warn; 0: never.",
        at_least=0.0,
        at_most=IMPLAUSIBLE_LATENCY_MS,
        settable=ALWAYS,
    )
    error_latency_ms: float = parameter(
        5000.0,
        "The same, above which they tell an error; 0: never.",
        at_least=0.0,
        at_most=IMPLAUSIBLE_LATENCY_MS,
        settable=ALWAYS,
    )
    warn_rate_hz: float = parameter(
        0.0,
        "Answers a second below which a camera's diagnostics warn; 0: never.",
        at_least=0.0,
        at_most=1000.0,
        settable=ALWAYS,
    )
    warn_memory_mb: int = parameter(
        0,
        "Resident memory in megabytes above which the diagnostics warn; 0: never.",
        at_least=0,
        at_most=1_000_000,
        settable=ALWAYS,
    )
    max_pixels: int = parameter(
        MAX_PIXELS, "Larger images are refused as corrupt.", at_least=1, at_most=MOST_PIXELS, settable=ALWAYS
    )

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other.

        Raises:
            ConfigError: names them.
        """
        if self.stale_silence_s < self.warn_silence_s:
            raise ConfigError(
                f"parameter stale_silence_s must be at least warn_silence_s, not {self.stale_silence_s:g} "
                f"with {self.warn_silence_s:g}; set both at once"
            )
        if 0.0 < self.error_latency_ms < self.warn_latency_ms:
            raise ConfigError(
                f"parameter error_latency_ms must be at least warn_latency_ms, or 0, not {self.error_latency_ms:g} "
                f"with {self.warn_latency_ms:g}; set both at once"
            )
        if 0.0 < self.max_rate_hz < self.warn_rate_hz:
            raise ConfigError(
                f"parameter max_rate_hz must be at least warn_rate_hz, or 0, not {self.max_rate_hz:g} "
                f"with {self.warn_rate_hz:g}; set both at once"
            )
