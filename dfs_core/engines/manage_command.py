"""`dfs engines`: what is kept of engines, whether it is whole, and how to be rid of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dfs_core.engines.cache import EngineCache, Entry

_SHORT = 12
"""Characters of a name that are shown; as many as tell it from the others are understood."""

engines = typer.Typer(help="List, check and remove the TensorRT engines that are kept.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--cache-dir", help="Where engines are kept; $XDG_CACHE_HOME/dfs/engines by default.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="As `dfs engines list` has them.")]


@engines.command("list")
def list_engines(cache_dir: Folder = None) -> None:
    """Print the engines that are kept: of which model, for what, and how large."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from dfs_core.errors import EngineError

    cache, entries = _open(cache_dir)
    if not entries:
        typer.echo(f"{cache.folder}: no engines")
        return
    columns = ("name", "model", "for", "built with", "format", "takes", "MB", "built")
    table = Table(*columns, box=box.SIMPLE, title=str(cache.folder), title_justify="left")
    for entry in entries:
        megabytes = f"{entry.size() / 1e6:.1f}"
        try:
            manifest = entry.manifest()
        except EngineError as error:
            table.add_row(entry.name[:_SHORT], f"damaged: {error}", "", "", "", "", megabytes, "")
            continue
        key = manifest.key
        precision = f"{key.precision}, TF32" if key.tf32 else key.precision
        maker, built = f"{key.flavour} {key.version}", manifest.built[:16].replace("T", " ")
        table.add_row(
            entry.name[:_SHORT], manifest.model, str(key.target), maker, precision, str(key.profile), megabytes, built
        )
    Console().print(table)


@engines.command()
def verify(names: Names = None, cache_dir: Folder = None) -> None:
    """Read engines, all if none is named, and compare each with its manifest; exit code 1 if one is damaged."""
    from dfs_core.errors import EngineError

    cache, entries = _open(cache_dir)
    chosen = [_named(name, cache, entries) for name in names] if names else entries
    damaged = [entry for entry in chosen if not _is_whole(entry)]
    if damaged:
        raise EngineError(
            f"{cache.folder}: {len(damaged)} of {len(chosen)} engines damaged; each is built again when it is needed, "
            "or remove it with `dfs engines remove NAME`"
        )
    if not chosen:
        typer.echo(f"{cache.folder}: no engines")


@engines.command()
def remove(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Remove all of them.")] = False,
    cache_dir: Folder = None,
) -> None:
    """Remove engines; they are built again when they are needed."""
    from dfs_core.errors import EngineError

    cache, entries = _open(cache_dir)
    if every == bool(names):
        raise EngineError("name the engines to remove as `dfs engines list` has them, or give --all")
    chosen = entries if every else [_named(name, cache, entries) for name in names or ()]
    for entry in dict.fromkeys(chosen):
        size = entry.size()
        cache.remove(entry)
        typer.echo(f"{entry.name[:_SHORT]}: removed, {size / 1e6:.1f} MB")
    if not chosen:
        typer.echo(f"{cache.folder}: no engines")


def _is_whole(entry: "Entry") -> bool:
    """Say what a look at all its bytes finds."""
    from dfs_core.errors import EngineError

    try:
        size = len(entry.read())
    except EngineError as error:
        typer.echo(f"{entry.name[:_SHORT]}: damaged: {error}")
        return False
    typer.echo(f"{entry.name[:_SHORT]}: whole, {size / 1e6:.1f} MB")
    return True


def _open(folder: Path | None) -> "tuple[EngineCache, list[Entry]]":
    from dfs_core.engines.cache import EngineCache

    cache = EngineCache(folder)
    return cache, cache.entries()


def _named(name: str, cache: "EngineCache", entries: "list[Entry]") -> "Entry":
    """Return the engine whose name begins so.

    Raises:
        EngineError: none or several do.
    """
    from dfs_core.errors import EngineError

    found = [entry for entry in entries if entry.name.startswith(name)]
    if len(found) != 1:
        raise EngineError(
            f"{cache.folder}: {len(found) or 'no'} engines have names that begin with '{name}'; see `dfs engines list`"
        )
    return found[0]
