"""`dfs dehaze INPUT OUTPUT`: dehaze images, a video or a bag, without any middleware."""

import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dfs_core.errors import DfsError
from dfs_core.offline import DEFAULT_GATE
from dfs_core.offline_images import IMAGE_SUFFIXES
from dfs_core.whole_output import check_target, whole_output

if TYPE_CHECKING:
    from dfs_core.offline import Advance, Options, Tally
    from dfs_core.runtime import Dehazer

_BAG_SUFFIXES = (".mcap", ".db3", ".bag")
_NAMED = 10


def dehaze(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="An image, a folder of images, a video, or a ROS 2 or ROS 1 bag.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Where the result goes; of the same kind.")],
    model: Annotated[Path | None, typer.Option(help="Model file; the one that ships with DFS if not given.")] = None,
    backend: Annotated[str, typer.Option(help="What runs the model; auto takes the best here.")] = "auto",
    precision: Annotated[str, typer.Option(help="Number format of the computation.")] = "fp32",
    gate: Annotated[
        float, typer.Option(min=0.0, help="Pass frames on untouched that have less fog than this (1/m); 0: none.")
    ] = DEFAULT_GATE,
    gate_hysteresis: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the gate below which frames of a video or bag are passed on again once they were dehazed, "
            "so that fog at the gate does not switch dehazing to and fro; 1: one threshold for both.",
        ),
    ] = 0.8,
    strength: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the fog that is taken away: 0 none, 1 all that the model sees. Masks are the same at any.",
        ),
    ] = 1.0,
    smoothing_s: Annotated[
        float,
        typer.Option(
            "--smoothing-s",
            min=0.0,
            max=60.0,
            help="Seconds over which brightness and transmission of a video's or bag's frames are steadied; 0: each "
            "frame is for itself. Begins anew after a jump of the stamps or another scene.",
        ),
    ] = 0.0,
    masks: Annotated[
        bool, typer.Option(help="Write masks, too: PNG files beside the output, or a topic of the bag.")
    ] = True,
    topics: Annotated[
        list[str] | None,
        typer.Option(help="Image topic of a bag to dehaze; may be repeated. All cameras if not given."),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality of what is written as JPEG.")] = 90,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Take the fog out of an image, a folder of images, a video or a bag: every frame, in order.

    The output appears only when it is whole. A frame that cannot be read is passed through; the exit code is then 1.
    """
    from dfs_core.offline import Options
    from dfs_core.runtime import load

    if not source.exists():
        raise DfsError(f"{source}: no such file or folder")
    kind = kind_of(source)
    if smoothing_s and kind in {"image", "folder"}:
        raise DfsError(f"--smoothing-s is for videos and bags, but {source} is a {kind}, of pictures by themselves")
    _check(kind, source, target, topics or [], overwrite=overwrite)
    signal.signal(signal.SIGTERM, _end)  # so that what is half written is removed
    options = Options(
        gate=gate,
        gate_hysteresis=gate_hysteresis,
        strength=strength,
        smoothing_s=smoothing_s,
        masks=masks,
        quality=quality,
    )
    logging.basicConfig(format="%(message)s")
    logging.getLogger("dfs_core.runtime").setLevel(logging.INFO)  # what runs and why, and how far an engine is built
    with load(model, backend, precision=precision) as dehazer:
        start = time.perf_counter()
        tally = _dehaze(kind, dehazer, source, target, options, topics or [], overwrite=overwrite)
        seconds = time.perf_counter() - start
        figures: dict[str, int | float | str] = {
            "frames": tally.frames,
            "gated": tally.gated,
            "bad": len(tally.bad),
            "seconds": round(seconds, 3),
            "fps": round(tally.frames / seconds, 2),
            "backend": dehazer.backend,
            "precision": dehazer.precision,
        }
    _report(tally, figures, target)
    if json_file is not None:
        with whole_output(json_file, overwrite=True) as partial:
            partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if tally.bad:
        raise typer.Exit(1)


def kind_of(path: Path) -> str:
    """Return what is at a path: "bag", "folder", "image" or "video".

    Raises:
        DfsError: its name says none of these.
    """
    from dfs_core.offline_video import VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    if path.is_dir():
        is_bag = (path / "metadata.yaml").is_file() or any(file.suffix in _BAG_SUFFIXES for file in path.iterdir())
        return "bag" if is_bag else "folder"
    for kind, suffixes in (("bag", _BAG_SUFFIXES), ("image", IMAGE_SUFFIXES), ("video", VIDEO_SUFFIXES)):
        if suffix in suffixes:
            return kind
    raise DfsError(
        f"{path}: not known what this is; give a folder, or a file ending in "
        f"{', '.join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES, *_BAG_SUFFIXES))}"
    )


def _check(kind: str, source: Path, target: Path, topics: list[str], *, overwrite: bool) -> None:
    """Refuse, before anything is loaded, what cannot be done."""
    from dfs_core import offline_video
    from dfs_core.offline_images import is_image

    if topics and kind != "bag":
        raise DfsError(f"--topics is for bags, but {source} is a {kind}; leave it out")
    if kind == "image" and not is_image(target):
        raise DfsError(f"{target}: not the name of an image; give one ending in {', '.join(IMAGE_SUFFIXES)}")
    if kind == "video":
        offline_video.check_target(target)
    check_target(target, overwrite=overwrite)


def _dehaze(
    kind: str, dehazer: "Dehazer", source: Path, target: Path, options: "Options", topics: list[str], *, overwrite: bool
) -> "Tally":
    if kind == "bag":
        return _dehaze_bag(dehazer, source, target, options, topics, overwrite=overwrite)
    if kind == "video":
        return _dehaze_video(dehazer, source, target, options, overwrite=overwrite)
    return _dehaze_images(dehazer, source, target, options, overwrite=overwrite)


def _dehaze_images(dehazer: "Dehazer", source: Path, target: Path, options: "Options", *, overwrite: bool) -> "Tally":
    from dfs_core.offline_images import dehaze_folder, dehaze_image, find_images, mask_path
    from dfs_core.whole_output import whole_output

    if source.is_dir():
        with whole_output(target, overwrite=overwrite) as place, _progress(len(find_images(source))) as advance:
            return dehaze_folder(dehazer, source, place, options, advance)
    with whole_output(target, overwrite=overwrite) as place:
        if not options.masks:
            return dehaze_image(dehazer, source, place, options)
        with whole_output(mask_path(target), overwrite=overwrite) as mask_place:
            tally = dehaze_image(dehazer, source, place, options)
            mask_path(place).replace(mask_place)
            return tally


def _dehaze_video(dehazer: "Dehazer", source: Path, target: Path, options: "Options", *, overwrite: bool) -> "Tally":
    from dfs_core.offline_video import count_frames, dehaze_video, masks_folder
    from dfs_core.whole_output import whole_output

    with whole_output(target, overwrite=overwrite) as place, _progress(count_frames(source)) as advance:
        if not options.masks:
            return dehaze_video(dehazer, source, place, options, advance=advance)
        with whole_output(masks_folder(target), overwrite=overwrite) as masks:
            return dehaze_video(dehazer, source, place, options, masks=masks, advance=advance)


def _dehaze_bag(
    dehazer: "Dehazer", source: Path, target: Path, options: "Options", topics: list[str], *, overwrite: bool
) -> "Tally":
    from dfs_ros.bag import open_bag
    from dfs_ros.dehaze_bag import camera_topics, dehaze_bag

    with open_bag(source) as bag:
        cameras = camera_topics(bag, topics)
        with _progress(sum(topic.count for topic in cameras)) as advance:
            return dehaze_bag(dehazer, bag, target, options, topics=cameras, overwrite=overwrite, advance=advance)


@contextmanager
def _progress(total: int) -> "Iterator[Advance]":
    """Show a bar with rate and remaining time on stderr; yield what advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("dehazing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("dehazing", total=total or None, rate="")

        def advance() -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(task, advance=1, rate=f"{speed:.1f} frames/s" if speed else "")

        yield advance


def _report(tally: "Tally", figures: dict[str, int | float | str], target: Path) -> None:
    """Print what was wrong to stderr, and one line of figures to stdout."""
    for problem in tally.bad[:_NAMED]:
        typer.secho(f"bad frame passed through: {problem}", fg=typer.colors.YELLOW, err=True)
    if len(tally.bad) > _NAMED:
        typer.secho(f"and {len(tally.bad) - _NAMED} more", fg=typer.colors.YELLOW, err=True)
    parts = [f"{tally.frames} frames in {figures['seconds']:.1f} s ({figures['fps']:.1f} frames/s)"]
    parts += [f"{tally.gated} of them clear and left as they were"] if tally.gated else []
    parts += [f"{len(tally.bad)} bad"] if tally.bad else []
    typer.echo(f"{target}: {', '.join([*parts, *tally.notes])}; backend {figures['backend']}, {figures['precision']}")


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
