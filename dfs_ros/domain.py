"""Find a DDS domain that nobody on this machine uses."""

import random
import socket

from dfs_core.errors import DfsError

_FIRST_PORT, _PORTS_PER_DOMAIN = 7400, 250  # of the DDS wire protocol
_FIRST_UNICAST = 10
_DOMAINS = range(
    21, 101
)  # 0 is everybody's default, tests of ROS packages count up from 1, Linux hands out ports of 102


def free_domain(*, tries: int = 20) -> int:
    """Return the id of a domain without participants on this machine, chosen by lot so that two callers differ.

    Raises:
        DfsError: none was found.
    """
    for domain in random.sample(_DOMAINS, tries):
        port = _FIRST_PORT + _PORTS_PER_DOMAIN * domain + _FIRST_UNICAST  # taken by a domain's first participant
        if all(_is_free(port + offset) for offset in (0, 1)):
            return domain
    raise DfsError(f"no free DDS domain among {tries} tried; end other ROS programs, or name one with --domain-id")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
