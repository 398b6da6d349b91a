"""Put fog into a clear scene, as a camera would see it: random, uneven, noisy and compressed."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.errors import FogError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Fog:
    """One fog, and the camera that looks into it.

    Attributes:
        attenuation: mean β in 1/m.
        airlight: A, RGB in [0, 1].
        airlight_unevenness: standard deviation of the airlight's luminance over the image as a share of its mean.
        unevenness: standard deviation of β over the image as a share of its mean; 0 is homogeneous.
        noise: standard deviation of the sensor's noise, in [0, 1] units.
        gamma: exponent of the camera's response, applied to the hazy and the clear image alike; 1 leaves them.
        gains: of the camera's channels, RGB, after that: its exposure and white balance, alike for both images.
        jpeg_quality: 1 to 100, or None for no compression.
    """

    attenuation: float
    airlight: tuple[float, float, float] = (0.85, 0.85, 0.85)
    airlight_unevenness: float = 0.0
    unevenness: float = 0.0
    noise: float = 0.0
    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is not physical."""
        if not (math.isfinite(self.attenuation) and self.attenuation >= 0.0):
            raise FogError(f"attenuation must be finite and at least 0 per metre, not {self.attenuation}")
        if not all(0.0 <= value <= 1.0 for value in self.airlight):
            raise FogError(f"airlight must be in [0, 1], not {self.airlight}")
        if not (min(self.unevenness, self.airlight_unevenness, self.noise) >= 0.0 and self.gamma > 0.0):
            raise FogError(f"both unevennesses and noise must be at least 0 and gamma above 0, not {self}")
        if not all(math.isfinite(gain) and gain > 0.0 for gain in self.gains):
            raise FogError(f"gains must be finite and above 0, not {self.gains}")
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 100:
            raise FogError(f"JPEG quality must be 1 to 100, not {self.jpeg_quality}")

    def seen(self, light: Floats) -> Floats:
        """Return what the camera makes of light, RGB in [0, 1], [..., 3]; it is not clipped."""
        response: Floats = np.power(light, np.float32(self.gamma)) * np.asarray(self.gains, np.float32)
        return response


@dataclass(frozen=True)
class FoggyScene:
    """What a fog did to a scene.

    Attributes:
        hazy: what the camera sees, uint8 [H, W, 3].
        clear: what the same camera would see without fog, uint8 [H, W, 3].
        transmission: t in [0, 1], float32 [H, W].
        glow: factor on the airlight where it is uneven, 1 elsewhere, float32 [H, W]; before the camera's response.
    """

    hazy: NDArray[np.uint8]
    clear: NDArray[np.uint8]
    transmission: Floats
    glow: Floats


