# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judging what people attest, once per run: signed, in force and by the right role passes; anything else is unknown."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..module_utils.judge.results import PASS, UNKNOWN
from . import attestations
from .files import BadInput
from .golive import slug


class Papers(NamedTuple):
    """Where attestations and the file of those who may sign lie; a directory that nobody named may be missing."""

    directory: Path
    signers: Path
    named: bool = False
    site: str | None = None  # that asks; what was given for another counts nothing

    def read(self, now: datetime.datetime) -> dict[str, Any]:
        """Return what ``attestations.read`` does; nothing where there is no directory."""
        if self.directory.is_dir():
            return attestations.read(self.directory, self.signers, now, self.site)
        if self.named:
            raise BadInput(f"{self.directory}: there is no such directory of attestations")
        return {"source": str(self.directory), "items": {}}


def rows(definitions: Iterable[Mapping[str, Any]], found: Mapping[str, Any], at: str) -> list[dict[str, Any]]:
    """Return one result row for each definition of an attestation; ``found`` comes from ``Papers.read``."""
    return [_row(entry, found, at) for entry in definitions]


def _row(definition: Mapping[str, Any], found: Mapping[str, Any], at: str) -> dict[str, Any]:
    said = next((found["items"][item] for item in definition["covers"] if item in found["items"]), None)
    item = definition["covers"][0]
    reason = _flaw(definition, said, at) if said else f"nobody attests it in {found['source']}"
    word = f"is unknown: {reason}" if reason else f"is in force, by {said['who'] if said else ''}"
    return {
        "id": definition["id"],
        "item": None,
        "items": 1,
        "status": UNKNOWN if reason else PASS,
        "severity": definition["severity"],
        "phase": definition["phase"],
        "observed": f"{said['who']} ({said['role']}), {said['when'][:10]} to {said['expires']}" if said else None,
        "expected": f"by a {definition['role']}, at most {definition['max_age_days']:g} days old",
        "message": f"{item} ({definition['title']}): attestation {word}",
        "source": f"attestation {said['file']}" if said else None,
        "threshold_from": "site attestation definition",
        "at": at,
        "reason": reason,
        "hosts": [],
    }


def _flaw(definition: Mapping[str, Any], said: Mapping[str, Any], at: str) -> str | None:
    """Return why an attestation does not count here, or nothing."""
    if not said["valid"]:
        return f"{said['file']}: {said['reason']}"
    if slug(said["role"]) != slug(definition["role"]):
        return f"{said['file']}: {said['who']} signs as {said['role']}, a {definition['role']} has to"
    age = datetime.datetime.fromisoformat(at) - datetime.datetime.fromisoformat(said["when"])
    most = datetime.timedelta(days=definition["max_age_days"])
    return f"{said['file']}: it is {age.days} days old, at most {most.days} are allowed" if age > most else None
