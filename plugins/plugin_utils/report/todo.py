# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What needs doing first: findings by check, one cause told once, hosts that are silent among them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping

from . import findings
from .terms import rank

Run = Mapping[str, Any]

SAME_CAUSE = 3  # from so many unknown rows on, one cause is told once
ROWS_PER_FINDING = 6
HOSTS_PER_FINDING = 30
UNSEEN = "Find out why the source does not answer; none of these checks can pass until it does."
UNSHOWN = (
    "Name evidence for each or have it attested; what this site lives without is waived, by a person and for a time."
)
NO_HOST = "fleet"  # stands for rows that name no host
# "nic.ports has no value (ethtool: not found)": what is in parentheses made it and its neighbours unknown.
_CAUSE = re.compile(r" has no value \((.*)\)$", re.DOTALL)


def build(run: Run) -> list[dict[str, Any]]:
    """Findings by check, with unknowns of one cause told once and silent hosts among them; worst first."""
    shared = {NO_HOST: causes_of(row for row in run["fleet"] if not row["hosts"])}
    shared |= {name: causes_of(host["results"]) for name, host in run["hosts"].items()}
    causes: dict[str | None, list[tuple[str, Run]]] = {}
    entries = []
    for group in findings.by_check(run):
        own: dict[str, list[Run]] = {}
        for name, row in _of_answering(group, run["hosts"]):
            cause = cause_of(row)
            if cause in shared.get(name, ()):
                causes.setdefault(cause, []).append((name, row))
            else:
                own.setdefault(name, []).append(row)
        if own:
            entries.append(_of_check(group, own))
    entries += [_of_cause(reason, rows, run["catalogue"]) for reason, rows in causes.items()] + _silent(run)
    return sorted(entries, key=lambda entry: (*rank(entry), -len(entry["hosts"])))


def _of_answering(group: Run, hosts: Mapping[str, Run]) -> Iterator[tuple[str, Run]]:
    for name, rows in group["hosts"].items():
        if name not in hosts or hosts[name]["reached"]:
            yield from ((name, row) for row in rows)


def _of_check(group: Run, hosts: Mapping[str, list[Run]]) -> dict[str, Any]:
    check, rows = group["check"], [row for rows in hosts.values() for row in rows]
    return {
        "id": group["id"], "title": check.get("title") or group["id"], "severity": min(rows, key=rank)["severity"],
        "status": "fail" if any(row["status"] == "fail" for row in rows) else "unknown", "phase": rows[0]["phase"],
        "why": check.get("why"), "fix": check.get("fix"), "source": check.get("source"), "checks": [],
        "hosts": {name: [findings.sentence(row, {}) for row in rows] for name, rows in hosts.items()},
    }  # fmt: skip


def _of_cause(reason: str | None, rows: list[tuple[str, Run]], catalogue: Mapping[str, Any]) -> dict[str, Any]:
    checks = {row["id"]: catalogue.get(row["id"], {}).get("title") or row["id"] for _name, row in rows}
    of_site = all(name == NO_HOST for name, _row in rows)
    title = f"{len(checks)} {'items of the site are not shown' if of_site else 'checks could not be made'}: {reason}"
    return {
        "id": None, "title": title, "status": "unknown", "phase": None, "why": None, "source": None,
        "severity": min((row for _name, row in rows), key=rank)["severity"], "checks": list(checks.values()),
        "fix": UNSHOWN if of_site else UNSEEN, "hosts": {name: [] for name, _row in rows},
    }  # fmt: skip


def _silent(run: Run) -> list[dict[str, Any]]:
    silent: dict[str | None, dict[str, list[str]]] = {}
    for name, host in run["hosts"].items():
        if not host["reached"]:
            silent.setdefault(host.get("fix"), {})[name] = [host["reason"] or "it did not answer"]
    return [
        {
            "id": None,
            "title": f"{len(hosts)} host{'s' * (len(hosts) > 1)} could not be judged",
            "severity": "critical",
            "status": "unknown",
            "phase": None,
            "source": None,
            "checks": [],
            "hosts": hosts,
            "fix": fix,
            "why": "A host that is silent is not ready, whatever it was yesterday.",
        }
        for fix, hosts in silent.items()
    ]


def entry_of(entry: dict[str, Any], anchors: Mapping[str, str], number: int) -> dict[str, Any]:
    """An entry with its hosts grouped by what is said of them, so that one sentence is not repeated for each."""
    said: dict[tuple[str, ...], list[tuple[str, str | None]]] = {}
    for name, told in entry["hosts"].items():
        said.setdefault(tuple(told), []).append((name if name in anchors else "the run", anchors.get(name)))
    groups = [
        {"message": told[0] if told else "", "more": max(0, len(told) - 1), "count": len(hosts)}
        | {"hosts": hosts[:HOSTS_PER_FINDING], "cut": max(0, len(hosts) - HOSTS_PER_FINDING)}
        for told, hosts in said.items()
    ]
    beyond = [host for hosts in list(said.values())[ROWS_PER_FINDING:] for host in hosts]
    return entry | {
        "anchor": f"todo-{number}",
        "told": groups[:ROWS_PER_FINDING],
        "rest": beyond[:HOSTS_PER_FINDING],
        "cut": max(0, len(beyond) - HOSTS_PER_FINDING),
        "anchors": " ".join(anchors[name] for name in entry["hosts"] if name in anchors),
        "count": sum(name in anchors for name in entry["hosts"]),
    }


def cause_of(row: Run) -> str | None:
    """Why a row is unknown, without what only concerns this row."""
    if row["status"] != "unknown" or not row["reason"]:
        return None
    within = _CAUSE.search(row["reason"])
    return within[1] if within else row["reason"]


def causes_of(rows: Iterable[Run]) -> set[str]:
    """The causes for which many checks of a host are unknown at once."""
    causes = Counter(filter(None, map(cause_of, rows)))
    return {cause for cause, count in causes.items() if count >= SAME_CAUSE}
