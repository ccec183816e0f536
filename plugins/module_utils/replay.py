# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A recorded machine that answers as :class:`~.host.Host` does, and the layers it is made of.

A recording is one JSON document (``docs/recordings.md`` describes it). Several may be laid over each other,
later ones win, which is how a fault is planted on a healthy machine without touching its recording.
"""

from __future__ import annotations

import base64
import json
import posixpath
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .host import (
    ABSENT,
    FAILED,
    OK,
    OUTPUT_LIMIT,
    READ_LIMIT,
    TIMEOUT,
    UNRECORDED,
    Command,
    Host,
    Names,
    Nvml,
    Read,
    Reply,
)
from .recording import MAPPINGS, SCHEMA, BadRecording, check

__all__ = ["MAPPINGS", "SCHEMA", "BadRecording", "Replay", "check", "claims", "layered", "load"]

CLAIMS = ("simulated", "planted")
LINK_DEPTH = 40


def load(path: str) -> Mapping[str, Any]:
    """Read one recording from a file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return check(json.load(stream), path)
    except OSError as error:
        raise BadRecording(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, BadRecording) else BadRecording(f"{path}: not JSON: {error}") from error


def layered(documents: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Lay recordings over each other: later entries win, ``null`` removes, ``append`` adds to a file's end."""
    result: Dict[str, Any] = {key: {} for key in MAPPINGS}
    result["planted"] = {"faults": [], "finds": {}}
    for document in documents:
        for key in MAPPINGS:
            result[key].update(document.get(key, {}))
        for path, text in document.get("append", {}).items():
            if isinstance(result["files"].get(path), dict):
                raise BadRecording(f"append: {path} holds no text in the layers below")
            result["files"][path] = (result["files"].get(path) or "") + text
        for key in ("name", "simulated", "closed", "recorded_at", "nvml_transcript"):
            if key in document:
                result[key] = document[key]
        result["identity"] = dict(result.get("identity", {}), **document.get("identity", {}))
        if document.get("planted"):
            result["planted"]["faults"] += document["planted"].get("faults", [])
            result["planted"]["finds"].update(document["planted"].get("finds", {}))
            if document["planted"].get("fleet"):
                result["planted"].setdefault("fleet", {}).update(document["planted"]["fleet"])
            result["declares"] = True
    return result


def claims(documents: Sequence[Mapping[str, Any]]) -> Tuple[bool, Optional[Mapping[str, Any]]]:
    """Return whether recordings say that their machine is made up, and which faults they declare, if they do."""
    data = layered([{key: document[key] for key in CLAIMS if key in document} for document in documents])
    return bool(data.get("simulated")), data["planted"] if data.get("declares") else None


class Replay(Host):
    """A machine made of recordings (documents as :func:`load` returns them, the base first).

    ``nvml_library`` is the path of the simulated NVML through which their answers are asked; no document names one.
    """

    def __init__(self, documents: Sequence[Mapping[str, Any]], nvml_library: Optional[str] = None):
        self._nvml_library = nvml_library
        data = layered(documents)
        self.simulated = bool(data.get("simulated"))
        self.planted = data["planted"] if data.get("declares") else {}
        self._data = data
        self._missing = ABSENT if data.get("closed") else UNRECORDED
        self._tree = _tree(list(data["files"].items()) + list(data["links"].items()), data["dirs"])

    def identity(self) -> Dict[str, Any]:
        return dict(self._data["identity"])

    def read(self, path: str, limit: int = READ_LIMIT) -> Read:
        entry = self._data["files"].get(self._resolve(path))
        if entry is None:
            return Read(self._absence(path))
        if isinstance(entry, dict) and "b64" not in entry:
            return Read(entry.get("state", FAILED), detail=entry.get("detail", ""))
        data = base64.b64decode(entry["b64"]) if isinstance(entry, dict) else entry.encode("utf-8", "surrogateescape")
        return Read(OK, data[:limit], truncated=len(data) > limit)

    def names(self, path: str) -> Names:
        real = self._resolve(path)
        if real in self._tree:
            return Names(OK, sorted(self._tree[real]))
        entry = self._data["files"].get(real)
        return Names(entry["state"], [], entry.get("detail", "")) if _refused(entry) else Names(self._absence(path))

    def link(self, path: str) -> Optional[str]:
        real = self._resolve(path)
        entry = self._data["files"].get(real)
        there = entry is not None and not (_refused(entry) and entry["state"] == ABSENT)
        return real if real in self._tree or there else None

    def stat(self, path: str) -> Optional[Dict[str, int]]:
        real = self._resolve(path)
        for known in (path, real):
            if known in self._data["stats"]:
                return self._data["stats"][known]
        usual = {"uid": 0, "gid": 0, "size": 0, "mtime": 0}
        if real in self._tree:
            return dict(usual, mode=0o040755)
        return dict(usual, mode=0o100644) if self._data["files"].get(real) is not None else None

    def space(self, path: str) -> Optional[Dict[str, int]]:
        return self._data["space"].get(path)

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 10,
        limit: int = OUTPUT_LIMIT,
        stdin: bytes = b"",
        env: Optional[Mapping[str, str]] = None,
    ) -> Command:
        entry = self._data["commands"].get(" ".join(argv))
        if entry is None:
            return Command(list(argv), self._missing, detail=f"{argv[0]}: not found" if self._missing == ABSENT else "")
        if not isinstance(entry, Mapping):
            return Command(list(argv), FAILED, detail="the recording holds no answer of a command here")
        state, duration = entry.get("state", OK), float(entry.get("duration_s", 0.0))
        if state == OK and duration > timeout:
            state = TIMEOUT
        detail = f"no end after {timeout:g} s" if state == TIMEOUT else entry.get("detail", "")
        out = _bytes(entry.get("stdout", ""))
        return Command(
            list(argv),
            FAILED if state == OK and len(out) > limit else state,
            entry.get("rc", 0) if state == OK else None,
            out[:limit],
            _bytes(entry.get("stderr", "")),
            min(duration, timeout),
            len(out) > limit,
            detail,
        )

    def nvml(self, timeout: float = 20, pynvml: Optional[str] = None) -> Nvml:
        kept = self._data.get("nvml_transcript")
        if kept:
            return Nvml(kept["state"], kept["transcript"], kept.get("detail", ""))
        if not self._data["nvml"]:
            return Nvml(self._missing)
        from . import nvml_replay  # late: most machines have no NVIDIA accelerator

        return nvml_replay.replay(self._data["nvml"], timeout, self._nvml_library, pynvml)

    def tcp(self, address: str, port: int, timeout: float = 3) -> Reply:
        entry = self._data["tcp"].get(f"{address}:{port}", {"state": self._missing})
        return Reply(entry["state"], detail=entry.get("detail", ""))

    def http(self, path: str, server: str, timeout: float = 5, limit: int = OUTPUT_LIMIT) -> Reply:
        entry = self._data["http"].get(f"{server} {path}") or {"state": self._missing}
        body = _bytes(entry.get("body", ""))[:limit]
        ends = entry.get("certificate_ends")
        return Reply(entry.get("state", OK), entry.get("status"), body, entry.get("detail", ""), ends)

    def _absence(self, path: str) -> str:
        real = self._resolve(path)
        if self._missing == ABSENT or (real in self._data["files"] and self._data["files"][real] is None):
            return ABSENT
        return UNRECORDED

    def _resolve(self, path: str) -> str:
        """Follow the recorded symbolic links of every component, as the kernel would."""
        links = self._data["links"]
        done, rest, followed = "/", [part for part in path.split("/") if part], 0
        while rest:
            here = posixpath.normpath(posixpath.join(done, rest.pop(0)))
            target = links.get(here)
            if target is None:
                done = here
                continue
            followed += 1
            if followed > LINK_DEPTH:
                return path
            absolute = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
            done, rest = "/", [part for part in absolute.split("/") if part] + rest
        return done


def _refused(entry: Any) -> bool:
    return isinstance(entry, dict) and "state" in entry


def _bytes(value: Any) -> bytes:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else str(value).encode("utf-8", "surrogateescape")


def _tree(entries: Iterable[Tuple[str, Any]], empty: Mapping[str, Any]) -> Dict[str, List[str]]:
    """Derive every directory from the paths that are recorded in it."""
    tree = {path: dict.fromkeys(names, None) for path, names in empty.items() if names is not None}
    for path, value in entries:
        there = value is not None and not (_refused(value) and value["state"] == ABSENT)
        while there and path != "/":
            parent, name = posixpath.split(path)
            known = tree.setdefault(parent, {})
            if name in known:
                break
            known[name] = None
            path = parent
    return {path: list(names) for path, names in tree.items()}
