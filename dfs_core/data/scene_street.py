"""What a procedural street is made of, drawn by chance: its lanes, houses, trees, traffic and light."""

from dataclasses import dataclass

import numpy as np

from dfs_core.data.depth import Camera
from dfs_core.data.scene_things import Color, Thing

END_M = 190.0
"""Where the street ends in trees, metres."""


@dataclass(frozen=True)
class Light:
    """How a street is lit.

    Attributes:
        zenith, horizon: colours of the sky.
        sun: factor on the colours of all that is lit.
        clouds: how much the sky varies.
        gamma: of the camera.
    """

    zenith: Color
    horizon: Color
    sun: Color
    clouds: float
    gamma: float


@dataclass(frozen=True)
class Street:
    """A street, seen by a camera that drives on its right half.

    Attributes:
        camera: where the camera is.
        light: how it is lit.
        kerbs: where the road ends to the left and to the right, metres from the camera.
        pavements: how wide the pavements are, left and right, metres.
        lane_marks: where dashed lines run.
        crossing: where a zebra crossing begins, metres ahead; None without one.
        shadow: how far the shadow of the houses reaches onto the road from the left, metres; 0 without sun.
        paved: whether what lies beyond the pavements is paved; else grass.
        things: what stands there.
        seed: of the textures.
    """

    camera: Camera
    light: Light
    kerbs: tuple[float, float]
    pavements: tuple[float, float]
    lane_marks: tuple[float, ...]
    crossing: float | None
    shadow: float
    paved: bool
    things: tuple[Thing, ...]
    seed: int


def draw_street(rng: np.random.Generator) -> Street:
    """Return a random street: a city street, a suburb or a road through a park."""
    kind = rng.choice(["city", "suburb", "park"], p=[0.5, 0.3, 0.2])
    lane = rng.uniform(3.0, 3.6)
    parking = 2.2 * (rng.random() < 0.6)
    kerbs = (-1.5 * lane - parking + rng.uniform(-0.3, 0.3), 0.5 * lane + parking)
    pavements = (rng.uniform(2.0, 4.0), rng.uniform(2.0, 4.0))
    light = _light(rng)
    things = [
        *_beside_the_road(rng, kind, -1, -kerbs[0], pavements[0]),
        *_beside_the_road(rng, kind, 1, kerbs[1], pavements[1]),
        *_traffic(rng, lane, kerbs, parked=parking > 0.0),
        *_end(rng),
    ]
    return Street(
        camera=Camera(rng.uniform(0.75, 1.0), rng.uniform(1.2, 1.65), rng.uniform(0.4, 0.52)),
        light=light,
        kerbs=kerbs,
        pavements=pavements,
        lane_marks=(-0.5 * lane,),
        crossing=rng.uniform(9.0, 25.0) if rng.random() < 0.2 else None,
        shadow=rng.uniform(1.0, 6.0) if light.sun[0] > 1.0 else 0.0,
        paved=kind == "city",
        things=tuple(things),
        seed=int(rng.integers(1000)),
    )


def _light(rng: np.random.Generator) -> Light:
    kind = rng.choice(["sunny", "overcast", "dusk"], p=[0.4, 0.4, 0.2])
    strength = rng.uniform(0.9, 1.1)
    if kind == "sunny":
        return Light((0.35, 0.55, 0.85), (0.75, 0.85, 0.95), _scaled((1.15, 1.1, 1.0), strength), 0.08, 0.9)
    if kind == "overcast":
        return Light((0.72, 0.75, 0.8), (0.88, 0.89, 0.9), _scaled((0.85, 0.87, 0.9), strength), 0.05, 0.95)
    return Light((0.22, 0.27, 0.42), (0.75, 0.55, 0.42), _scaled((0.5, 0.45, 0.48), strength), 0.04, 1.0)


