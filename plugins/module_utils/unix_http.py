# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTP over a local socket, as the container engines serve their API. Only ``host.py`` calls it."""

from __future__ import annotations

import http.client
import socket
from typing import Tuple


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
    connection = _Connection(unix_socket, timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(limit)
    except http.client.HTTPException as error:
        raise ValueError(repr(error)) from error
    finally:
        connection.close()
