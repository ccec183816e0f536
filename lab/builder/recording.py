"""Writes what a simulated machine answers, in the form that replay reads."""

from __future__ import annotations

import base64
import pickle
from typing import Any

from .node import NOW, Node


class Recording:
    """A recording in the making; ``document`` is the JSON that replay reads."""

    def __init__(self, node: Node):
        self.document: dict[str, Any] = {
            "muster_recording": 1,
            "name": node.name,
            "simulated": True,
            "closed": True,
            "recorded_at": "2026-11-18T06:26:40Z",
            "identity": {
                "hostname": node.name,
                "kernel": "6.8.0-84-generic",
                "machine": "x86_64",
                "uid": 0,
                "python": "3.12.3",
                "now": NOW,
            },
            **{key: {} for key in ("files", "links", "dirs", "stats", "space", "commands", "http", "tcp", "nvml")},
            "planted": {"faults": [], "finds": {}},
        }

    def identity(self, **values: Any) -> None:
        """Change what ``Host.identity`` answers."""
        self.document["identity"].update(values)

    def file(self, path: str, content: str | bytes) -> None:
        """Put a file; bytes are kept as they are."""
        packed = {"b64": base64.b64encode(content).decode()} if isinstance(content, bytes) else content
        self.document["files"][path] = packed

    def text(self, path: str) -> str:
        """Return the text of a file put before."""
        return self.document["files"][path]

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file; it must be there, or the fault would plant nothing."""
        if old not in self.text(path):
            raise ValueError(f"{path} does not hold {old!r}")
        self.file(path, self.text(path).replace(old, new))

    def append(self, path: str, text: str) -> None:
        """Add text to the end of a file."""
        self.document["files"][path] = self.document["files"].get(path, "") + text

    def refuse(self, path: str, state: str = "denied", detail: str = "Permission denied") -> None:
        """Make a file answer with an error."""
        self.document["files"][path] = {"state": state, "detail": detail}

    def remove(self, path: str) -> None:
        """Take away a file or link, or everything below a directory; something must be there."""
        gone = 0
        for kind in ("files", "links", "dirs"):
            for known in list(self.document[kind]):
                if known == path or known.startswith(path.rstrip("/") + "/"):
                    self.document[kind][known] = None
                    gone += 1
        if not gone:
            raise ValueError(f"{path} is not there to be removed")

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link."""
        self.document["links"][path] = target

    def directory(self, path: str) -> None:
        """Put an empty directory."""
        self.document["dirs"][path] = []

    def command(
        self,
        argv: list[str] | str,
        stdout: str | bytes = "",
        rc: int = 0,
        stderr: str = "",
        state: str = "ok",
        duration_s: float = 0.02,
    ) -> None:
        """Put what a command prints; ``state="timeout"`` makes it hang."""
        key = argv if isinstance(argv, str) else " ".join(argv)
        out = {"b64": base64.b64encode(stdout).decode()} if isinstance(stdout, bytes) else stdout
        entry = {"rc": rc, "stdout": out, "stderr": stderr, "state": state, "duration_s": duration_s}
        self.document["commands"][key] = entry

    def output(self, argv: str) -> str:
        """Return what a command put before prints."""
        return self.document["commands"][argv]["stdout"]

    def no_command(self, name: str) -> None:
        """Take away a program: every recorded call of it answers "not found"."""
        calls = [key for key in self.document["commands"] if key.split(" ")[0] == name]
        if not calls:
            raise ValueError(f"{name} is not there to be taken away")
        for key in calls:
            self.document["commands"][key] = None

    def nvml(self, key: str, value: Any) -> None:
        """Put an NVML answer (see ``nvml_probe`` for the keys)."""
        self.document["nvml"][key] = str(value)

    def space(
        self, mount: str, total_bytes: int, used_bytes: int, inodes: int = 10**8, inodes_used: int = 10**6
    ) -> None:
        """Put the space of a file system."""
        free = total_bytes - used_bytes
        self.document["space"][mount] = {
            "total_bytes": total_bytes,
            "free_bytes": free,
            "available_bytes": free,
            "inodes": inodes,
            "inodes_free": inodes - inodes_used,
        }

    def stat(self, path: str, mode: int, uid: int = 0, gid: int = 0, size: int = 0, mtime: int = 0) -> None:
        """Put the metadata of a path."""
        self.document["stats"][path] = {"mode": mode, "uid": uid, "gid": gid, "size": size, "mtime": mtime}

    def http(self, socket: str, path: str, body: str, status: int = 200) -> None:
        """Put what a local HTTP API answers."""
        self.document["http"][f"{socket} {path}"] = {"status": status, "body": body, "state": "ok"}

    def copy(self) -> Recording:
        """Return a deep copy, for planting a fault."""
        return pickle.loads(pickle.dumps(self))  # a tenth of the time of copy.deepcopy


def difference(healthy: Recording, faulty: Recording) -> dict[str, Any]:
    """Return the layer that turns the healthy recording into the faulty one when laid over it."""
    layer: dict[str, Any] = {"muster_recording": 1}
    before, after = healthy.document, faulty.document
    for kind in ("files", "links", "dirs", "stats", "space", "commands", "http", "tcp", "nvml"):
        for key, value in after[kind].items():
            known = before[kind].get(key)
            if value == known:
                continue
            if kind == "files" and isinstance(known, str) and isinstance(value, str) and value.startswith(known):
                layer.setdefault("append", {})[key] = value[len(known) :]
            else:
                layer.setdefault(kind, {})[key] = value
        for key in set(before[kind]) - set(after[kind]):
            layer.setdefault(kind, {})[key] = None
    changed = {key: value for key, value in after["identity"].items() if before["identity"].get(key) != value}
    return {**layer, "identity": changed} if changed else layer
