# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The findings of a run in the order in which they want doing; every report that lists them starts here."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping

from .terms import FINDING, PASSED_MUSTER, STATUSES, rank

Run = Mapping[str, Any]

_GRAVITY = {status: place for place, status in enumerate(STATUSES)}


def by_check(run: Run) -> list[dict[str, Any]]:
    """One entry per check that found something, worst first: the check, its status, its rows with their hosts."""
    groups: dict[str, dict[str, Any]] = {}
    for name, row in _rows(run):
        entry = run["catalogue"].get(row["id"], {})
        group = groups.setdefault(row["id"], {"id": row["id"], "check": entry, "rows": [], "hosts": {}})
        group["rows"].append(row)
        group["hosts"].setdefault(name, []).append(row)
    for group in groups.values():
        # A check that fails anywhere ranks as failing; its severity is the worst it has.
        group["severity"], group["status"] = (
            min(group["rows"], key=rank)["severity"],
            "fail" if any(row["status"] == "fail" for row in group["rows"]) else "unknown",
        )
    return sorted(groups.values(), key=lambda group: (*rank(group), -len(group["hosts"]), group["id"]))


def _rows(run: Run) -> Iterator[tuple[str, Run]]:
    for name, host in run["hosts"].items():
        yield from ((name, row) for row in host["results"] if row["status"] in FINDING)
    for row in run["fleet"]:
        if row["status"] in FINDING:
            yield from ((name, row) for name in row["hosts"] or ["fleet"])


def of_rows(rows: Iterable[Run]) -> list[Run]:
    """The fail and unknown rows among these, worst first."""
    return sorted((row for row in rows if row["status"] in FINDING), key=rank)


def worst_by_check(rows: Iterable[Run]) -> dict[str, str]:
    """The worst status of each check, in the order in which the checks come."""
    worst: dict[str, str] = {}
    for row in rows:
        check, status = row["id"], row["status"]
        if check not in worst or _GRAVITY[status] < _GRAVITY[worst[check]]:
            worst[check] = status
    return worst


def count(rows: Iterable[Run]) -> dict[str, int]:
    """How many items stand behind the rows, by status."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + row["items"]
    return counts


def not_ready(run: Run) -> list[str]:
    """The hosts that did not pass muster, in the order of the run."""
    return [name for name, host in run["hosts"].items() if host["verdict"] not in PASSED_MUSTER]


def sentence(row: Run, catalogue: Mapping[str, Any]) -> str:
    """What a row says: its message, else its reason, else the title of its check."""
    return row["message"] or row["reason"] or catalogue.get(row["id"], {}).get("title") or row["id"]
