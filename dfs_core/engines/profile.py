"""The frames that an engine takes: between which sizes and batches, and at which it is fastest."""

import re
from dataclasses import dataclass

from dfs_core.errors import EngineError

Shape = tuple[int, int, int]
"""(N, H, W)"""

Sides = tuple[int | None, int | None, int | None]
"""(N, H, W) of a model file's frames; None for each that it leaves open."""

OPEN: Sides = (None, None, None)

_SIDES = ("batch", "height", "width")


@dataclass(frozen=True)
class Profile:
    """The frames that an engine takes, each as (N, H, W); it is fastest at the usual ones."""

    smallest: Shape = (1, 1, 1)
    usual: Shape = (1, 1080, 1920)
    largest: Shape = (4, 2160, 3840)

    def __post_init__(self) -> None:
        """Refuse what is not in order, which a builder would."""
        bounds = zip(self.smallest, self.usual, self.largest, strict=True)
        if not all(1 <= least <= usual <= most for least, usual, most in bounds):
            raise EngineError(
                "an engine takes frames [N, H, W] from the smallest over the usual to the largest, all at least 1, "
                f"not {self.smallest}, {self.usual}, {self.largest}"
            )

    def holds(self, shape: Shape) -> bool:
        """Return whether frames of (N, H, W) are within the range."""
        pairs = zip(self.smallest, shape, self.largest, strict=True)
        return all(least <= length <= most for least, length, most in pairs)

    def __str__(self) -> str:
        sizes = [f"{width}x{height}" for _, height, width in (self.smallest, self.usual, self.largest)]
        batches = [str(shape[0]) for shape in (self.smallest, self.usual, self.largest)]
        return f"frames {_range(sizes)}, batch {_range(batches)}"


def choose_profile(
    sides: Sides = OPEN,
    *,
    smallest: Sides = OPEN,
    usual: Sides = OPEN,
    largest: Sides = OPEN,
    made_for: Sides = OPEN,
) -> Profile:
    """Return the profile that follows from a model file and from what was asked for.

    What was not asked for is as in `Profile`, moved as far as the rest demands.

    Args:
        sides: those that the file fixes.
        smallest: what was asked for, None for each side that was not.
        usual: as `smallest`.
        largest: as `smallest`.
        made_for: the largest that the file says it was made for; more may be asked for.

    Raises:
        EngineError: the file fixes a side at another length, or the lengths are not in order.
    """
    default = Profile()
    n, h, w = (limit or length for limit, length in zip(made_for, default.largest, strict=True))
    usual_n, usual_h, usual_w = default.usual
    default = Profile(default.smallest, (min(usual_n, n), min(usual_h, h), min(usual_w, w)), (n, h, w))
    axes = [
        _axis(_SIDES[axis], sides[axis], (smallest[axis], usual[axis], largest[axis]), default, axis)
        for axis in range(len(_SIDES))
    ]
    least, best, most = zip(*axes, strict=True)
    return Profile(least, best, most)


def parse_size(words: str) -> tuple[int, int]:
    """Return (height, width) of a size as people write it, such as "1920x1080".

    Raises:
        EngineError: it is not two whole numbers.
    """
    found = re.fullmatch(r"(\d+)x(\d+)", words)
    if found is None:
        raise EngineError(f"a size is WIDTHxHEIGHT in pixels, such as 1920x1080, not '{words}'")
    return int(found[2]), int(found[1])


def _axis(
    name: str, fixed: int | None, asked: tuple[int | None, int | None, int | None], default: Profile, axis: int
) -> Shape:
    """Return the smallest, usual and largest length of one side."""
    if fixed is not None:
        if any(length not in {None, fixed} for length in asked):
            raise EngineError(
                f"the model file takes frames of {name} {fixed} only, not {next(filter(None, asked))}; leave the "
                "option out, or export a file that leaves this open"
            )
        return fixed, fixed, fixed
    least, usual, most = asked
    given = [length for length in asked if length is not None]
    if most is None:
        most = max(default.largest[axis], *given, 0)
    if least is None:
        least = min(default.smallest[axis], *given, most)
    if usual is None:
        usual = min(max(default.usual[axis], least), most)
    return least, usual, most


def _range(words: list[str]) -> str:
    least, usual, most = words
    if least == most:
        return least
    return f"{least} to {most}" if usual == most else f"{least} to {most}, best at {usual}"
