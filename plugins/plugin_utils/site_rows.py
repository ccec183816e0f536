# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judging a site's evidence, once per run: missing, late, empty or unreadable is unknown, not matching is fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.judge import waivers as waiving
from ..module_utils.judge.results import FAIL, PASS, UNKNOWN
from . import catalogue, evidence, site

FILE = "evidence.yml"
WAIVERS = "waivers.yml"
TOLD = ("title", "severity", "phase", "why", "fix", "covers")


def judged(directory: str | None, at: str) -> dict[str, Any]:
    """Return what a run takes over: ``fleet`` rows, ``fleet_checks`` they stand on, and ``site``, what was asked.

    ``directory`` holds ``evidence.yml`` and perhaps ``waivers.yml``; without one nothing is judged, and ``site`` says
    so. ``at`` is the time of the run in ISO 8601.
    """
    definitions = [entry for entry in site.definitions() if entry["kind"] == "evidence"]
    asked: dict[str, Any] = {"source": None, "items": len(definitions), "asked": 0}
    if not directory:
        return {"fleet": [], "fleet_checks": {}, "site": asked}
    base = Path(directory).expanduser().absolute()
    declared = evidence.declared(base / FILE, definitions)
    patterns = {entry["id"]: {"match": entry["match"]} for entry in definitions if "match" in entry}
    facts = evidence.read({name: patterns.get(name, {}) | said for name, said in declared.items()}, base)
    found = rows(definitions, declared, facts, at)
    if (base / WAIVERS).exists():
        known = [entry["id"] for entry in definitions]
        found = waiving.apply(found, catalogue.waivers(base / WAIVERS, known), "site", at[:10])
    return {
        "fleet": found,
        "fleet_checks": {entry["id"]: _told(entry) for entry in definitions},
        "site": asked | {"source": str(base), "asked": len(declared)},
    }


def _told(definition: Mapping[str, Any]) -> dict[str, Any]:
    what = f"evidence: {definition['reads']}"
    return {key: definition[key] for key in TOLD} | {
        "what": what,
        "source": f"{definition['covers'][0]}, site evidence",
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
