# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTP over a local socket, as container engines serve their API; only ``engine.py`` calls it."""

from __future__ import annotations

import http.client
from typing import Iterator, Mapping, Optional, Tuple

from ..http_get import LocalConnection


def request(
    unix_socket: str,
    method: str,
    path: str,
    timeout: float,
    limit: int,
    body: Optional[bytes] = None,
    headers: Optional[Mapping[str, str]] = None,
) -> Tuple[int, bytes]:
    """Return status and at most ``limit`` bytes of body; raise ``OSError``, or ``ValueError`` for what is not HTTP."""
    connection = LocalConnection(unix_socket, timeout)
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
    connection = LocalConnection(unix_socket, timeout)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        for line in response:
            yield response.status, line
    except http.client.HTTPException as error:
        raise ValueError(repr(error)) from error
    finally:
        connection.close()
