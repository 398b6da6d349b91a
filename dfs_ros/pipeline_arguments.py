"""What a user may set of the pipeline: each argument with its default and its meaning, and reading their values."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dfs_core.errors import ConfigError
from dfs_core.runtime import BACKENDS
from dfs_core.runtime.loading import PRECISIONS

BOOLEAN = ("true", "false")


@dataclass(frozen=True)
class Argument:
    """One thing a user may set, as text.

    Attributes:
        name: what stands before `:=`.
        default: its value when the user gives none.
        description: what it does, in a sentence or two.
        choices: the values it can have besides its default; any if empty.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """All values it can have, its default among them; empty if any will do."""
        return self.choices if not self.choices or self.default in self.choices else (self.default, *self.choices)


ARGUMENTS = (
    Argument(
        "camera",
        "",
        "Image topic, or several with commas between them, such as /front/image_raw,/rear/image_raw: one dehaze node "
        "each, in the topic's namespace. Empty: the bag's only camera, and without a bag image_raw.",
    ),
    Argument(
        "batch",
        "false",
        "Have one node serve all cameras and take their frames through the model together; /front/image_raw is then "
        "answered below /dehaze_node/front. Without camera: those of the bag, else those that params_file names.",
        BOOLEAN,
    ),
    Argument(
        "image_transport",
        "auto",
        "Whether images arrive as sensor_msgs/Image or CompressedImage. "
        "auto: compressed if the camera's topic or the bag says so, else raw.",
        ("raw", "compressed"),
    ),
    Argument("model", "", "Model file that `dfs export` wrote. Empty: what params_file says, else the one that ships."),
    Argument(
        "backend", "", "What runs the model. Empty: what params_file says, else the best here.", ("auto", *BACKENDS)
    ),
    Argument("precision", "", "Number format of the computation. Empty: what params_file says.", PRECISIONS),
    Argument("bag", "", "Bag to play, sqlite3 or MCAP. Empty: the cameras are live."),
    Argument("rate", "1.0", "Speed of the bag: 0.5 plays at half speed."),
    Argument("start_offset", "0.0", "Seconds of the bag to leave out at its beginning."),
    Argument("loop", "false", "Start the bag again when it ends.", BOOLEAN),
    Argument("restamp", "false", "Set the bag's header stamps to now, so that latency can be measured.", BOOLEAN),
    Argument("keep_running", "false", "Go on when the bag has ended.", BOOLEAN),
    Argument("use_sim_time", "false", "Take time from /clock, which the player then publishes.", BOOLEAN),
    Argument(
        "params_file", "", "YAML file with the dehaze node's parameters. Empty: config/dehaze.yaml of this package."
    ),
    Argument(
        "respawn",
        "false",
        "Start a dehaze node, or that of the page, again two seconds after it has ended unasked, instead of stopping "
        "the pipeline.",
        BOOLEAN,
    ),
    Argument("rviz", "false", "Show the images in RViz, which needs a ROS installation.", BOOLEAN),
    Argument("viewer", "false", "Serve a page that shows the cameras and the answers in a browser.", BOOLEAN),
    Argument("viewer_host", "127.0.0.1", "Address of this machine to serve that page on; 0.0.0.0: to everybody."),
    Argument("viewer_port", "8088", "Port of that page; 0: any that is free."),
    Argument("log_level", "info", "Least severe message that is printed.", ("debug", "info", "warn", "error", "fatal")),
)
"""What can be set, in the order in which it is worth reading."""


def complete(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every argument: the one given, else the default.

    Raises:
        ConfigError: there is no such argument, or it cannot have that value.
    """
    known = {argument.name: argument for argument in ARGUMENTS}
    for name, value in arguments.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"no argument is called '{name}'; did you mean '{nearest}'? There are: {', '.join(known)}"
            )
        argument = known[name]
        if argument.choices and value not in argument.accepted:
            raise ConfigError(f"{name}:={value}: must be one of {', '.join(argument.choices)}")
    return {argument.name: arguments.get(argument.name, argument.default) for argument in ARGUMENTS}


def port(text: str) -> int:
    """Return the number of a TCP port; 0 leaves the choice to the system.

    Raises:
        ConfigError: it is no such number.
    """
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigError(f"viewer_port:={text}: must be a whole number from 0 to 65535")
    return int(text)


def file(values: Mapping[str, str], name: str) -> Path | None:
    """Return the absolute path of a file, None if none is named.

    Raises:
        ConfigError: there is no such file.
    """
    if not values[name]:
        return None
    path = Path(values[name]).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f"{name}:={values[name]}: no such file; give the path of one, or leave {name} out")
    return path


def number(values: Mapping[str, str], name: str, *, above: float | None = None) -> float:
    """Return a number: greater than `above`, or at least 0 if that is not given.

    Raises:
        ConfigError: it is no such number.
    """
    limit = f"greater than {above}" if above is not None else "at least 0"
    try:
        value = float(values[name])
    except ValueError as error:
        raise ConfigError(f"{name}:={values[name]}: must be a number {limit}") from error
    if not math.isfinite(value) or value < 0.0 or (above is not None and value <= above):
        raise ConfigError(f"{name}:={values[name]}: must be a number {limit}")
    return value
