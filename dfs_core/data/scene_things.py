"""What stands in a procedural street: vehicles, people, trees, poles, signs, houses, fences."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dfs_core.data.scene_canvas import Canvas, Floats, Paint, grain, layers

Color = tuple[float, float, float]

DARK: Color = (0.07, 0.07, 0.08)
GLASS: Color = (0.16, 0.2, 0.24)


@dataclass(frozen=True)
class Thing:
    """One thing in a street.

    Attributes:
        kind: a key of `THINGS`.
        x: metres to the right of the camera, of its middle.
        z: metres ahead, of its near side.
        width, height, length: metres; length along the road.
        color: of its paint, clothes or leaves, RGB in [0, 1].
        variant: what else differs between two of a kind, 0–999.
        oncoming: whether its front faces the camera.
    """

    kind: str
    x: float
    z: float
    width: float
    height: float
    length: float = 0.0
    color: Color = (0.5, 0.5, 0.5)
    variant: int = 0
    oncoming: bool = False


def draw(canvas: Canvas, thing: Thing) -> None:
    """Put a thing into the picture."""
    THINGS[thing.kind](canvas, thing)


def _vehicle(canvas: Canvas, it: Thing) -> None:
    """A body with a cabin on it: the near end, the windscreen, and the side that faces the camera."""
    (number,) = canvas.number(it.kind)
    left, right = it.x - it.width / 2, it.x + it.width / 2
    boxy = it.kind != "car"
    belt, clearance = (0.42, 0.1) if boxy else (0.58, 0.16)
    bonnet = 0.02 if boxy else (1.1 if it.oncoming or it.variant % 2 else 0.25)
    color = np.asarray(it.color, np.float32)
    lamp = np.asarray((0.95, 0.93, 0.8) if it.oncoming else (0.75, 0.05, 0.05), np.float32)

    def end(a: Floats, b: Floats) -> Paint:
        lamps = (np.abs(np.abs(a - 0.5) - 0.4) < 0.075) & (np.abs(b - 0.42 * belt / 0.58) < 0.05)
        wheels = (np.abs(np.abs(a - 0.5) - 0.4) < 0.08) & (b <= clearance)
        plate = (np.abs(a - 0.5) < 0.14) & (np.abs(b - 0.3 * belt / 0.58) < 0.035)
        shade = (0.72 + 0.4 * b)[..., None] * color
        return layers(
            ((b > clearance) & (b <= belt) & (a >= 0.0), shade),
            (wheels, _tone(DARK)),
            ((np.abs(b - 0.24) < 0.03) & (a >= 0.0), _tone(DARK)),
            (plate, _tone((0.85, 0.85, 0.75))),
            (lamps, lamp),
        )

    def cabin(a: Floats, b: Floats) -> Paint:
        inset = 0.02 if boxy else 0.06 + 0.16 * np.maximum(b - belt, 0.0) / (1.0 - belt)
        body = (b > belt) & (np.abs(a - 0.5) < 0.5 - inset)
        bonnet_behind_end = (b > clearance) & (b <= belt) & (a >= 0.0)
        glass = (b > belt + 0.05) & (b < 0.92) & (np.abs(a - 0.5) < 0.44 - inset)
        return layers(
            (bonnet_behind_end, 1.15 * color), (body, 0.95 * color), (glass, _tone(GLASS) * (0.7 + 0.9 * b)[..., None])
        )

    def side(a: Floats, b: Floats) -> Paint:
        along = a * it.length
        slope = 0.0 if boxy else 0.5
        rise = np.maximum(b - belt, 0.0) / (1.0 - belt) * slope
        rear = it.length - (0.02 if boxy else 0.5)
        body = (b > clearance) & (b <= belt) & (a >= 0.0)
        above = (b > belt) & (along > bonnet + rise) & (along < rear - rise)
        pane = np.abs((along % 1.25) - 0.62) < 0.52
        glass = above & (b > belt + 0.06) & (b < 0.9) & (along > bonnet + rise + 0.15) & (along < rear - rise - 0.1)
        wheel = np.zeros_like(above)
        for middle in (0.8, it.length - 0.85):
            wheel |= (along - middle) ** 2 + (b * it.height - 0.33) ** 2 < 0.33**2
        shade = (0.62 + 0.3 * b)[..., None] * color
        return layers((body | above, shade), (glass & pane, _tone(GLASS) * 1.1), (wheel, _tone(DARK)))

    height = (0.0, it.height)
    if left > 0.0 or right < 0.0:
        canvas.along(it.kind, left if left > 0.0 else right, height, (it.z, it.z + it.length), side, number)
    canvas.facing(it.kind, (left, right), height, it.z + bonnet, cabin, number)
    canvas.facing(it.kind, (left, right), height, it.z, end, number)


def _person(canvas: Canvas, it: Thing) -> None:
    (number,) = canvas.number("person")
    stride = 0.1 + 0.12 * (it.variant % 7) / 6.0
    shirt, trousers = np.asarray(it.color, np.float32), _tone(_OTHER_COLORS[it.variant % len(_OTHER_COLORS)])

    def paint(a: Floats, b: Floats) -> Paint:
        across = a - 0.5
        legs = (b < 0.5) & (np.abs(np.abs(across) - stride * (1.1 - 1.6 * b)) < 0.12)
        torso = (b >= 0.47) & (b < 0.84) & (np.abs(across) < 0.27 + 0.1 * (b > 0.6))
        arms = (b > 0.45) & (b < 0.8) & (np.abs(np.abs(across) - 0.38) < 0.08)
        head = (across / 0.2) ** 2 + ((b - 0.92) / 0.08) ** 2 < 1.0
        hair = head & (b > 0.93)
        cloth = shirt * (0.85 + 0.3 * (across > 0.05))[..., None]
        return layers(
            (legs, trousers), (torso | arms, cloth), (head, _tone((0.72, 0.53, 0.43))), (hair, _tone((0.2, 0.14, 0.1)))
        )

    canvas.facing("person", _across(it), (0.0, it.height), it.z, paint, number)


def _cyclist(canvas: Canvas, it: Thing) -> None:
    """A bicycle or motorcycle with its rider, from the side where it crosses the road, else from behind."""
    machine, rider = canvas.number(it.kind, "rider")
    heavy = 0.05 if it.kind == "motorcycle" else 0.0
    shirt = np.asarray(it.color, np.float32)
    crossing = it.width > 1.0

    def frame(a: Floats, b: Floats) -> Paint:
        x, y = (a - 0.5) * it.width, b * it.height
        if not crossing:
            wheel = (np.abs(x) < 0.05 + heavy) & (y < 0.68)
            bar = (np.abs(x) < 0.28) & (np.abs(y - 1.0) < 0.03)
            return layers((wheel | bar, _tone(DARK)))
        far = np.abs(x) - 0.52
        ring = np.abs(np.hypot(far, y - 0.34) - 0.31) < 0.035 + heavy
        tube = (np.abs(y - 0.62) < 0.03 + 4 * heavy) & (np.abs(x) < 0.5)
        tube |= (np.abs(far + 0.06 + 0.18 * (y - 0.34)) < 0.03) & (y > 0.3) & (y < 1.0)
        return layers((ring | tube, _tone(DARK)))

    def person(a: Floats, b: Floats) -> Paint:
        x, y = (a - 0.5) * it.width, b * it.height
        lean = 0.28 * (y - 0.9) if crossing else np.float32(0.0)
        trunk = (np.abs(x + 0.2 * crossing - lean) < 0.17) & (y > 0.85) & (y < 1.45)
        legs = (np.abs(np.abs(x + 0.05 * crossing) - 0.13) < 0.07) & (y > 0.25) & (y <= 0.9)
        arms = crossing & (np.abs(y - 1.12 - 0.25 * (0.3 - x)) < 0.05) & (x > -0.1) & (x < 0.42)
        head = ((x - (0.03 if crossing else 0.0)) / 0.12) ** 2 + ((y - 1.6) / 0.14) ** 2 < 1.0
        return layers(
            (legs, _tone((0.15, 0.16, 0.22))),
            (trunk | arms, shirt * (0.9 + 0.2 * (x > 0))[..., None]),
            (head, _tone((0.7, 0.52, 0.42))),
            (head & (y > 1.63), _tone((0.75, 0.75, 0.7))),
        )

    canvas.facing(it.kind, _across(it), (0.0, it.height), it.z, frame, machine)
    canvas.facing("rider", _across(it), (0.0, it.height), it.z, person, rider)


def _tree(canvas: Canvas, it: Thing) -> None:
    leaves, trunk = np.asarray(it.color, np.float32), 0.12 + 0.02 * (it.variant % 5)
    start = 0.02 if it.kind == "hedge" else 0.28

    def paint(a: Floats, b: Floats) -> Paint:
        x, y = a * it.width, b * it.height
        rough = grain(x / 2.5, y / 2.5, offset=it.variant)
        middle = (1.0 + start) / 2
        crown = ((a - 0.5) / 0.46) ** 2 + ((b - middle) / (middle - start)) ** 2 + 0.16 * rough < 0.92
        if it.kind == "hedge":
            crown = b + 0.05 * rough < 0.9
        light = 0.62 + 0.5 * b + 0.16 * grain(x, y, offset=it.variant + 1)
        stem = (np.abs(x - it.width / 2) < trunk * (1.3 - b)) & (b < 0.5)
        return layers((stem, _tone((0.28, 0.22, 0.17))), (crown, leaves * light[..., None]))

    canvas.facing("vegetation", _across(it), (0.0, it.height), it.z, paint)


def _lamp(canvas: Canvas, it: Thing) -> None:
    reach = -np.sign(it.x) * 1.4

    def post(a: Floats, b: Floats) -> Paint:
        return Paint(a + b < 9.0, _tone(it.color) * (0.7 + 0.5 * a)[..., None])

    canvas.facing("pole", _across(it), (0.0, it.height), it.z, post)
    ends = sorted((it.x, it.x + reach))
    canvas.facing("pole", (ends[0], ends[1]), (it.height - 0.15, it.height), it.z, post)


def _sign(canvas: Canvas, it: Thing) -> None:
    """A plate or a traffic light on a post."""
    light = it.kind == "traffic light"
    name, across, up = (it.kind, 0.36, 0.95) if light else ("traffic sign", 0.75, 0.75)

    def post(a: Floats, b: Floats) -> Paint:
        return Paint(a + b < 9.0, _tone((0.45, 0.46, 0.47)) * (0.7 + 0.5 * a)[..., None])

    def plate(a: Floats, b: Floats) -> Paint:
        x, y = a - 0.5, b - 0.5
        radius = np.hypot(x, y)
        if light:
            lamps = [(np.hypot(x * 0.36, (b - at) * 0.95) < 0.11, _tone(color)) for at, color in _LAMPS]
            chosen = it.variant % 3
            return layers((radius < 9.0, _tone(DARK)), lamps[chosen])
        if it.variant % 3 == 0:
            return layers((radius < 0.5, _tone((0.8, 0.08, 0.1))), (radius < 0.34, _tone((0.93, 0.93, 0.9))))
        if it.variant % 3 == 1:
            edge = np.abs(x) * 2.0 + b
            return layers((edge < 1.0, _tone((0.8, 0.08, 0.1))), ((edge < 0.72) & (b > 0.13), _tone((0.95, 0.95, 0.9))))
        return layers((radius < 9.0, _tone((0.1, 0.25, 0.65))), (np.abs(x) < 0.09, _tone((0.92, 0.92, 0.95))))

    canvas.facing("pole", (it.x - 0.06, it.x + 0.06), (0.0, it.height), it.z, post)
    canvas.facing(name, (it.x - across / 2, it.x + across / 2), (it.height - up, it.height), it.z - 0.05, plate)


def _house(canvas: Canvas, it: Thing) -> None:
    """A house whose front stands `it.x` from the camera along the road and whose near end faces it."""
    color = np.asarray(it.color, np.float32)
    storey, bay = 2.9 + 0.1 * (it.variant % 7), 2.2 + 0.15 * (it.variant % 9)

    def walls(across_m: float, light: float) -> Callable[[Floats, Floats], Paint]:
        def paint(a: Floats, b: Floats) -> Paint:
            x, y = a * np.float32(across_m), b * np.float32(it.height)
            column, row = x / np.float32(bay), y / np.float32(storey)
            ground_floor = row < 1.0
            wide = np.where(ground_floor, 0.38, 0.24)
            opening = (np.abs(column % 1.0 - 0.5) < wide) & (np.abs(row % 1.0 - 0.52) < 0.28)
            opening = opening & (y < it.height - 0.8)
            sash = (np.abs(column % 1.0 - 0.5) < 0.03) | (np.abs(row % 1.0 - 0.52) < 0.02)
            tint = 0.7 + 0.35 * grain(np.floor(column) / 3.0, np.floor(row) / 3.0, offset=it.variant)
            plaster = light * (1.0 + 0.06 * grain(x / 2.0, y / 2.0, offset=it.variant))
            ledge = np.abs(row % 1.0) < 0.05
            return layers(
                (np.ones(np.broadcast_shapes(a.shape, b.shape), np.bool_), color * plaster[..., None]),
                (ledge & (column > -9.0), color * np.float32(0.8 * light)),
                (opening, _tone(GLASS) * np.clip(tint, 0.4, 2.0)[..., None]),
                (opening & sash, color * np.float32(1.1 * light)),
                ((y > it.height - 0.5) & (column > -9.0), color * np.float32(0.6 * light)),
            )

        return paint

    lit = 1.05 if it.variant % 2 else 0.8
    canvas.along("building", it.x, (0.0, it.height), (it.z, it.z + it.length), walls(it.length, lit))
    ends = sorted((it.x, it.x + np.sign(it.x) * it.width))
    canvas.facing("building", (ends[0], ends[1]), (0.0, it.height), it.z, walls(it.width, 1.85 - lit))


def _fence(canvas: Canvas, it: Thing) -> None:
    """A fence of bars, or a wall of bricks, that runs along the road."""
    color = np.asarray(it.color, np.float32)

    def paint(a: Floats, b: Floats) -> Paint:
        x, y = a * np.float32(it.length), b * np.float32(it.height)
        if it.kind == "wall":
            joint = (np.abs(y % 0.3 - 0.15) > 0.13) | (np.abs((x + 0.3 * np.floor(y / 0.3)) % 0.6 - 0.3) > 0.28)
            tone = np.where(joint, 0.75, 1.0 + 0.1 * grain(x, y, offset=it.variant))
        else:
            bar = (np.abs(x % 0.25 - 0.12) < 0.06) | (np.abs(y - 0.9 * it.height) < 0.05) | (np.abs(y - 0.2) < 0.05)
            tone = np.where(bar, 1.0, 0.45)
        return Paint(a + b < 9.0, color * tone[..., None].astype(np.float32))

    canvas.along(it.kind, it.x, (0.0, it.height), (it.z, it.z + it.length), paint)


def _across(it: Thing) -> tuple[float, float]:
    return it.x - it.width / 2, it.x + it.width / 2


def _tone(color: Color) -> Floats:
    return np.asarray(color, np.float32)


_OTHER_COLORS = ((0.12, 0.13, 0.2), (0.25, 0.25, 0.27), (0.2, 0.16, 0.12), (0.35, 0.38, 0.5))
_LAMPS = ((0.8, (0.95, 0.15, 0.1)), (0.5, (0.95, 0.7, 0.1)), (0.2, (0.15, 0.85, 0.35)))

THINGS: dict[str, Callable[[Canvas, Thing], None]] = {
    "car": _vehicle,
    "truck": _vehicle,
    "bus": _vehicle,
    "train": _vehicle,
    "person": _person,
    "bicycle": _cyclist,
    "motorcycle": _cyclist,
    "tree": _tree,
    "hedge": _tree,
    "pole": _lamp,
    "traffic sign": _sign,
    "traffic light": _sign,
    "building": _house,
    "fence": _fence,
    "wall": _fence,
}
