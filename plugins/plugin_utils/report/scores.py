# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of each phase of the bring-up checklist could be confirmed."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Iterable, Mapping

from . import findings

Hosts = Mapping[str, Mapping[str, Any]]
Judged = dict[tuple[str, int], dict[str, str]]  # (host, phase) -> check id -> its worst status


def by_phase(hosts: Hosts) -> dict[str, dict[str, Any]]:
    """Per phase the share of (host, check) pairs that pass, of those that apply; waived ones are left out.

    A check counts once per host, by its worst item. Where a host shows nothing of a phase that its peers were judged
    in, their checks count as unknown for it: a machine that is silent must not make the rack look better. A phase that
    no host reached has a score without a percentage.
    """
    judged = _judged(hosts)
    scores = {}
    stopped = {
        int(phase) for host in hosts.values() for phase, state in host["phases"].items()
        if state == "not_reached" and phase.isdecimal()
    }  # fmt: skip
    for phase in sorted({phase for _host, phase in judged} | stopped):
        counts: Counter[str] = Counter()
        for name, host in hosts.items():
            checks = judged.get((name, phase))
            if checks is not None:
                counts.update(checks.values())
            elif host["phases"].get(str(phase)) != "no_checks":
                counts["unknown"] += len(_peers_checks(hosts, judged, host["class"], phase))
        scores[f"phase-{phase}"] = _score(counts)
    return scores


def _judged(hosts: Hosts) -> Judged:
    judged: Judged = {}
    for name, host in hosts.items():
        phases = {row["id"]: row["phase"] for row in host["results"]}
        for check, status in findings.worst_by_check(host["results"]).items():
            judged.setdefault((name, phases[check]), {})[check] = status
    return judged


def _peers_checks(hosts: Hosts, judged: Judged, klass: str | None, phase: int) -> set[str]:
    same = [name for name, host in hosts.items() if klass is not None and host["class"] == klass]
    return _applicable(judged, same, phase) or _applicable(judged, hosts, phase)


def _applicable(judged: Judged, names: Iterable[str], phase: int) -> set[str]:
    return {
        check for name in names for check, status in judged.get((name, phase), {}).items() if status != "not_applicable"
    }


def _score(counts: Counter[str]) -> dict[str, Any]:
    applicable = counts["pass"] + counts["fail"] + counts["unknown"]
    # Rounded down: 100.0 is said only when everything passed.
    percent = math.floor(1000 * counts["pass"] / applicable) / 10 if applicable else None
    return {"ready_percent": percent, "applicable": applicable} | {
        status: counts[status] for status in ("pass", "fail", "unknown", "waived")
    }
