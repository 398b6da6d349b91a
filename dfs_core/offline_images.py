"""Dehaze an image file, or all image files of a folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dfs_core.errors import DatasetError, FrameError, OutputError
from dfs_core.offline import Advance, Answer, Frame, Options, Tally, dehaze_frame
from dfs_core.read_ahead import read_ahead
from dfs_core.runtime import Dehazer

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
MASK_SUFFIX = "_mask.png"

_JPEG = (".jpg", ".jpeg")


def find_images(folder: Path) -> list[Path]:
    """Return the image files in a folder and below, sorted by name.

    Raises:
        DatasetError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if is_image(path) and not path.is_dir())
    if not found:
        raise DatasetError(f"{folder}: no image in it or below; looked for files ending in {', '.join(IMAGE_SUFFIXES)}")
    return found


def is_image(path: Path) -> bool:
    """Tell by its name whether a file is an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def read_image(path: Path) -> Frame:
    """Return an image file as RGB, uint8 [H, W, 3].

    Raises:
        FrameError: it cannot be read.
    """
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise FrameError(f"{path}: cannot be read ({error})") from error
    if pixels is None:
        raise FrameError(f"{path}: not an image that OpenCV can decode")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def write_image(path: Path, image: Frame, *, quality: int = 90) -> None:
    """Write RGB [H, W, 3] or grey [H, W] to an image file of the kind that its name says.

    Raises:
        OutputError: the kind is not known, or the file cannot be written.
    """
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in _JPEG else []
    try:
        written, data = cv2.imencode(path.suffix.lower(), pixels, parameters)
        if not written:
            raise OutputError(f"{path}: OpenCV cannot write this picture of {list(image.shape)} as {path.suffix}")
        data.tofile(path)
    except (OSError, cv2.error) as error:
        raise OutputError(f"{path}: cannot be written ({error}); use one of {', '.join(IMAGE_SUFFIXES)}") from error


def dehaze_image(dehazer: Dehazer, source: Path, target: Path, options: Options) -> Tally:
    """Dehaze one file; its mask goes beside the target, as NAME_mask.png.

    Raises:
        FrameError: the image cannot be read.
        OutputError: the target's name is not an image's.
    """
    tally = Tally()
    _write(source, target, dehaze_frame(dehazer, read_image(source), options, tally), options)
    return tally


def dehaze_folder(
    dehazer: Dehazer, source: Path, target: Path, options: Options, advance: Advance = lambda: None
) -> Tally:
    """Dehaze the images of a folder and below into another, under the same names; masks lie beside them.

    An image that cannot be read is copied as it is, as far as it can be, and named in the tally.

    Raises:
        DatasetError: there is no image, or a mask would get the name of an image or of another mask.
        OutputError: an image cannot be written.
    """
    tally = Tally()
    paths = find_images(source)
    if options.masks:
        _check_mask_names(paths)
    images = read_ahead(_read_all(paths), size=lambda item: getattr(item[1], "nbytes", 1))
    for path, frame in images:
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(frame, FrameError):
            tally.bad.append(str(frame) + _copy(path, place))
        else:
            _write(path, place, dehaze_frame(dehazer, frame, options, tally), options)
        advance()
    return tally


def mask_path(image: Path) -> Path:
    """Return where an image's mask lies."""
    return image.with_name(image.stem + MASK_SUFFIX)


def _check_mask_names(images: list[Path]) -> None:
    """Refuse images whose masks would overwrite one another, or an image.

    Raises:
        DatasetError: with the names.
    """
    taken = {path: path for path in images}
    for image in images:
        if (other := taken.setdefault(mask_path(image), image)) != image:
            raise DatasetError(
                f"{image}: its mask would take the name {mask_path(image).name} from {other.name} or its mask; "
                "move one of them, or give --no-masks"
            )


def _copy(source: Path, target: Path) -> str:
    """Copy a file as it is; return why that cannot be, or nothing."""
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        return f"; not copied either ({error.strerror})"
    return ""


def _write(source: Path, target: Path, answer: Answer, options: Options) -> None:
    """Write an answer and its mask; what the gate passed on is the very file that came."""
    if answer.passed and source.suffix.lower() == target.suffix.lower():
        shutil.copyfile(source, target)
    else:
        write_image(target, answer.dehazed, quality=options.quality)
    if answer.mask is not None:
        write_image(mask_path(target), answer.mask)


def _read_all(paths: list[Path]) -> Iterator[tuple[Path, Frame | FrameError]]:
    for path in paths:
        yield path, _read_or_error(path)


def _read_or_error(path: Path) -> Frame | FrameError:
    try:
        return read_image(path)
    except FrameError as error:
        return error
