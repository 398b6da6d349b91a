"""Who takes part in an evaluation, from the words of a command line."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from dfs_core.errors import ConfigError
from dfs_core.evaluation.judges import open_judge
from dfs_core.evaluation.judges.judge import Judge
from dfs_core.evaluation.methods import open_method
from dfs_core.evaluation.methods.dark_channel import DarkChannel
from dfs_core.evaluation.methods.method import Method, Untouched
from dfs_core.evaluation.reference import TRUTH
from dfs_core.evaluation.report.pictures import KIND_MARK
from dfs_core.evaluation.results import CLEAR
from dfs_core.runtime.loading import SHIPPED_MODEL, model_file

TAKEN = (TRUTH,)
"""Names that no method can have: pictures of something else stand under them."""


def open_methods(words: Sequence[str], stack: ExitStack, *, dcp: bool) -> tuple[list[Method], list[str]]:
    """Return the rows but for the clear scene, `hazy` first, and the names of those that were asked for.

    Args:
        words: FILE or NAME=FILE each; the shipped model if there are none.
        stack: closes them at its end.
        dcp: whether the dark channel prior takes part.

    Raises:
        ConfigError: two have the same name, or one has a name that stands for something else in the report.
        ArtifactError, CheckpointError, BackendError: see `methods.open_method`.
    """
    methods: list[Method] = [Untouched(), *([DarkChannel()] if dcp else [])]
    models = []
    for name, path in _named(words):
        method = open_method(path, name=name)
        stack.callback(method.close)
        methods.append(method)
        models.append(method.name)
    for method in methods:
        if method.name in TAKEN or KIND_MARK in method.name:
            taken = ", ".join(f"'{name}'" for name in TAKEN)
            raise ConfigError(
                f"a method cannot be called '{method.name}': {taken} and names with '{KIND_MARK}' stand for something "
                "else in the report; call it otherwise with NAME=FILE"
            )
    _refuse_doubles([(method.name, method.source) for method in methods] + [(CLEAR, "the scene without fog")])
    return methods, models


def open_judges(words: Sequence[str], stack: ExitStack) -> list[Judge]:
    """Return the judges; arguments and errors as in `open_methods`."""
    judges = []
    for name, path in _named(words):
        judge = open_judge(path, name=name)
        stack.callback(judge.close)
        judges.append(judge)
    _refuse_doubles([(judge.name, judge.source) for judge in judges])
    return judges


def _named(words: Sequence[str]) -> list[tuple[str | None, Path]]:
    """Return names, None where none was given, and files."""
    if not words:
        return [(None, SHIPPED_MODEL)]
    found: list[tuple[str | None, Path]] = []
    for word in words:
        name, separator, rest = word.partition("=")
        if separator and name and not Path(word).exists():
            found.append((name, model_file(rest)))
        else:
            found.append((None, model_file(word)))
    return found


def _refuse_doubles(named: Sequence[tuple[str, str]]) -> None:
    """Refuse two rows of one name.

    Raises:
        ConfigError: with the name, and where both come from.
    """
    seen: dict[str, str] = {}
    for name, source in named:
        if name in seen:
            raise ConfigError(f"two are called '{name}': {seen[name]} and {source}; tell them apart with NAME=FILE")
        seen[name] = source
