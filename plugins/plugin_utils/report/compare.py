# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run says beside another: the earlier run of the same hosts, and the faults that were planted in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Iterable, Iterator, Mapping

from .terms import FINDING
from .text import natural

Run = Mapping[str, Any]
_RESTATING = ("correlated", "drift")
Found = tuple[str, str, str]  # host, check id, status
Named = dict[tuple[str, "str | None", str], set[str]]  # check, item and status to the hosts named


def changes(run: Run, earlier: Run | Sequence[Run] | None) -> dict[str, Any]:
    """Verdicts that changed, findings that are new and findings that are gone since the runs before.

    ``earlier`` is one run or several, the newest first: each host is compared with the newest that had it, and what
    hosts show beside each other with the newest that had all of those. A finding is gone only when its check was judged
    again; what an unreachable host no longer shows is not cured.
    """
    before = _Before(run, [earlier] if isinstance(earlier, Mapping) else list(earlier or []))
    outcome: dict[str, Any] = {"since": None, "verdicts": [], "new": [], "cleared": []}
    if not before.runs:
        return outcome
    used = []
    for name, host in run["hosts"].items():
        base = before.of_host(name)
        if base is None:
            outcome["verdicts"].append({"host": name, "before": None, "after": host["verdict"]})
            continue
        used.append(base)
        then = base["hosts"][name]
        if then["verdict"] != host["verdict"]:
            outcome["verdicts"].append({"host": name, "before": then["verdict"], "after": host["verdict"]})
        _compare(outcome, name, then["results"], host["results"])
    known = [base for base in before.runs if any(base is one for one in used)]
    outcome["since"] = (known or before.runs)[0].get("run_id")
    if len(known) > 1:
        outcome["runs"] = {str(base.get("run_id")): sum(base is one for one in used) for base in known}
    _compare_beside(outcome, run, before)
    return outcome


class _Before:
    """The runs before, the newest first; a simulated host is never held against a real one."""

    def __init__(self, run: Run, runs: list[Run]):
        self.hosts, self.runs = run["hosts"], runs
        self._of: dict[frozenset[str], Run | None] = {}

    def of_host(self, name: str) -> Run | None:
        """The newest run that had a host."""
        return self.of_hosts({name})

    def of_hosts(self, names: set[str]) -> Run | None:
        """The newest run that had all of these hosts; for none of them, the newest at all."""
        key = frozenset(names)
        if key not in self._of:
            self._of[key] = next((base for base in self.runs if all(self._is_in(base, name) for name in key)), None)
        return self._of[key]

    def _is_in(self, base: Run, name: str) -> bool:
        return _is_same(self.hosts[name], base.get("hosts", {}).get(name))


def _compare(outcome: dict[str, Any], name: str, before: list[Run], after: list[Run]) -> None:
    old, new = _statuses(before), _statuses(after)
    judged = {row["id"] for row in after}
    for (check, item), status in new.items():
        if old.get((check, item)) != status:
            outcome["new"].append({"host": name, "id": check, "item": item, "status": status})
    for (check, item), status in old.items():
        if check in judged and (check, item) not in new:
            outcome["cleared"].append({"host": name, "id": check, "item": item, "status": status})


def _compare_beside(outcome: dict[str, Any], run: Run, before: _Before) -> None:
    """Take over what rows between hosts say anew or no longer; one entry per row, with the hosts for which that is so.

    Only hosts of both runs count, and gone is only what was compared again, with all the hosts it spoke of. Drift is
    not cured by being old.
    """
    same = {name for name in run["hosts"] if before.of_host(name)}
    again = {name for name in same if run["hosts"][name]["reached"]}
    now = _named(run["fleet"])
    for key, hosts in now.items():
        base = before.of_hosts(hosts & same)
        if base is None:
            continue
        old = _named(base.get("fleet") or [])
        fresh = hosts - old.get(key, set())
        if fresh & same or (not hosts and key not in old and run["simulated"] == base.get("simulated", False)):
            outcome["new"].append(_change(key, fresh & same))
    _cleared_beside(outcome, run, before, again, now)


def _cleared_beside(outcome: dict[str, Any], run: Run, before: _Before, again: set[str], now: Named) -> None:
    spared: dict[str, set[str]] = {}
    for row in run["fleet"]:
        if row["status"] == "not_applicable":
            spared.setdefault(row["id"], set()).update(row["hosts"])
    judged = {row["id"] for row in run["fleet"] if row["status"] != "not_applicable"}
    for base in before.runs:
        drifts = {row["id"] for row in base.get("fleet") or [] if row.get("compare") == "drift"}
        for key, hosts in _named(base.get("fleet") or []).items():
            if key[0] not in judged - drifts or not hosts <= again or before.of_hosts(hosts) is not base:
                continue
            still = set().union(*(named for other, named in now.items() if other[:2] == key[:2]))
            gone = hosts - still - spared.get(key[0], set())
            silent = not hosts and not any(other[:2] == key[:2] for other in now)
            if gone or silent:
                outcome["cleared"].append(_change(key, gone))


def _named(rows: Iterable[Run]) -> Named:
    """Findings between hosts: check, item and status to the hosts named."""
    found: Named = {}
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
