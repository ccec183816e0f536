# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run leaves open, for the decision to go live: findings, checks nobody judged, waivers with their end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .report import findings
from .report.text import plain

Run = Mapping[str, Any]
_UNTIL = re.compile(r"until (\d{4}-\d{2}-\d{2})(?::|$)")


def findings_of(run: Run) -> list[dict[str, Any]]:
    """Return one entry per check that is red or unknown, worst first, by the worst severity any of its rows has."""
    return [
        {
            "id": group["id"],
            "title": group["check"].get("title") or group["id"],
            "severity": group["severity"],
            "status": group["status"],
            "hosts": list(group["hosts"]),
            "message": plain(findings.sentence(group["rows"][0], run["catalogue"]), 300),
        }
        for group in findings.by_check(run)
    ]


def unjudged(run: Run, severity: str) -> list[tuple[str, list[str]]]:
    """Return the checks of the catalogue without an answer, each with the hosts that owe it.

    A host owes a check that nobody in the run answers, or that another host of its class does: catalogues may differ
    between classes, and a run may have been cut to some domains or phases.
    """
    answered = {name: {row["id"] for row in host["results"]} for name, host in run["hosts"].items() if host["reached"]}
    of_fleet = {row["id"] for row in run["fleet"]}
    by_class: dict[Any, set[str]] = {}
    for name, ids in answered.items():
        by_class.setdefault(run["hosts"][name].get("profile"), set()).update(ids)
    everywhere = set().union(*by_class.values())
    owed = []
    for check, entry in run["catalogue"].items():
        if entry.get("severity") == severity and check not in of_fleet:
            hosts = [
                name
                for name, ids in answered.items()
                if check not in ids
                and (check not in everywhere or check in by_class[run["hosts"][name].get("profile")])
            ]
            owed += [(check, hosts)] if hosts else []
    return owed


def waivers_of(run: Run, today: str) -> list[dict[str, Any]]:
    """Return what was waived, with the hosts, the end and whether it has passed; ``today`` is YYYY-MM-DD."""
    found: dict[tuple[str, str | None, str], dict[str, Any]] = {}
    for name, row in _waived(run):
        reason = plain(row["reason"] or row["message"], 500)
        until = _UNTIL.search(reason)
        end = until.group(1) if until else None
        entry = found.setdefault(
            (row["id"], row["item"], reason),
            {"check": row["id"], "item": row["item"], "severity": row["severity"], "hosts": [], "reason": reason}
            | {"expires": end, "expired": end is None or end < today},
        )
        entry["hosts"].append(name)
    return sorted(found.values(), key=lambda entry: (entry["expires"] or "", entry["check"], entry["item"] or ""))


def expired(waivers: list[dict[str, Any]], severity: str) -> list[str]:
    """Return why waivers of this severity no longer excuse anything."""
    return [
        f"the waiver of {severity} check {waiver['check']} "
        + (f"expired on {waiver['expires']}" if waiver["expires"] else "names no end")
        for waiver in waivers
        if waiver["expired"] and waiver["severity"] == severity
    ]


def _waived(run: Run) -> Iterator[tuple[str, Run]]:
    for name, host in run["hosts"].items():
        yield from ((name, row) for row in host["results"] if row["status"] == "waived")
    for row in run["fleet"]:
        if row["status"] == "waived":
            yield from ((name, row) for name in row["hosts"] or ["fleet"])