def _beside_the_road(rng: np.random.Generator, kind: str, side: int, kerb: float, pavement: float) -> list[Thing]:
    """Return houses, trees, posts, fences and people on one side; `kerb` and `pavement` are widths."""
    line = kerb + pavement + {"city": 0.0, "suburb": 3.5, "park": 9.0}[kind] + rng.uniform(0.0, 1.0)
    things = []
    z = rng.uniform(-6.0, 3.0)
    while z < END_M:
        length = rng.uniform(9.0, 22.0) if kind == "city" else rng.uniform(8.0, 13.0)
        if rng.random() < {"city": 0.93, "suburb": 0.85, "park": 0.2}[kind]:
            height = rng.uniform(8.0, 19.0) if kind == "city" else rng.uniform(5.0, 8.0)
            color = _jittered(rng, _PLASTER[rng.integers(len(_PLASTER))], 0.06)
            things.append(
                Thing("building", side * line, z, 10.0, height, length, color, int(rng.integers(1000)))
            )  # fmt: skip
        z += length + (0.0 if kind == "city" and rng.random() < 0.85 else rng.uniform(2.0, 9.0))
    if kind != "city" or rng.random() < 0.25:
        barrier = "wall" if rng.random() < 0.3 else "fence"
        z = rng.uniform(2.0, 12.0)
        while z < 90.0:
            length = rng.uniform(10.0, 30.0)
            color = _jittered(rng, (0.55, 0.35, 0.27) if barrier == "wall" else (0.5, 0.48, 0.45), 0.1)
            height = rng.uniform(0.9, 1.5)
            at = side * (kerb + pavement - (0.1 if kind == "city" else 0.0))
            things.append(Thing(barrier, at, z, 0.0, height, length, color, int(rng.integers(1000))))
            z += length + rng.uniform(2.0, 15.0)
    things += _trees(rng, kind, side, kerb, pavement)
    things += _posts(rng, side, kerb)
    things += _people(rng, side, kerb, pavement)
    return things


def _trees(rng: np.random.Generator, kind: str, side: int, kerb: float, pavement: float) -> list[Thing]:
    if kind == "city" and rng.random() < 0.4:
        return []
    spacing = {"city": 14.0, "suburb": 11.0, "park": 5.0}[kind]
    offset = kerb + (0.8 if kind == "city" else pavement + 2.0)
    things = []
    for z in np.arange(rng.uniform(4.0, 16.0), 120.0, spacing):
        at = offset + (rng.uniform(0.0, 6.0) if kind == "park" else rng.uniform(-0.2, 0.5))
        color = _jittered(rng, (0.24, 0.36, 0.14), 0.07)
        size = rng.uniform(2.6, 4.5) * (1.0 if kind == "city" else 1.3)
        things.append(
            Thing("tree", side * at, float(z + rng.uniform(-2, 2)), size, size * rng.uniform(1.2, 1.7), 0.0, color,
                  int(rng.integers(1000)))
        )  # fmt: skip
    return things


def _posts(rng: np.random.Generator, side: int, kerb: float) -> list[Thing]:
    at = side * (kerb + 0.4)
    grey = rng.uniform(0.25, 0.55)
    things = [
        Thing("pole", at, float(z), 0.18, rng.uniform(5.5, 8.0), 0.0, (grey, grey, grey))
        for z in np.arange(rng.uniform(6.0, 20.0), 110.0, rng.uniform(18.0, 30.0))
    ]
    for _ in range(rng.integers(1, 4)):
        kind = "traffic light" if rng.random() < 0.35 else "traffic sign"
        height = rng.uniform(2.4, 3.1)
        things.append(Thing(kind, at, rng.uniform(7.0, 45.0), 0.7, height, variant=int(rng.integers(1000))))
    return things


def _people(rng: np.random.Generator, side: int, kerb: float, pavement: float) -> list[Thing]:
    things = []
    for _ in range(rng.integers(0, 6)):
        across = side * (kerb + rng.uniform(0.6, max(0.7, pavement - 0.3)))
        things.append(_person(rng, across, 5.0 + 45.0 * rng.random() ** 1.5))
    return things


def _person(rng: np.random.Generator, x: float, z: float) -> Thing:
    return Thing("person", x, z, 0.55, rng.uniform(1.5, 1.9), 0.0, _bright(rng), int(rng.integers(1000)))


