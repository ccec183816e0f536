# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statuses, verdicts and what follows from which."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence

PASS = "pass"
FAIL = "fail"
UNKNOWN = "unknown"
NOT_APPLICABLE = "not_applicable"
WAIVED = "waived"
STATUSES = (PASS, FAIL, UNKNOWN, NOT_APPLICABLE, WAIVED)

READY = "ready"
DEGRADED = "degraded"
NOT_READY = "not_ready"
VERDICTS = (READY, DEGRADED, NOT_READY, UNKNOWN)
GRAVE = ("critical", "major")

NOT_REACHED = "not_reached"
NO_CHECKS = "no_checks"

Result = Dict[str, Any]


def verdict(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the verdict that results lead to.

    ``not_ready`` when a critical or major check fails, else ``unknown`` when one is unknown, else ``degraded`` when a
    minor one fails or is unknown, else ``ready``. Nothing judged is ``unknown``; ``info`` never counts.
    """
    seen = {(row["severity"] in GRAVE, row["status"]) for row in results if row["severity"] != "info"}
    if (True, FAIL) in seen:
        return NOT_READY
    if (True, UNKNOWN) in seen or not any(status in (PASS, WAIVED) for unused, status in seen):
        return UNKNOWN
    if (False, FAIL) in seen or (False, UNKNOWN) in seen:
        return DEGRADED
    return READY


def overall(verdicts: Sequence[str]) -> str:
    """Return the verdict of a group from those of its members: the worst one; no members is ``unknown``."""
    for worst in (NOT_READY, UNKNOWN, DEGRADED):
        if worst in verdicts:
            return worst
    return READY if verdicts else UNKNOWN


def phases(results: Iterable[Mapping[str, Any]], gated: bool) -> Dict[str, str]:
    """Return phase -> verdict for phases 0 to 12; with gates, those after one that is not ready are ``not_reached``."""
    by_phase: Dict[int, List[Mapping[str, Any]]] = {}
    for row in results:
        by_phase.setdefault(row["phase"], []).append(row)
    states: Dict[str, str] = {}
    closed = False
    for phase in range(13):
        rows = [row for row in by_phase.get(phase, []) if row["status"] != NOT_APPLICABLE]
        if not rows:
            states[str(phase)] = NO_CHECKS
        elif closed:
            states[str(phase)] = NOT_REACHED
        else:
            relevant = [row for row in rows if row["severity"] != "info"]
            states[str(phase)] = verdict(relevant) if relevant else READY
            closed = gated and states[str(phase)] in (NOT_READY, UNKNOWN)
    return states


def reached(results: Iterable[Result], states: Mapping[str, str]) -> List[Result]:
    """Return the results of the phases that were reached."""
    return [row for row in results if states[str(row["phase"])] != NOT_REACHED]
