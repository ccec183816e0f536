# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTP over a local socket, as container engines serve their API. Called by ``host.py`` and ``release/engine.py``."""

from __future__ import annotations

import http.client
import socket
from typing import Iterator, Mapping, Optional, Tuple


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(unix_socket: str, path: str, timeout: float, limit: int) -> Tuple[int, bytes]:
    """Return status and at most ``limit`` bytes of body; raise ``OSError``, or ``ValueError`` for what is not HTTP."""
    return request(unix_socket, "GET", path, timeout, limit)


def request(
    unix_socket: str,
    method: str,
    path: str,
    timeout: float,
    limit: int,
    body: Optional[bytes] = None,
    headers: Optional[Mapping[str, str]] = None,
) -> Tuple[int, bytes]:
    """Send a request and return as :func:`get` does."""
    connection = _Connection(unix_socket, timeout)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read(limit)
    except http.client.HTTPException as error:
        raise ValueError(repr(error)) from error
    finally:
        connection.close()


def lines(
    unix_socket: str, method: str, path: str, timeout: float, headers: Optional[Mapping[str, str]] = None
) -> Iterator[Tuple[int, bytes]]:
    """Yield status and each line of a body while it is being sent; ``timeout`` bounds each wait, not the whole."""
    connection = _Connection(unix_socket, timeout)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        for line in response:
            yield response.status, line
    except http.client.HTTPException as error:
        raise ValueError(repr(error)) from error
    finally:
        connection.close()