@dataclass(frozen=True)
class FogRange:
    """Where random fogs are drawn from; every pair is (lowest, highest).

    Attributes:
        mor_m: meteorological optical range in metres, log-uniform.
        clear_share: share of the draws that have no fog at all.
        airlight: luminance of the airlight, uniform.
        airlight_tint: how far each of its channels may lie from the luminance.
        airlight_from_scene: estimate the airlight from each clear picture instead, as Foggy Cityscapes did: at the
            brightest spot of its dark channel.
        airlight_unevenness, unevenness, noise, gamma, jpeg_quality: see `Fog`; uniform.
        jpeg_share: share of the draws that are compressed.
        exposure: gain of the camera, the same on all channels; uniform.
        white_balance: how far the logarithm of each channel's own gain may lie from 0: the light of dusk, of lamps, and
            cameras that are set for another. Unlike `airlight_tint` it falls on scene and fog alike.
        ideal_share: share of the draws in which the fog is even and the camera ideal: no noise, no compression, and its
            response, exposure and white balance leave the scene as it is.
    """

    mor_m: tuple[float, float] = (40.0, 1000.0)
    clear_share: float = 0.08
    airlight: tuple[float, float] = (0.5, 1.0)
    airlight_tint: float = 0.04
    airlight_from_scene: bool = False
    airlight_unevenness: tuple[float, float] = (0.0, 0.0)
    unevenness: tuple[float, float] = (0.0, 0.35)
    noise: tuple[float, float] = (0.0, 0.015)
    gamma: tuple[float, float] = (0.8, 1.25)
    jpeg_quality: tuple[int, int] = (40, 95)
    jpeg_share: float = 0.7
    exposure: tuple[float, float] = (1.0, 1.0)
    white_balance: float = 0.0
    ideal_share: float = 0.0

    def draw(self, rng: np.random.Generator) -> Fog:
        """Return a random fog; what is said of the scene's own airlight is left to whoever has the scene."""
        densest, lightest = (optics.attenuation_from_mor(mor) for mor in self.mor_m)
        attenuation = math.exp(rng.uniform(math.log(lightest), math.log(densest)))
        luminance = rng.uniform(*self.airlight)
        red, green, blue = np.clip(luminance + rng.uniform(-1.0, 1.0, 3) * self.airlight_tint, 0.0, 1.0).tolist()
        fog = Fog(
            attenuation=attenuation,
            airlight=(red, green, blue),
            unevenness=rng.uniform(*self.unevenness),
            noise=rng.uniform(*self.noise),
            gamma=rng.uniform(*self.gamma),
            jpeg_quality=int(rng.integers(*self.jpeg_quality, endpoint=True)),
        )
        without_fog = rng.random() < self.clear_share
        compressed = rng.random() < self.jpeg_share
        varied = self.airlight_unevenness[1] > 0.0  # else nothing is drawn: other fogs stay what they were
        fog = replace(
            fog,
            airlight_unevenness=rng.uniform(*self.airlight_unevenness) if varied else 0.0,
            gains=self._gains(rng),
            attenuation=0.0 if without_fog else fog.attenuation,
            jpeg_quality=fog.jpeg_quality if compressed else None,
        )
        if self.ideal_share > 0.0 and rng.random() < self.ideal_share:
            return Fog(fog.attenuation, fog.airlight)
        return fog

    def _gains(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Return random gains of the channels; nothing is drawn where nothing varies."""
        if self.exposure == (1.0, 1.0) and self.white_balance == 0.0:
            return (1.0, 1.0, 1.0)
        balance = np.exp(rng.uniform(-1.0, 1.0, 3) * self.white_balance)
        red, green, blue = (rng.uniform(*self.exposure) * balance).tolist()
        return red, green, blue


def apply_fog(image: NDArray[np.uint8], ray_length: Floats, fog: Fog, rng: np.random.Generator) -> FoggyScene:
    """Return the scene as the camera sees it through the fog.

    Args:
        image: the clear scene, RGB uint8 [H, W, 3].
        ray_length: metres along each ray, [H, W]; infinity for sky.
        fog: how dense, how bright, and what camera.
        rng: draws the unevenness and the noise; nothing else is random.
    """
    attenuation: float | Floats = fog.attenuation
    if fog.unevenness > 0.0:
        attenuation = np.float32(fog.attenuation) * _uneven(ray_length.shape, fog.unevenness, rng)
    share = optics.transmission(ray_length, attenuation=attenuation)
    light, glow = np.asarray(fog.airlight, np.float32), np.ones(ray_length.shape, np.float32)
    if fog.airlight_unevenness > 0.0:
        glow = np.minimum(_uneven(ray_length.shape, fog.airlight_unevenness, rng), 1.0 / max(1e-3, float(light.max())))
        light = light * glow[:, :, None]
    hazy = optics.add_fog(image.astype(np.float32) / 255.0, share, light)
    clear = image
    if fog.gamma != 1.0 or fog.gains != (1.0, 1.0, 1.0):
        hazy = fog.seen(hazy)
        levels = np.arange(256, dtype=np.float32)[None, :, None] / np.float32(255.0)
        clear = cv2.LUT(image, _to_bytes(fog.seen(np.repeat(levels, 3, axis=2))))
    if fog.noise > 0.0:
        hazy += rng.standard_normal(hazy.shape, np.float32) * np.float32(fog.noise)
    seen = _to_bytes(hazy)
    if fog.jpeg_quality is not None:
        seen = _through_jpeg(seen, fog.jpeg_quality)
    return FoggyScene(seen, clear, share, glow)


def _uneven(shape: tuple[int, ...], deviation: float, rng: np.random.Generator) -> Floats:
    """Return a smooth random field of mean near 1, above 0, made of banks a quarter and an eighth of the image wide."""
    height, width = shape
    field = np.zeros((height, width), np.float32)
    for cells, strength in ((4, 0.8), (8, 0.6)):  # 0.8² + 0.6² = 1
        grid = rng.standard_normal((cells, cells), np.float32) * np.float32(strength)
        field += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(1.0 + np.float32(deviation) * field, 0.1, 3.0)


def _to_bytes(image: Floats) -> NDArray[np.uint8]:
    return np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def _through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    ok, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise FogError(f"an image of {list(image.shape)} cannot be compressed to JPEG")
    return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
