# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value in a configuration file that names the model for the next run. Nothing is stopped or started."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional

from .. import StepFailed, disk, pointer, steady, tree
from ..programs import exit_code
from ..store import Store
from .base import RUNNING, Probe, Running, Spec, Tick, altered
from .plain import Plain

LOAD_S = 600.0


class ModelPointer(Plain):
    """The pointer to a model in its dated folder."""

    touches = False
    given: Optional[List[str]] = []

    def __init__(self, name: str, service: Mapping[str, Any], store: Store):
        self.name, self._store = name, store
        told = service["pointer"]
        self._file, self._key, self._root, self._model = told["file"], told["key"], told["root"], told["name"]
        self._command = told.get("command")

    def resolve(self, spec: Spec) -> str:
        path = self._path(spec)
        try:
            if not os.path.getsize(path):
                raise StepFailed(f"the model {path} is empty")
            return steady.digest(path)
        except OSError as error:
            raise StepFailed(f"there is no model {path}: {error.strerror}") from error

    def running(self) -> Optional[Running]:
        try:
            path = self._value()
        except FileNotFoundError:
            return None
        there = os.path.isfile(path)
        return Running(self._release(path), path, None, path, there, "" if there else f"{path} is not there")

    def _release(self, path: str) -> Optional[str]:
        entry = self._store.entry(self._store.current)
        return entry["id"] if entry and entry["image_id"] == path else None

    def adopt(self, spec: Spec) -> Spec:
        path = self._value()
        digest = tree.digest(path) if os.path.isfile(path) else ""
        return dict(spec, tag=os.path.basename(os.path.dirname(path)), image_id=path, digest=digest)

    def configuration(self, spec: Spec) -> List[Dict[str, Any]]:
        return []

    def lacking(self, spec: Spec) -> Optional[str]:
        path = spec.get("image_id") or self._path(spec)
        return None if os.path.isfile(path) else f"the model {path} is not there"

    def content(self, spec: Spec) -> Optional[str]:
        try:
            return tree.digest(spec.get("image_id") or self._path(spec))
        except OSError:
            return None

    def unsteady(self, spec: Spec) -> Optional[str]:
        return self.lacking(spec) or altered(self, spec)

    def needs(self, spec: Spec) -> List[str]:
        return [self._file]

    def fetch(self, spec: Spec, tick: Tick) -> Mapping[str, Any]:
        path = spec.get("image_id") or self._path(spec)
        lacking = self.lacking(spec) or altered(self, dict(spec, image_id=path))
        if lacking:
            raise StepFailed(lacking)
        self._value()
        if self._command and self.execute([*self._command, path], LOAD_S):
            raise StepFailed(f"the model {path} does not load: {' '.join(self._command)} says so")
        return {"image_id": path}

    def prepare(self, spec: Spec) -> None:
        """Nothing to do."""

    def discard(self, spec: Spec) -> None:
        """Nothing was done."""

    def stop(self, spec: Optional[Spec], grace_s: int) -> Optional[int]:
        return None

    def retain(self, spec: Spec) -> None:
        """Nothing to do: the model stays where it is."""

    def start(self, spec: Spec) -> None:
        with open(self._file, encoding="utf-8") as handle:
            text = handle.read()
        try:
            fresh = pointer.replaced(text, self._key, spec["image_id"], self._file.endswith(".json"))
        except ValueError as error:
            raise StepFailed(f"{self._file}: {error}") from error
        if fresh == text:
            return
        told, file = os.stat(self._file), os.path.realpath(self._file)  # a link that leads to it stays one
        disk.put(f"{file}.new", fresh.encode("utf-8"), told.st_mode & 0o7777, told.st_uid, told.st_gid)
        os.rename(f"{file}.new", file)
        disk.sync(os.path.dirname(file))

    def shelve(self, spec: Spec) -> None:
        """Nothing to do: going back writes the value anew."""

    def probe(self) -> Probe:
        path = self._value()
        return Probe(RUNNING if os.path.isfile(path) else "absent", 0, path, "none", None, self._file)

    def pids(self) -> List[int]:
        return []

    def execute(self, argv: List[str], timeout: float) -> int:
        return exit_code(argv, timeout)

    def log(self, count: int) -> List[str]:
        return []

    def prune(self, keep: Iterable[Spec], gone: Iterable[Spec]) -> List[str]:
        return []  # models are not ours to remove

    def _path(self, spec: Spec) -> str:
        return os.path.join(self._root, spec["tag"], self._model)

    def _value(self) -> str:
        try:
            with open(self._file, encoding="utf-8") as handle:
                return pointer.read(handle.read(), self._key, self._file.endswith(".json"))
        except ValueError as error:
            raise StepFailed(f"{self._file}: {error}") from error
