"""What an evaluation found, as plain data: the report is drawn from it, and report.json is it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dfs_core.labels import LabelSet

HAZY, CLEAR = "hazy", "clear"
"""Models of the rows that are the ends of the gap: the frame as it is, and the scene without fog, the bound."""
EVERYTHING = "all"
"""The part that holds all recordings."""

Row = dict[str, Any]
"""One line of the table.

`model` names the method; `beta` (1/m, None where the data's own fog is used), `part` ("all" or one recording) and
`judge` (None where there is none) say what it was measured on. Figures stand under the keys of their columns, numbers
or None. `interval`: {column: [low, high]}, 95 % by bootstrap over images. `gap_closed`: {column: share of the way from
hazy to clear that was won back, None where fog costs nothing}. `gap_doubtful`: [column] whose whole gap may be none, as
its interval holds 0. `class_iou`: {class: IoU or None}.
"""


@dataclass(frozen=True)
class Column:
    """One figure.

    Attributes:
        key: in the rows.
        title: at the head of the column, with the unit.
        meaning: one sentence for who hovers over it or reads the notes below the table.
        digits: after the point.
        best: which end of the scale is better; None where neither is.
        scale: what a value is multiplied with before it is printed, such as 100 for per cent.
    """

    key: str
    title: str
    meaning: str
    digits: int = 3
    best: Literal["highest", "lowest"] | None = "highest"
    scale: float = 1.0


@dataclass(frozen=True)
class Frame:
    """One scene in one fog, to look at.

    Attributes:
        name: of the scene.
        fog: what fog it is in, such as "β = 0.02 / m"; empty where it has no name.
        scores: by name, what scenes can be sorted by, the lowest being the worst; the first is the default.
        figures: {picture: {title: value}}, what stands below a picture. Where a title, or the name of a score, is the
            key or the title of a column, it is shown as that column is: with its title, digits and scale.
        pictures: encoded pictures (JPEG or PNG files' bytes) by caption, such as "hazy", "dfs_fast", "clear",
            "hazy · mask"; all of one shape. The first two are what the slider shows at first.
    """

    name: str
    fog: str
    scores: Mapping[str, float]
    figures: Mapping[str, Mapping[str, float | None]]
    pictures: Mapping[str, bytes]


@dataclass(frozen=True)
class Results:
    """All of it.

    Attributes:
        title: one line.
        facts: by name, what was evaluated on what and how: data, frames, judges, seeds, versions, the command.
        methods: one mapping for each row's name, in the order of the rows: `model`, `source`, `parameters`, `macs`,
            `ms_per_frame` (median), None where not known.
        columns: the figures, in their order.
        rows: see `Row`.
        curves: keys of columns to draw against β; none where there are no β.
        frames: scenes to look at.
        labels: the classes of the masks; None where there are none.
        notes: sentences below the tables: conventions, limits, what a reader could get wrong.
        problems: what could not be read or computed, one line each, naming the file.
    """

    title: str
    facts: Mapping[str, str]
    methods: Sequence[Mapping[str, Any]]
    columns: Sequence[Column]
    rows: Sequence[Row]
    curves: Sequence[str] = ()
    frames: Sequence[Frame] = ()
    labels: LabelSet | None = None
    notes: Sequence[str] = ()
    problems: Sequence[str] = field(default=())
