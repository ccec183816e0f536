# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What no machine can show and a site has to: definitions of evidence to be read and of attestations to be given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..module_utils.judge.catalogue import COVERS, ID, PHASES, SEVERITIES
from .files import ROLES, BadInput, Entry, entries

SITE = ROLES / "verify" / "files" / "site"
FILES = {"evidence": "evidence.yml", "attestation": "attestations.yml"}
COMMON = {"id", "title", "covers", "phase", "severity", "max_age_days", "why", "fix"}
OWN = {"evidence": {"reads"}, "attestation": {"role"}}


def definitions(directory: Path = SITE) -> list[dict[str, Any]]:
    """Return all definitions, each with its ``kind``: evidence or attestation; one that says too little is an error."""
    found: dict[str, dict[str, Any]] = {}
    for kind, name in FILES.items():
        for entry in entries(directory / name):
            problem = _problem(entry, kind) or ("the id is taken" if entry.value["id"] in found else None)
            if problem:
                raise BadInput(f"{entry.where}: {problem}")
            found[entry.value["id"]] = {**entry.value, "kind": kind}
    return list(found.values())


def _problem(entry: Entry, kind: str) -> str | None:
    raw = entry.value
    needed = COMMON | OWN[kind]
    if not isinstance(raw, dict) or set(raw) - {"match"} != needed:
        return f"a definition of {kind} says {', '.join(sorted(needed))}, and match where it can be read off"
    wrong = {
        "id": not ID.match(str(raw["id"])),
        "severity": raw["severity"] not in SEVERITIES,
        "phase": raw["phase"] not in PHASES,
        "covers": not raw["covers"] or not all(COVERS.match(str(item)) for item in raw["covers"]),
        "max_age_days": not isinstance(raw["max_age_days"], int) or raw["max_age_days"] < 1,
        "match": "match" in raw and not is_pattern(raw["match"]),
    }
    return next((f"{raw['id']}: {key} is {raw.get(key)!r}" for key, bad in wrong.items() if bad), None)


def is_pattern(text: Any) -> bool:
    """Say whether a text is a regular expression, and one that asks for something: nothing at all does not match it."""
    try:
        return re.search(text, "") is None
    except (re.error, TypeError):
        return False
