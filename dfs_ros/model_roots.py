"""Which files a node may load as models: a peer may set its parameters, but not make it read whatever file there is."""

from collections.abc import Sequence
from pathlib import Path

from dfs_core.errors import ConfigError
from dfs_core.runtime.loading import SHIPPED_MODEL, WEIGHTS, model_file


class ModelRoots:
    """Folders that models may lie in or below, fixed when the node starts."""

    def __init__(self, configured: Sequence[str], *, first_model: str) -> None:
        """Settle the folders; those of the models that ship are always among them.

        Args:
            configured: folders, or none for those where the first model is.
            first_model: the model named at the start; empty for the one that ships.

        Raises:
            ConfigError: the first model lies elsewhere.
        """
        folders = [Path(folder).expanduser() for folder in configured]
        if first_model and not folders:
            file = model_file(first_model)
            folders = [file.parent, file.resolve().parent]  # the latter where a link leads
        self._folders = list(dict.fromkeys(folder.resolve() for folder in (*folders, WEIGHTS)))
        self.resolve(first_model)

    def resolve(self, named: str) -> Path:
        """Return the file of a model, symbolic links followed.

        Args:
            named: a path, the name of a model that ships, or nothing for the one that runs where none is named.

        Raises:
            ConfigError: it does not lie in or below one of the folders.
        """
        try:
            file = (model_file(named) if named else SHIPPED_MODEL).resolve()
        except (OSError, RuntimeError, ValueError):  # too long, a link that leads to itself, a zero byte
            file = None
        if file is None or not any(folder in file.parents for folder in self._folders):
            allowed = ", ".join(map(str, self._folders))
            raise ConfigError(
                f"parameter model must name a file in or below {allowed}, not {named!r}; "
                "give its folder at the start by -p model_roots:=[FOLDER]"
            )
        return file
