# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judging what a site shows and attests, once per run.

Evidence that is missing, late, empty or unreadable is unknown, and fails when it does not match.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.judge import waivers as waiving
from ..module_utils.judge.results import FAIL, PASS, UNKNOWN
from . import attested_rows, catalogue, evidence, site
from .attested_rows import Papers

FILE = "evidence.yml"
WAIVERS = "waivers.yml"
TOLD = ("title", "severity", "phase", "why", "fix", "covers")


def judged(directory: str | None, at: str, papers: Papers | None = None) -> dict[str, Any]:
    """Return what a run takes over: ``fleet`` rows, ``fleet_checks`` they stand on, and ``site``, what was asked.

    ``directory`` holds ``evidence.yml`` and perhaps ``waivers.yml``; without one nothing is judged, and ``site`` says
    so. ``at`` is the time of the run in ISO 8601; ``papers`` lie in the directory when they are not given.
    """
    definitions = site.definitions()
    shown = [entry for entry in definitions if entry["kind"] == "evidence"]
    stated = [entry for entry in definitions if entry["kind"] == "attestation"]
    asked: dict[str, Any] = {"source": None, "items": len(shown), "asked": 0}
    asked |= {"attestations": {"source": None, "items": len(stated), "valid": 0}}
    if not directory:
        return {"fleet": [], "fleet_checks": {}, "site": asked}
    base = Path(directory).expanduser().absolute()
    declared, facts = _shown(base, shown)
    papers = papers or Papers(base / "attestations", base / "allowed_signers")
    attested = papers.read(datetime.datetime.fromisoformat(at))
    of_people = attested_rows.rows(stated, attested, at)
    found = rows(shown, declared, facts, at) + of_people
    if (base / WAIVERS).exists():
        known = [entry["id"] for entry in definitions]
        found = waiving.apply(found, catalogue.waivers(base / WAIVERS, known), "site", at[:10])
    valid = sum(row["status"] == PASS for row in of_people)
    return {
        "fleet": found,
        "fleet_checks": {entry["id"]: _told(entry) for entry in definitions},
        "site": {"source": str(base), "items": len(shown), "asked": len(declared)}
        | {"attestations": {"source": attested["source"], "items": len(stated), "valid": valid}},
    }


def _shown(base: Path, definitions: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the site names as evidence, and what was read of it."""
    declared = evidence.declared(base / FILE, definitions)
    patterns = {entry["id"]: {"match": entry["match"]} for entry in definitions if "match" in entry}
    return declared, evidence.read({name: patterns.get(name, {}) | said for name, said in declared.items()}, base)


def _told(definition: Mapping[str, Any]) -> dict[str, Any]:
    kind = definition["kind"]
    return {key: definition[key] for key in TOLD} | {
        "what": f"{kind}: {definition['reads' if kind == 'evidence' else 'role']}",
        "source": f"{definition['covers'][0]}, site {kind}",
    }


def rows(
    definitions: Iterable[Mapping[str, Any]],
    declared: Mapping[str, Mapping[str, Any]],
    facts: Mapping[str, Any],
    at: str,
) -> list[dict[str, Any]]:
    """Return one result row for each definition of evidence."""
    return [
        _row(entry, declared.get(entry["id"], {}), facts["items"].get(entry["id"]), facts, at) for entry in definitions
    ]


def _row(
    definition: Mapping[str, Any],
    said: Mapping[str, Any],
    item: Mapping[str, Any] | None,
    facts: Mapping[str, Any],
    at: str,
) -> dict[str, Any]:
    most = said.get("max_age_days", definition["max_age_days"])
    status, reason = _status(item, most)
    age = item["age_days"] if item else None
    observed = None if age is None else f"{age:g} days old"
    word = {PASS: "is there", FAIL: "does not say what it must", UNKNOWN: "is unknown"}[status]
    return {
        "id": definition["id"],
        "item": None,
        "items": 1,
        "status": status,
        "severity": definition["severity"],
        "phase": definition["phase"],
        "observed": observed,
        "expected": f"at most {most:g} days old",
        "message": f"{definition['covers'][0]} ({definition['title']}): evidence {word}"
        + (f": {reason}" if reason else ""),
        "source": f"{item['kind']} {item['name']}" if item else None,
        "threshold_from": f"{facts['source']}/{FILE}" if "max_age_days" in said else "site evidence definition",
        "at": at,
        "reason": reason if status == UNKNOWN else None,
        "hosts": [],
    }


def _status(item: Mapping[str, Any] | None, most: float) -> tuple[str, str | None]:
    """Return the status of what was read, and the reason unless it passes."""
    if item is None:
        return UNKNOWN, f"{FILE} names none"
    where = f"{item['kind']} {item['name']}"
    age = item["age_days"]
    troubles = (
        (item["error"], f"{where}: {item['error']}"),
        (not item["present"], f"{where} is empty"),
        (age is None, f"{where}: its age is not known; say dated, or live where it is made when it is read"),
        (age is not None and age > most, f"{where} is {age or 0:g} days old, at most {most:g} are allowed"),
    )
    for trouble, reason in troubles:
        if trouble:
            return UNKNOWN, reason
    return (FAIL, f"{where} does not match") if item["matches"] is False else (PASS, None)
