# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container engine's API, which Docker and Podman both serve on a local socket."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any, Callable, Dict, List, Mapping, Optional
from urllib.parse import quote, urlencode

from . import StepFailed, local_http

SOCKETS = ("/run/docker.sock", "/run/podman/podman.sock")
ANSWER_S = 30.0
VERSION_S = 15.0  # Podman's service may have to be started first
SILENCE_S = 300.0  # a pull that says nothing for so long is dead
LIMIT = 32 << 20
NO_CONTENT = (204, 304)  # done, and done already
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class EngineError(StepFailed):
    """The engine refused something (``status``), or does not answer at all (``status`` 0)."""

    def __init__(self, message: str, status: int = 0):
        super().__init__(message)
        self.status = status


class Engine:
    """One engine behind one socket."""

    def __init__(self, socket: str):
        self.socket = socket
        self._version: Dict[str, Any] = {}
        self._identity: Dict[str, Any] = {}

    def call(self, method: str, path: str, body: Any = None, timeout: float = ANSWER_S, **query: Any) -> Any:
        """Send a request; return its JSON (``None`` without content) or raise :class:`EngineError`."""
        asked = {key: value for key, value in query.items() if value is not None}
        target = f"{path}?{urlencode(asked)}" if asked else path
        data = None if body is None else json.dumps(body).encode("utf-8")
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self._sent(method, path, target, data, headers, timeout)

    def _sent(
        self, method: str, path: str, target: str, data: Optional[bytes], headers: Mapping[str, str], timeout: float
    ) -> Any:
        status, answer = self._raw(method, target, data, headers, timeout)
        if status >= 400:
            raise EngineError(f"{method} {path}: {_reason(answer)}", status)
        if status in NO_CONTENT or not answer:
            return None
        try:
            return json.loads(answer)
        except ValueError:
            return answer

    def _raw(self, method: str, target: str, data: Optional[bytes], headers: Mapping[str, str], timeout: float) -> Any:
        ask = functools.partial(local_http.request, self.socket, method, target, timeout, LIMIT, data, headers)
        try:
            try:
                return ask()
            except (ConnectionResetError, BrokenPipeError, ValueError):
                if method != "GET":
                    raise
                return ask()  # Podman's service ends when it is idle, maybe at that moment
        except (OSError, ValueError) as error:
            raise EngineError(f"the engine at {self.socket} does not answer: {error}") from error

    def found(self, path: str) -> Optional[Dict[str, Any]]:
        """Return what the engine knows under a path, ``None`` when it has no such thing."""
        try:
            answer = self.call("GET", path)
        except EngineError as error:
            if error.status == 404:
                return None
            raise
        return answer if isinstance(answer, dict) else None

    def version(self) -> Dict[str, Any]:
        """Return what the engine says of itself."""
        if not self._version:
            self._version = self.call("GET", "/version", timeout=VERSION_S)
        return self._version

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which leaves out some of the API."""
        return any("Podman" in str(part.get("Name")) for part in self.version().get("Components") or [])

    def identity(self) -> Dict[str, Any]:
        """Return what tells this engine from another: its name, its socket, and the id that Docker gives itself."""
        if not self._identity:
            name = "Podman" if self.is_podman else "Docker"
            told = {} if self.is_podman else self.call("GET", "/info", timeout=VERSION_S) or {}
            self._identity = {"name": name, "socket": self.socket, "id": str(told.get("ID") or "")}
        return self._identity

    @property
    def architecture(self) -> str:
        """The architecture of the machine, in the words of images."""
        told = str(self.version().get("Arch") or "")
        return ARCHITECTURES.get(told, told)

    # --- containers and images --------------------------------------------------------------------

    def container(self, name: str) -> Optional[Dict[str, Any]]:
        """Return a container by name or id."""
        return self.found(f"/containers/{quote(name)}/json")

    def labelled(self, label: str) -> List[Dict[str, Any]]:
        """Return all containers with a label, running or not, as the engine lists them."""
        return self.call("GET", "/containers/json", all="true", filters=json.dumps({"label": [label]})) or []

    def image(self, reference: str) -> Optional[Dict[str, Any]]:
        """Return an image by id, digest or tag."""
        return self.found(f"/images/{quote(reference, safe='/:@')}/json")

    def digest(self, image: str, tag: str, login: Optional[Mapping[str, str]]) -> Dict[str, Any]:
        """Ask the registry, through the engine and with its certificates, what a tag stands for. Docker only."""
        path = f"/distribution/{quote(f'{image}:{tag}', safe='/:@')}/json"
        return self._sent("GET", path, path, None, registry_headers(login), 60)

    def pull(self, image: str, digest: str, login: Optional[Mapping[str, str]], tick: Callable[[], None]) -> None:
        """Pull an image by its digest. ``tick`` is called as it goes on."""
        target = f"/images/create?{urlencode({'fromImage': image, 'tag': digest})}"
        try:
            for status, line in local_http.lines(self.socket, "POST", target, SILENCE_S, registry_headers(login)):
                tick()
                if status >= 400 or b'"error"' in line:
                    raise EngineError(f"pull {image}@{digest}: {_reason(line)}", status)
        except (OSError, ValueError) as error:
            raise EngineError(f"pull {image}@{digest}: the engine stopped answering: {error}") from error


def registry_headers(login: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """Return the header in which the engine takes a login: never a command line."""
    told = json.dumps(dict(login or {})).encode("utf-8")
    return {"X-Registry-Auth": base64.urlsafe_b64encode(told).decode("ascii")}


def _reason(answer: bytes) -> str:
    text = answer.decode("utf-8", "replace").strip()
    try:
        told = json.loads(text)
    except ValueError:
        return text[:300]
    if not isinstance(told, dict):
        return text[:300]
    return str(told.get("message") or told.get("error") or told.get("cause") or text)[:300]
