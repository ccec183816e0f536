# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One TCP connection, opened and closed again. Only ``host.py`` calls it."""

from __future__ import annotations

import errno
import socket
from typing import Tuple

from .host import DENIED, FAILED, OK, TIMEOUT, UNASKED, state_of

# What a network answers where a path is closed; any other error is one of the asking.
CLOSED = (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH)


def connect(address: str, port: int, timeout: float) -> Tuple[str, str]:
    """Return the state and what the system says; ``timeout`` in seconds.

    ``failed`` (refused, unreachable) and ``timeout`` are answers about the path, ``unasked`` is none: the name does
    not resolve, there is no such port, or this machine could not ask.
    """
    if not 1 <= port <= 65535:
        return UNASKED, f"{port} is no port"
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError as error:
        return _state(error), str(error)
    except ValueError as error:  # a name that the DNS cannot hold
        return UNASKED, str(error)
    return OK, ""


def _state(error: OSError) -> str:
    """Name what became of connecting; the error numbers of a name that does not resolve are below zero."""
    state = state_of(error)
    if state in (TIMEOUT, DENIED):
        return state
    return FAILED if error.errno in CLOSED else UNASKED
