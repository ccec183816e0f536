# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One HTTP GET, over a local socket as the container engines serve their API, or over TCP. Only ``host.py`` calls it.

No proxy, no redirect followed, no credentials sent: what answers is what stands at that address.
"""

from __future__ import annotations

import http.client
import socket
from typing import Any, Dict, Optional, Tuple


class LocalConnection(http.client.HTTPConnection):
    """A connection to a local socket."""

    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(server: str, timeout: float) -> http.client.HTTPConnection:
    scheme, parted, place = server.partition("://")
    if not parted:
        return LocalConnection(server, timeout)
    if scheme == "https":
        return http.client.HTTPSConnection(place, timeout=timeout)  # the machine's own trust store decides
    return http.client.HTTPConnection(place, timeout=timeout)


def get(server: str, path: str, timeout: float, limit: int) -> Tuple[int, bytes, Optional[float]]:
    """Return status, at most ``limit`` bytes of body, and when the server's certificate ends (seconds since the epoch).

    ``server`` is a local socket's path, ``http://ADDRESS:PORT`` or ``https://ADDRESS:PORT``. Raises ``OSError``, also
    for a certificate that this machine does not trust, or ``ValueError`` for what is not HTTP.
    """
    connection = _connection(server, timeout)
    try:
        connection.request("GET", path)
        ends = _ends(connection)
        response = connection.getresponse()
        return response.status, response.read(limit), ends
    except http.client.HTTPException as error:
        raise ValueError(repr(error)) from error
    except OSError as error:
        if type(error).__module__ == "ssl":  # its error numbers are no errno
            raise ValueError(str(error)) from error
        raise
    finally:
        connection.close()


def _ends(connection: http.client.HTTPConnection) -> Optional[float]:
    shown: Dict[str, Any] = getattr(connection.sock, "getpeercert", dict)()
    if not shown.get("notAfter"):
        return None
    import ssl  # late: only a server that speaks TLS has a certificate

    return float(ssl.cert_time_to_seconds(shown["notAfter"]))