def _traffic(rng: np.random.Generator, lane: float, kerbs: tuple[float, float], *, parked: bool) -> list[Thing]:
    things = []
    for middle, oncoming, nearest in ((0.0, False, 11.0), (-lane, True, 7.0)):
        z = nearest + rng.exponential(14.0)
        while z < 110.0:
            kind = rng.choice(["car", "truck", "bus", "train"], p=[0.82, 0.08, 0.07, 0.03])
            things.append(_vehicle(rng, str(kind), middle + rng.uniform(-0.2, 0.2), z, oncoming=oncoming))
            z += things[-1].length + 5.0 + rng.exponential(25.0)
    if parked:
        for side, kerb in zip((-1, 1), kerbs, strict=True):
            z = rng.uniform(3.0, 12.0)
            while z < 80.0:
                if rng.random() < 0.6:
                    things.append(_vehicle(rng, "car", kerb - side * 1.1, z, oncoming=side < 0))
                z += rng.uniform(5.2, 7.0)
    for _ in range(rng.integers(0, 3)):
        kind = "motorcycle" if rng.random() < 0.2 else "bicycle"
        side, crossing = int(rng.choice([-1, 1])), rng.random() < 0.4
        at = rng.uniform(*kerbs) if crossing else kerbs[side > 0] - side * (0.7 + 2.2 * parked)
        width = 1.8 if crossing else 0.65
        z = 6.0 + 25.0 * rng.random()
        things.append(Thing(kind, at, z, width, 1.76, 0.0, _bright(rng), int(rng.integers(1000))))
    if rng.random() < 0.2:
        things.append(_person(rng, rng.uniform(*kerbs), rng.uniform(8.0, 25.0)))
    return things


def _vehicle(rng: np.random.Generator, kind: str, x: float, z: float, *, oncoming: bool) -> Thing:
    width, height, length = _VEHICLES[kind]
    factor = rng.uniform(0.94, 1.06)
    color = _jittered(rng, _PAINT[rng.integers(len(_PAINT))], 0.04)
    return Thing(
        kind, x, z, width * factor, height * factor, length * factor, color, int(rng.integers(1000)), oncoming
    )  # fmt: skip


def _end(rng: np.random.Generator) -> list[Thing]:
    """Return what closes the view, so that the road does not run into the sky."""
    color = _jittered(rng, (0.25, 0.34, 0.18), 0.04)
    return [Thing("hedge", 0.0, END_M, 500.0, rng.uniform(6.0, 14.0), 0.0, color, int(rng.integers(1000)))]


def _bright(rng: np.random.Generator) -> Color:
    red, green, blue = rng.uniform(0.08, 0.75, 3)
    return red, green, blue


def _jittered(rng: np.random.Generator, color: Color, by: float) -> Color:
    red, green, blue = np.clip(np.asarray(color) + rng.uniform(-by, by) + rng.uniform(-by, by, 3) / 2, 0.02, 1.0)
    return float(red), float(green), float(blue)


def _scaled(color: Color, factor: float) -> Color:
    return color[0] * factor, color[1] * factor, color[2] * factor


_VEHICLES = {
    "car": (1.75, 1.48, 4.2),
    "truck": (2.35, 3.1, 7.5),
    "bus": (2.5, 3.0, 11.0),
    "train": (2.6, 3.4, 24.0),
}
_PAINT: tuple[Color, ...] = (
    (0.75, 0.76, 0.78), (0.15, 0.15, 0.17), (0.5, 0.52, 0.55), (0.55, 0.08, 0.08), (0.1, 0.2, 0.5), (0.9, 0.9, 0.9),
    (0.15, 0.3, 0.2), (0.8, 0.65, 0.2),
)  # fmt: skip
_PLASTER: tuple[Color, ...] = (
    (0.72, 0.66, 0.55), (0.55, 0.33, 0.25), (0.62, 0.6, 0.58), (0.8, 0.76, 0.68), (0.5, 0.42, 0.35), (0.45, 0.47, 0.5),
)  # fmt: skip
