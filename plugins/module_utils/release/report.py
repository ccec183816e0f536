# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run tells: phases, checklist, warnings, and what changed, without a secret in it."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional

from . import clock
from .store import Store

TOLD = ("id", "tag", "digest", "image_id", "config_hash", "since")
HASH_DIGITS = 12


class Report:
    """What is collected on the way."""

    def __init__(self, name: str):
        self.name = name
        self.phases: List[Dict[str, Any]] = []
        self.warnings: List[str] = []
        self.recovered: Optional[str] = None
        self.diff: Dict[str, Any] = {}
        self.target: Optional[Dict[str, Any]] = None  # what is asked for, once that is known
        self._rows: Dict[Any, Dict[str, Any]] = {}
        self._entered = 0.0

    def enter(self, phase: str) -> None:
        """Note that a phase begins."""
        self.leave()
        self._entered = time.monotonic()
        self.phases.append({"phase": phase, "at": clock.now(), "took_s": 0.0})

    def leave(self) -> None:
        """Note how long the last phase took."""
        if self.phases:
            self.phases[-1]["took_s"] = round(time.monotonic() - self._entered, 3)
            self._entered = time.monotonic()

    def warn(self, text: str) -> None:
        """Add a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def row(self, check: str, status: str, observed: Any, expected: Any, message: str = "", **more: str) -> None:
        """Answer one item of the checklist. ``more``: ``item`` (after the name of the service) and ``source``."""
        item = f"{self.name}: {more['item']}" if more.get("item") else self.name
        self.add(
            {
                "id": f"release.{check}",
                "item": item,
                "status": status,
                "observed": observed,
                "expected": expected,
                "message": message,
                "source": more.get("source", ""),
                "at": clock.now(),
            }
        )

    def add(self, row: Dict[str, Any]) -> None:
        """Add a row; the last answer to an item counts."""
        self._rows[row["id"], row["item"]] = row

    @property
    def rows(self) -> List[Dict[str, Any]]:
        """All answers."""
        return list(self._rows.values())

    def failing(self, stage: str) -> List[Dict[str, Any]]:
        """Return the rows of a stage (``pre``) that are neither good nor left out: unknown is not good."""
        return [
            row
            for row in self.rows
            if row["id"].startswith(f"release.{stage}.") and row["status"] in ("fail", "unknown")
        ]

    def result(self, store: Store, outcome: str, changed: bool, message: str, runs: Optional[str]) -> Dict[str, Any]:
        """Return what the module returns. ``runs``: id of the release that runs."""
        self.leave()
        return {
            "changed": changed,
            "failed": outcome in ("refused", "reverted", "failed"),
            "outcome": outcome,
            "msg": f"service {self.name}: {message}",
            "release": short(store.entry(runs)),
            "current": short(store.entry(store.current)),
            "target": self.target,
            "previous": short(store.target(1)),
            "recovered": self.recovered,
            "phase": self.phases[-1]["phase"] if self.phases else None,
            "phases": self.phases,
            "warnings": self.warnings,
            "checks": self.rows,
            "diff": self.diff,
            "audit": store.log.head,
        }


def short(release: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Return what is told of a release."""
    return {key: release.get(key) for key in TOLD} if release else None


def shown(store: Store, spec: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return a release as a diff shows it: hashes in place of every value that can be a secret."""
    if spec is None:
        return {}
    hidden = {key: _hash(store, value) for key, value in sorted(spec["env"].items())}
    files = {file["dest"]: f"{_hash(store, file['content'])} {file.get('mode', '')}" for file in spec["files"]}
    image = {key: spec.get(key) for key in ("image", "tag", "digest")}
    return dict(image, env=hidden, files=files, config=spec["run"])


def _hash(store: Store, value: Any) -> str:
    return f"hash:{store.hashed(value)[:HASH_DIGITS]}"
