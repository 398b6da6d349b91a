"""One line of the picture, and the promise that no probe ends it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class Mark(str, Enum):
    """How a thing is: what is missing may be wanted or not; what is broken is there and does not work."""

    FINE = "fine"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        topic: the part of the picture that it belongs to, such as "GPU".
        name: the thing, such as "driver".
        mark: how it is.
        words: what was found.
        cure: the command, or the deed, that fixes a gap; empty where there is none to fix.
    """

    topic: str
    name: str
    mark: Mark
    words: str
    cure: str = ""


@dataclass(frozen=True)
class Probe:
    """A question about one thing.

    Attributes:
        topic, name: as in `Finding`; the name is that of the line which an error becomes.
        ask: answers with any number of findings; may raise anything.
        cure: what to do when it raises.
    """

    topic: str
    name: str
    ask: Callable[[], Iterable[Finding]]
    cure: str = ""

    def findings(self) -> list[Finding]:
        """Return what the probe found; its error is a finding, too, behind those that it gave before."""
        return list(self._found())

    def _found(self) -> Iterator[Finding]:
        try:
            yield from self.ask()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with this machine is what the user came to read)
            yield Finding(self.topic, self.name, Mark.BROKEN, words_of(error), self.cure)


def words_of(error: BaseException) -> str:
    """Return an error as one line: its own words, and its type where it is none of ours."""
    from dfs_core.errors import DfsError

    words = " ".join(str(error).split())
    if isinstance(error, DfsError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
