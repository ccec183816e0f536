# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows that checks between hosts lead to, and the words that all of them use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ...module_utils.judge.results import FAIL, NOT_APPLICABLE, PASS, UNKNOWN
from ..report.text import natural
from .samples import Member
from .scope import Reach, reach, say

SHOWN = 6
Check = Mapping[str, Any]
Row = dict[str, Any]

__all__ = ["FAIL", "NOT_APPLICABLE", "PASS", "SHOWN", "UNKNOWN", "found", "listed", "row", "unit"]


def row(check: Check, status: str, message: str, hosts: Iterable[str] = (), **more: Any) -> Row:
    """Return a row of ``run["fleet"]``; ``hosts`` are those it speaks of, none means all that were compared."""
    return {
        "id": check["id"],
        "item": None,
        "items": 1,
        "status": status,
        "severity": check["severity"],
        "phase": check["phase"],
        "observed": None,
        "expected": None,
        "message": message,
        "source": "facts of the run",
        "threshold_from": check["source"],
        "reason": message if status in (UNKNOWN, NOT_APPLICABLE) else None,
        "hosts": sorted(hosts, key=natural),
        "compare": check["compare"],
        "scope": None,
        **more,
    }


def found(
    check: Check, status: str, hit: Mapping[str, Collection[str]], asked: list[Member], what: str, **more: Any
) -> Row:
    """Return the one row of a finding that ``hit`` (host to the things on it) of the hosts ``asked`` have."""
    how_far: Reach = reach(hit, asked)
    things = {host: [thing for thing in parts if thing] for host, parts in hit.items()}
    told = [f"{host} ({listed(parts, 4)})" if parts else host for host, parts in sorted_by_host(things)]
    who = told[0] if len(told) == 1 else f"{say(how_far, hit, asked)}: {listed(told)}"
    return row(
        check,
        status,
        f"{who}: {what}",
        hit,
        items=sum(max(1, len(parts)) for parts in things.values()),
        item=how_far.name or None,
        scope=how_far.scope,
        **more,
    )


def sorted_by_host(things: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the entries in the order of host names as people count."""
    return sorted(things.items(), key=lambda entry: natural(entry[0]))


def listed(parts: Iterable[str], most: int = SHOWN) -> str:
    """List some and count the rest."""
    every = list(parts)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def unit(check: Check) -> str:
    """Return what goes behind a value."""
    return f" {check['unit']}" if check["unit"] else ""
