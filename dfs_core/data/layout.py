"""Check a folder against the layout of a dataset: all that is wrong is named in one error, beside what was expected."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dfs_core.errors import DatasetError

_NAMED = 5


def require_folders(dataset: str, folders: Iterable[Path], layout: str) -> None:
    """Refuse a dataset that lacks any of these folders.

    Raises:
        DatasetError: names all that are missing.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise DatasetError(f"{dataset}: no folder {', '.join(missing)}; expected {layout}")


def require_files(dataset: str, files: Iterable[Path], layout: str) -> None:
    """Refuse a dataset that lacks any of these files.

    Raises:
        DatasetError: counts all that are missing and names the first.
    """
    if missing := [path for path in files if not path.is_file()]:
        raise DatasetError(f"{dataset}: {len(missing)} files are missing: {name_some(missing)}; expected {layout}")


def refuse_misnamed(dataset: str, files: Sequence[Path], layout: str) -> None:
    """Refuse files whose names do not follow the layout: passed over in silence, they would be missed.

    Raises:
        DatasetError: there are any.
    """
    if files:
        raise DatasetError(f"{dataset}: {len(files)} files are misnamed: {name_some(files)}; expected {layout}")


def name_some(things: Sequence[object]) -> str:
    """Return the first of many things as words, and how many more there are."""
    words = ", ".join(str(thing) for thing in things[:_NAMED])
    return words if len(things) <= _NAMED else f"{words} and {len(things) - _NAMED} more"
