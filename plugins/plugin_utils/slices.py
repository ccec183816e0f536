# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slices of a big run (AWX jobs, limited runs) put together into one run directory, then reported as any other.

A host that several slices answer for counts as its newest record says. A slice that never arrived is kept by name, and
no verdict is ready with it.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from ..module_utils.judge.results import UNKNOWN
from .files import BadInput, write
from .rundir import EXPECTED, RunDirectory, load

FILE = "slices.json"
CHECK = "fleet.slices"
SHOWN = 10
TOLD = {
    "title": "Every slice of the run arrived",
    "what": "slice of the run",
    "severity": "critical",
    "phase": 0,
    "source": "the slices that were to be merged",
    "why": "The hosts of a slice that is missing were not judged, and nothing else would say so.",
    "fix": "Start the slice that is named again, or copy its directory here, then merge again.",
    "covers": [],
}  # fmt: skip


class Slice(NamedTuple):
    """A run directory that is part of the run; without ``run`` and records it never arrived."""

    path: Path
    run: RunDirectory | None
    records: list[dict[str, Any]]

    def told(self) -> dict[str, Any]:
        """Return what the document of the merged run says of it."""
        document = (self.run.document() if self.run else None) or {}
        return {
            "name": self.path.name,
            "path": str(self.path),
            "arrived": bool(self.records) or self._is_empty(),
            "hosts": len(self.records),
            "started": document.get("started"),
            "collection_version": document.get("collection_version"),
        }

    def _is_empty(self) -> bool:
        """Say whether the slice ended and had no host to answer for."""
        run = self.run
        return bool(run and (run.path / EXPECTED).exists() and not run.expected() and run.document())


def merge(places: Iterable[str], into: RunDirectory, expected: Iterable[str]) -> None:
    """Fill the new run directory ``into`` with the records, facts and checks of slices, and note where they came from.

    ``places`` are run directories, or patterns of them; ``expected`` are hosts to answer for besides those that the
    slices expected. Raises ``BadInput`` when ``into`` is taken, no slice arrived, or results have another schema.
    """
    if into.path.exists():
        raise BadInput(f"{into.path}: is there already; merged slices become a run of their own")
    found = [_slice(path) for path in _paths(places)]
    by_host: dict[str, list[tuple[str, Slice, dict[str, Any]]]] = {}
    for part in found:
        for record in part.records:
            by_host.setdefault(record["name"], []).append((record["kept_at"], part, record))
    if not by_host:
        raise BadInput(f"no slice arrived: {', '.join(str(part.path) for part in found)}")
    newest = {host: max(answers, key=lambda answer: answer[0]) for host, answers in by_host.items()}
    twice = [
        {
            "host": host,
            "slices": sorted(part.path.name for _at, part, _record in answers),
            "newest": newest[host][1].path.name,
        }
        for host, answers in sorted(by_host.items())
        if len(answers) > 1
    ]
    # What is to come is written first: a merger that is cut off must not look like a smaller run.
    hosts = {*expected, *(host for part in found if part.run for host in part.run.expected())}
    into.expect(hosts, *_kind(found))
    write(into.path / FILE, json.dumps({"slices": [part.told() for part in found], "twice": twice}))
    for _at, part, record in newest.values():
        _take(part, record, into)


def _kind(found: Iterable[Slice]) -> tuple[str, Any]:
    """Return what ran, and what of it was asked: what the slices say alike, so that nights are compared with nights."""
    begun = [part.run.begun() for part in found if part.run]
    kinds = {entry.get("kind") for entry in begun}
    scopes = [entry.get("scope") for entry in begun]
    alike = len(kinds) == 1 and all(scope == scopes[0] for scope in scopes)
    return (str(kinds.pop()), scopes[0]) if alike else ("merge", None)


def _paths(places: Iterable[str]) -> list[Path]:
    """Return the paths that are meant, each once; a pattern that fits nothing stays as it is."""
    found: dict[Path, None] = {}
    for place in places:
        pattern = Path(place).expanduser().absolute()
        found.update((Path(path).resolve(), None) for path in sorted(glob.glob(str(pattern))) or [str(pattern)])
    return list(found)


def _slice(path: Path) -> Slice:
    run = RunDirectory(str(path.parent), path.name) if path.is_dir() else None
    return Slice(path, run, run.records() if run else [])


def _take(part: Slice, record: dict[str, Any], into: RunDirectory) -> None:
    """Copy a record with its facts; slices may have been judged by different checks under the same key."""
    text = json.dumps(record["catalogue"], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    into.describe(key, lambda: text)
    into.keep({**record, "catalogue": key}, part.run.facts(record["name"]) if part.run else None)


def of(directory: RunDirectory) -> dict[str, Any] | None:
    """Return ``{"slices", "twice"}`` of a run that was merged; nothing for any other."""
    path = directory.path / FILE
    return load(path) if path.exists() else None


def started(merged: dict[str, Any] | None) -> str | None:
    """Return when the first slice started, if slices say so."""
    return min((entry["started"] for entry in (merged or {}).get("slices", []) if entry["started"]), default=None)


def rows(merged: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return a result row for each slice that never arrived: unknown, critical, of no host alone."""
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "id": CHECK,
            "item": entry["name"],
            "items": 1,
            "status": UNKNOWN,
            "severity": TOLD["severity"],
            "phase": TOLD["phase"],
            "observed": None,
            "expected": "records of hosts",
            "message": f"slice {entry['name']} never arrived ({entry['path']}): its hosts are unknown",
            "source": entry["path"],
            "threshold_from": "the slices that were to be merged",
            "at": at,
            "reason": "it never arrived",
            "hosts": [],
        }
        for entry in (merged or {}).get("slices", [])
        if not entry["arrived"]
    ]


def checks(merged: dict[str, Any] | None) -> dict[str, Any]:
    """Return what reports tell of the check behind ``rows``."""
    return {CHECK: TOLD} if rows(merged) else {}
