"""What a model file is: one ONNX file that carries everything a program must know to run it.

The graph of an artifact has fixed names:

| tensor | type and shape | what it is |
|---|---|---|
| `frames` (input) | uint8 [N, H, W, 3] | RGB camera frames of any size |
| `low_resolution` | float32 [N, 3, h, w] | the frames as the networks see them, in [0, 1] |
| `restoration` | float32 [N, 6, h, w] | gain, then offset of R, G, B: dehazed = gain · frame + offset, in [0, 1] |
| `scores` | float32 [N, C, h', w'] | class scores; resized bilinearly, the highest gives `mask` |
| `dehazed` (output) | uint8 [N, H, W, 3] | RGB frames without fog |
| `mask` (output) | uint8 [N, h, w] | class ids of the dehazed frames |
| `fog_density` (output) | float32 [N] | attenuation coefficient β in 1/m |

`low_resolution` and `restoration` are cut points: a backend may compute what lies before the first and after the second
by itself, and the mask from `scores`, which older files and those in fp16 do not name. The last two planes of
`restoration` are the transmission and the airlight's luminance, for who steadies dehazing over time; older files lack
them, and their gain is 1 / t. h and w follow from H and W by `Artifact.network_size`. A file whose generator draws the
dehazed frames has none of the three, and its fog density is not a number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfs_core.errors import ArtifactError, LabelError
from dfs_core.labels import LabelClass, LabelSet
from dfs_core.onnx_header import Header, HeaderError, read_header

FORMAT = "1"
"""Version of the contract above; a file of another version is refused."""

COLOR_ORDER = "RGB"
"""Order of the colours in every frame, in and out."""

FRAMES, LOW_RESOLUTION, RESTORATION, SCORES = "frames", "low_resolution", "restoration", "scores"
DEHAZED, MASK, FOG_DENSITY = "dehazed", "mask", "fog_density"
OUTPUTS = (DEHAZED, MASK, FOG_DENSITY)

NETWORK_WIDTH = 480
"""Width in pixels of the low-resolution frame, of networks that were not trained for another."""

PRECISIONS = ("fp32", "fp16", "int8")
"""Number formats that the weights of a model file come in."""


@dataclass(frozen=True)
class Artifact:
    """The description that rides in a model file's `metadata_props`.

    Attributes:
        name: what the model is called, such as "dfs_fast".
        labels: the classes of its masks.
        network_width: width in pixels of the low-resolution frame.
        network_multiple: its height and width are multiples of this.
        precision: number format of the weights, one of `PRECISIONS`; "int8" of those in convolutions.
        quantized_for: what an "int8" file was made for, such as "cpu"; empty for the other formats.
        training_data: what it was trained on.
        license: under what terms the weights may be used.
        metrics: figures measured when it was exported, by name.
        draws: whether its generator draws the dehazed frames itself, at full size, instead of saying what the fog does.
            Then there are no cut points, and the fog density is not known.
        max_size: height and width of the largest frames that engines are made for; None leaves it to the builder.
    """

    name: str
    labels: LabelSet
    network_width: int = NETWORK_WIDTH
    network_multiple: int = 16
    precision: str = "fp32"
    quantized_for: str = ""
    training_data: str = ""
    license: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    draws: bool = False
    max_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse a low-resolution frame that `network_size` cannot give, and a number format that nobody knows."""
        width, multiple = self.network_width, self.network_multiple
        if multiple < 1 or width < 2 * multiple or width % multiple:
            raise ArtifactError(
                f"network_width must be a multiple of network_multiple and at least twice as much, not {width} "
                f"with network_multiple {multiple}"
            )
        if self.precision not in PRECISIONS:
            raise ArtifactError(f"precision must be one of {', '.join(PRECISIONS)}, not '{self.precision}'")
        if self.max_size is not None and min(self.max_size) < 1:
            raise ArtifactError(f"max_size must be at least 1 pixel high and wide, not {self.max_size}")

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the low-resolution frame for a camera of that size.

        The width is fixed and the height keeps the aspect ratio to the nearest multiple, but never exceeds the width: a
        taller picture is squeezed. Whole numbers only, so that every backend gets the same answer.
        """
        multiple, network_width = self.network_multiple, self.network_width
        steps = (2 * network_width * height + multiple * width) // (2 * multiple * width)
        return multiple * min(max(steps, 2), network_width // multiple), network_width

    def to_metadata(self) -> dict[str, str]:
        """Return the description as the strings that go into the file."""
        classes = [{"name": c.name, "color": list(c.color), "category": c.category} for c in self.labels.classes]
        return {
            "dfs.format": FORMAT,
            "dfs.name": self.name,
            "dfs.label_set": self.labels.name,
            "dfs.classes": json.dumps(classes),
            "dfs.color_order": COLOR_ORDER,
            "dfs.network_width": str(self.network_width),
            "dfs.network_multiple": str(self.network_multiple),
            "dfs.precision": self.precision,
            "dfs.quantized_for": self.quantized_for,
            "dfs.training_data": self.training_data,
            "dfs.license": self.license,
            "dfs.metrics": json.dumps(dict(self.metrics)),
            "dfs.draws": json.dumps(self.draws),
            "dfs.max_size": json.dumps(self.max_size),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, source: str) -> "Artifact":
        """Return the description held by a file's metadata.

        Args:
            metadata: the file's `metadata_props`.
            source: name of the file, for messages.

        Raises:
            ArtifactError: a key is missing or its value cannot be read, or format or colour order are others.
        """
        if "dfs.classes" not in metadata:
            raise ArtifactError(
                f"{source}: no 'dfs.classes' in its metadata, so this is not a DFS model; "
                "export one with `dfs export CHECKPOINT`"
            )
        if (found := metadata.get("dfs.format")) != FORMAT:
            raise ArtifactError(
                f"{source}: model format {found!r}, this version of DFS reads {FORMAT!r}; "
                "export it again with `dfs export CHECKPOINT`"
            )
        if (order := metadata.get("dfs.color_order")) != COLOR_ORDER:
            raise ArtifactError(
                f"{source}: colour order {order!r}, DFS models take {COLOR_ORDER!r}; export it again with `dfs export`"
            )
        try:
            return cls(
                name=metadata["dfs.name"],
                labels=LabelSet(metadata["dfs.label_set"], tuple(map(_class, json.loads(metadata["dfs.classes"])))),
                network_width=int(metadata["dfs.network_width"]),
                network_multiple=int(metadata["dfs.network_multiple"]),
                precision=metadata["dfs.precision"],
                quantized_for=metadata.get("dfs.quantized_for", ""),  # files older than quantisation lack it
                training_data=metadata["dfs.training_data"],
                license=metadata["dfs.license"],
                metrics={name: float(value) for name, value in json.loads(metadata["dfs.metrics"]).items()},
                draws=bool(json.loads(metadata.get("dfs.draws", "false"))),  # older files lack this and the next
                max_size=_size(json.loads(metadata.get("dfs.max_size", "null"))),
            )
        except (KeyError, ValueError, TypeError, AttributeError, LabelError, ArtifactError) as error:
            raise ArtifactError(
                f"{source}: its DFS metadata cannot be read ({type(error).__name__}: {error}); "
                "export it again with `dfs export CHECKPOINT`"
            ) from error


def read(path: Path) -> Artifact:
    """Return the description of a model file.

    Raises:
        ArtifactError: there is no such file, it is not ONNX, it keeps data in other files, or it is not a DFS model.
    """
    try:
        header = read_header(path.read_bytes())
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be opened ({error.strerror}); give a model file that `dfs export` wrote"
        ) from error
    except HeaderError as error:
        raise ArtifactError(
            f"{path}: not an ONNX file, or a truncated one ({error}); copy it again or export it with `dfs export`"
        ) from error
    if header.keeps_data_elsewhere:
        raise ArtifactError(
            f"{path}: keeps weights in other files; a DFS model is one file, export it with `dfs export`"
        )
    artifact = Artifact.from_metadata(header.metadata, source=str(path))
    _check_interface(header, source=str(path))
    return artifact


def _check_interface(header: Header, *, source: str) -> None:
    """Refuse a graph that does not take and give what the contract says.

    Raises:
        ArtifactError: with the names and types that were found.
    """
    wanted = {DEHAZED: "uint8", MASK: "uint8", FOG_DENSITY: "float"}
    if header.inputs != {FRAMES: "uint8"} or any(header.outputs.get(name) != kind for name, kind in wanted.items()):
        raise ArtifactError(
            f"{source}: takes {header.inputs} and gives {header.outputs}, but a DFS model takes "
            f"{{'{FRAMES}': 'uint8'}} and gives {wanted}; export it again with `dfs export`"
        )


def _size(found: list[int] | None) -> tuple[int, int] | None:
    if found is None:
        return None
    height, width = (int(length) for length in found)
    return height, width


def _class(entry: dict[str, Any]) -> LabelClass:
    red, green, blue = (int(value) for value in entry["color"])
    return LabelClass(str(entry["name"]), (red, green, blue), str(entry["category"]))
