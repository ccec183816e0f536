# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine that writes down every question and answer, so that the same facts can be had from the recording."""

from __future__ import annotations

import base64
import datetime
import json
import posixpath
import re
import threading
from typing import Any, Dict, Mapping, Optional, Sequence

from .host import ABSENT, OK, OUTPUT_LIMIT, READ_LIMIT, UNRECORDED, Command, Host, Names, Nvml, Read, Reply
from .replay import MAPPINGS, SCHEMA

OTHER_ROOT = re.compile(r"/proc/\d+/root/")  # reads as a link to "/", yet leads into the process's own mounts

SETTINGS = ("Env", "Cmd", "Command", "Args", "Path", "Entrypoint", "Labels", "Binds", "LogConfig", "Healthcheck")


class Recorder(Host):
    """Asks a live machine and keeps the answers in ``document``, a recording as ``replay`` reads it."""

    def __init__(self, host: Host, name: str):
        self.host = host
        self._lock = threading.Lock()
        identity = host.identity()
        at = datetime.datetime.fromtimestamp(identity["now"], datetime.timezone.utc)
        self.document: Dict[str, Any] = {
            "muster_recording": SCHEMA,
            "name": name,
            "simulated": False,
            "recorded_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "identity": identity,
            **{kind: {} for kind in MAPPINGS},
        }

    def _keep(self, kind: str, key: str, value: Any) -> None:
        with self._lock:
            self.document[kind][key] = value

    def _real(self, path: str) -> str:
        """Return the path with links followed, noting the link: answers are kept where the thing really is."""
        if OTHER_ROOT.match(path):
            return path
        real = self.host.link(path)
        if real is None:
            parent, name = posixpath.split(path)
            real = posixpath.join(self.host.link(parent) or parent, name)
        if real != path:
            self._keep("links", path, real)
        return real

    def identity(self) -> Dict[str, Any]:
        return dict(self.document["identity"])

    def read(self, path: str, limit: int = READ_LIMIT) -> Read:
        answer = self.host.read(path, limit)
        refusal = {"state": answer.state, "detail": answer.detail}
        self._keep("files", self._real(path), _packed(answer.data) if answer.state == OK else refusal)
        return answer

    def names(self, path: str) -> Names:
        answer = self.host.names(path)
        if answer.state == OK:
            self._keep("dirs", self._real(path), answer.names)
        else:
            self._keep("files", self._real(path), {"state": answer.state, "detail": answer.detail})
        return answer

    def link(self, path: str) -> Optional[str]:
        target = self.host.link(path)
        real = self._real(path)
        if target is None:
            self._keep("files", real, {"state": ABSENT})
        elif real not in self.document["files"] and real not in self.document["dirs"]:
            self._keep("files", real, {"state": UNRECORDED, "detail": "only where it leads was asked"})
        return target

    def stat(self, path: str) -> Optional[Dict[str, int]]:
        answer = self.host.stat(path)
        self._keep("stats", path, answer)
        return answer

    def space(self, path: str) -> Optional[Dict[str, int]]:
        answer = self.host.space(path)
        self._keep("space", path, answer)
        return answer

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 10,
        limit: int = OUTPUT_LIMIT,
        stdin: bytes = b"",
        env: Optional[Mapping[str, str]] = None,
    ) -> Command:
        answer = self.host.run(argv, timeout, limit, stdin, env)
        entry = {
            "state": answer.state,
            "rc": answer.rc,
            "stdout": _packed(answer.stdout),
            "stderr": _packed(answer.stderr),
            "duration_s": answer.duration_s,
            "detail": answer.detail,
        }
        self._keep("commands", " ".join(argv), entry)
        return answer

    def nvml(self, timeout: float = 20, pynvml: Optional[str] = None) -> Nvml:
        answer = self.host.nvml(timeout, pynvml)
        self.document["nvml_transcript"] = {
            "state": answer.state,
            "transcript": answer.transcript,
            "detail": answer.detail,
        }
        return answer

    def tcp(self, address: str, port: int, timeout: float = 3) -> Reply:
        answer = self.host.tcp(address, port, timeout)
        self._keep("tcp", f"{address}:{port}", {"state": answer.state, "detail": answer.detail})
        return answer

    def http(self, path: str, server: str, timeout: float = 5, limit: int = OUTPUT_LIMIT) -> Reply:
        answer = self.host.http(path, server, timeout, limit)
        entry = {
            "state": answer.state,
            "status": answer.status,
            "body": _without_settings(answer.body),
            "detail": answer.detail,
            "certificate_ends": answer.certificate_ends,
        }
        self._keep("http", f"{server} {path}", entry)
        return answer


def _without_settings(body: bytes) -> Any:
    """Drop what a container was started with from its engine's answer: secrets stand there, and no fact needs them."""
    try:
        told = json.loads(body)
    except ValueError:
        return _packed(body)
    for entry in told if isinstance(told, list) else [told]:
        parts = (entry, entry.get("Config"), entry.get("HostConfig")) if isinstance(entry, dict) else ()
        for part in parts:
            if isinstance(part, dict):
                for key in SETTINGS:
                    part.pop(key, None)
    return json.dumps(told)


def _packed(data: bytes) -> Any:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(data).decode()}
