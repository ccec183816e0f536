# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run says beside another: the earlier run of the same hosts, and the faults that were planted in them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable, Iterator, Mapping

from .terms import FINDING
from .text import natural

Run = Mapping[str, Any]
_RESTATING = ("correlated", "drift")
Found = tuple[str, str, str]  # host, check id, status


def changes(run: Run, earlier: Run | None) -> dict[str, Any]:
    """Verdicts that changed, findings that are new and findings that are gone since ``earlier``.

    A finding is gone only when its check was judged again; what an unreachable host no longer shows is not cured.
    """
    outcome: dict[str, Any] = {"since": None, "verdicts": [], "new": [], "cleared": []}
    if not earlier:
        return outcome
    outcome["since"] = earlier.get("run_id")
    for name, host in run["hosts"].items():
        before = earlier.get("hosts", {}).get(name)
        if before is None or not _is_same(host, before):
            outcome["verdicts"].append({"host": name, "before": None, "after": host["verdict"]})
            continue
        if before["verdict"] != host["verdict"]:
            outcome["verdicts"].append({"host": name, "before": before["verdict"], "after": host["verdict"]})
        _compare(outcome, name, before["results"], host["results"])
    _compare_beside(outcome, run, earlier)
    return outcome


def _compare(outcome: dict[str, Any], name: str, before: list[Run], after: list[Run]) -> None:
    old, new = _statuses(before), _statuses(after)
    judged = {row["id"] for row in after}
    for (check, item), status in new.items():
        if old.get((check, item)) != status:
            outcome["new"].append({"host": name, "id": check, "item": item, "status": status})
    for (check, item), status in old.items():
        if check in judged and (check, item) not in new:
            outcome["cleared"].append({"host": name, "id": check, "item": item, "status": status})


def _compare_beside(outcome: dict[str, Any], run: Run, earlier: Run) -> None:
    """Take over what rows between hosts say anew or no longer; one entry per row, with the hosts for which that is so.

    Only hosts of both runs count, and gone is only what was compared again. Drift is not cured by being old.
    """
    old, new = _named(earlier.get("fleet") or []), _named(run["fleet"])
    both = {name for name, host in run["hosts"].items() if _is_same(host, earlier.get("hosts", {}).get(name))}
    again = {name for name in both if run["hosts"][name]["reached"]}
    spared: dict[str, set[str]] = {}
    for row in run["fleet"]:
        if row["status"] == "not_applicable":
            spared.setdefault(row["id"], set()).update(row["hosts"])
    judged = {row["id"] for row in run["fleet"] if row["status"] != "not_applicable"}
    drifts = {row["id"] for row in earlier.get("fleet") or [] if row.get("compare") == "drift"}
    for key, hosts in new.items():
        fresh = hosts - old.get(key, set())
        if fresh & both or (not hosts and key not in old and run["simulated"] == earlier.get("simulated", False)):
            outcome["new"].append(_change(key, fresh & both))
    for key, hosts in old.items():
        still = set().union(*(named for other, named in new.items() if other[:2] == key[:2]))
        gone = (hosts & again) - still - spared.get(key[0], set())
        silent = not hosts and not any(other[:2] == key[:2] for other in new)
        if key[0] in judged - drifts and (gone or silent):
            outcome["cleared"].append(_change(key, gone))


def _named(rows: Iterable[Run]) -> dict[tuple[str, str | None, str], set[str]]:
    """Findings between hosts: check, item and status to the hosts named."""
    found: dict[tuple[str, str | None, str], set[str]] = {}
    for row in rows:
        if row["status"] in FINDING:
            found.setdefault((row["id"], row["item"], row["status"]), set()).update(row["hosts"])
    return found


def _is_same(host: Run, before: Run | None) -> bool:
    return before is not None and before.get("simulated", False) == host["simulated"]


def _change(key: tuple[str, str | None, str], hosts: set[str]) -> dict[str, Any]:
    check, item, status = key
    names = sorted(hosts, key=natural)
    host = names[0] if len(names) == 1 else "fleet"
    return {"host": host, "id": check, "item": item, "status": status, "hosts": names}


def _statuses(rows: Iterable[Run]) -> dict[tuple[str, str | None], str]:
    return {(row["id"], row["item"]): row["status"] for row in rows if row["status"] in FINDING}


def planted(run: Run, phase_of: Mapping[str, int]) -> dict[str, Any] | None:
    """Whether the findings of the hosts that declare planted faults are exactly those; None when no host does.

    What a phase that was not reached would have found is not asked for, nor a comparison that too few hosts allowed.
    ``phase_of`` gives the phase of a check id. Of the checks between hosts, those count that compare hosts as they
    are: a cause restates findings that are counted already, drift speaks of what was planted before, and ``info`` is
    said of hosts whose own findings explain it.
    """
    declared = {name: host for name, host in run["hosts"].items() if host["planted"] is not None}
    if not declared:
        return None
    wanted = {found for name, host in declared.items() for found in _wanted(name, host, phase_of)}
    seen = {found for name, host in declared.items() for found in _seen(name, host)}
    beside, shown = _beside(declared, run["fleet"])
    wanted |= beside
    seen |= shown
    return {
        "equal": wanted == seen,
        "planted": len(wanted),
        "found": len(wanted & seen),
        "missed": _listed(wanted - seen),
        "extra": _listed(seen - wanted),
    }


def _wanted(name: str, host: Run, phase_of: Mapping[str, int]) -> Iterator[Found]:
    for check, status in (host["planted"].get("finds") or {}).items():
        if not _not_reached(host, phase_of.get(check)):
            yield name, check, status


def _beside(declared: Mapping[str, Run], rows: list[Run]) -> tuple[set[Found], set[Found]]:
    """What was planted and shows beside other hosts only, and what did show.

    A host is asked for it where it was compared. Where half of a class have the same fault, what is usual turns over:
    then its healthy hosts may be the odd ones, and nothing is asked of that class.
    """
    asked = {row["id"] for row in rows}
    planted: dict[tuple[Any, str], list[Found]] = {}
    for name, host in declared.items():
        for check, status in (host["planted"].get("fleet") or {}).items():
            planted.setdefault((host["class"], check), []).append((name, check, status))
    size = Counter(host["class"] for host in declared.values() if host["reached"])
    turned = {key for key, found in planted.items() if 2 * len(found) >= size[key[0]]}
    spared = {
        (name, row["id"]) for row in rows if row["status"] == "not_applicable" for name in row["hosts"] or declared
    }
    wanted = {
        found for key, every in planted.items() for found in every
        if key[1] in asked and key not in turned and found[:2] not in spared
    }  # fmt: skip
    seen = {found for found in _seen_in_fleet(rows) if found[0] in declared}
    return wanted, {found for found in seen if (declared[found[0]]["class"], found[1]) not in turned}


def _seen(name: str, host: Run) -> Iterator[Found]:
    for row in host["results"]:
        if row["status"] in FINDING and not _not_reached(host, row["phase"]):
            yield name, row["id"], row["status"]


def _seen_in_fleet(rows: Iterable[Run]) -> Iterator[Found]:
    for row in rows:
        if row["status"] in FINDING and row["severity"] != "info" and row.get("compare") not in _RESTATING:
            yield from ((name, row["id"], row["status"]) for name in row["hosts"])


def _not_reached(host: Run, phase: int | None) -> bool:
    return host["phases"].get(str(phase)) == "not_reached"


def _listed(found: Iterable[Found]) -> list[dict[str, str]]:
    return [{"host": host, "id": check, "status": status} for host, check, status in sorted(found)]
