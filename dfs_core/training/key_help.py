"""What `dfs train --help` says of each key of a configuration: the words of the dataclasses themselves."""

import dataclasses
import inspect
import re
import typing

from dfs_core.training.config import TrainingConfig
from dfs_core.training.config_file import to_plain


def describe_keys() -> str:
    """Return a paragraph for each key: its name, its default, what it means."""
    return "\n\n".join(["Keys of a configuration, in its YAML file or with --set:", *_paragraphs(TrainingConfig, "")])


def _paragraphs(kind: type, where: str) -> list[str]:
    meanings = _meanings(kind)
    hints = typing.get_type_hints(kind)
    paragraphs = []
    for entry in dataclasses.fields(kind):
        hint = hints[entry.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            paragraphs += _paragraphs(hint, f"{where}{entry.name}.")
            continue
        default = ""
        if entry.default is not dataclasses.MISSING:
            default = f" (default {_words(entry.default)})"
        elif entry.default_factory is not dataclasses.MISSING:
            default = f" (default {_words(entry.default_factory())})"
        paragraphs.append(f"{where}{entry.name}{default}: {meanings[entry.name]}")
    return paragraphs


def _meanings(kind: type) -> dict[str, str]:
    """Return what the docstring's section "Attributes" says of each field."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    meanings = {}
    for names, words in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        for name in names.split(", "):
            meanings[name] = " ".join(words.split())
    return meanings


def _words(value: object) -> str:
    plain = to_plain(value)
    return "null" if plain is None else str(plain)
