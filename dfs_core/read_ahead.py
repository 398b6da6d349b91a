"""Read the next items of a slow iterator in a thread while the present one is being used."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_BUDGET = 64 << 20


def read_ahead(
    items: Iterable[Item], *, size: Callable[[Item], int], budget: int = _BUDGET
) -> Generator[Item, None, None]:
    """Yield the items of an iterable in order, reading ahead in a thread.

    An error of the iterable is raised after the items that came before it. Closing the returned iterator stops the
    thread after the item it is reading.

    Args:
        items: read in one other thread, from start to end.
        size: how much of the budget an item takes, such as its bytes.
        budget: how much may wait; at least one item always may.
    """
    shelf: deque[Item] = deque()
    changed = threading.Condition()
    state = _State()

    def fill() -> None:
        try:
            for item in items:
                with changed:
                    changed.wait_for(lambda: state.stopped or not shelf or state.waiting < budget)
                    if state.stopped:
                        return
                    shelf.append(item)
                    state.waiting += size(item)
                    changed.notify_all()
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that reads)
            state.error = error
        finally:
            with changed:
                state.ended = True
                changed.notify_all()

    thread = threading.Thread(target=fill, name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: shelf or state.ended)
                if not shelf:
                    break
                item = shelf.popleft()
                state.waiting -= size(item)
                changed.notify_all()
            yield item
        if state.error is not None:
            raise state.error
    finally:
        with changed:
            state.stopped = True
            changed.notify_all()
        thread.join()


class _State:
    """What the two threads tell each other, guarded by their condition."""

    def __init__(self) -> None:
        self.waiting = 0
        self.stopped = False
        self.ended = False
        self.error: BaseException | None = None
