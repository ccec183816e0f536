# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One verification's comparison: which hosts can be compared in what, and which function compares them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from . import cables, correlated, drift, peers, unique
from .fabric import Fabric
from .rows import NOT_APPLICABLE, UNKNOWN, Check, Row, found, listed, row
from .samples import Member, Value

SHOWN_OF_A_CHECK = ("title", "what", "severity", "phase", "source", "why", "fix", "covers")
Shown = list[tuple[Member, Value]]


class Ground(NamedTuple):
    """What a comparison stands on besides the hosts' facts.

    ``records``: host to its entry in the run. ``plan``: host to interface to ``{"switch", "port"}``, None without a
    plan. ``accepted``: host to (run id, values by check id) of the last run that was accepted, where there is one.
    ``fabric``: what InfiniBand shows of its cables.
    """

    records: Mapping[str, Mapping[str, Any]]
    at: str
    plan: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None
    accepted: Mapping[str, tuple[str, Mapping[str, tuple[Value, ...]]]] = {}
    fabric: Fabric = Fabric()


def judge(checks: Iterable[Check], members: list[Member], ground: Ground) -> list[Row]:
    """Return the rows of ``run["fleet"]``, every check with at least one."""
    rows: list[Row] = []
    for check in checks:
        try:
            rows += _judged(check, members, ground)
        except Exception as error:  # a defect in a check must cost that check its answer, not the run
            said = f"{check['what']} is unknown: the check itself failed: {type(error).__name__}: {error}"
            rows.append(row(check, UNKNOWN, said))
    return [{**entry, "at": ground.at} for entry in rows]


def entries(checks: Iterable[Check]) -> dict[str, Any]:
    """Return what a report tells of the checks, by id."""
    return {check["id"]: {key: check[key] for key in SHOWN_OF_A_CHECK} for check in checks}


def _judged(check: Check, members: list[Member], ground: Ground) -> list[Row]:
    if check["compare"] == "correlated":
        return correlated.judge(check, ground.records)
    if check["compare"] == "cable_plan":
        return cables.judge(check, members, ground.plan, ground.fabric)
    if check["compare"] == "drift":
        return drift.judge(check, members, ground.accepted)
    shown, rows = _shown(check, members)
    return rows + COMPARISONS[check["compare"]](check, shown)


COMPARISONS: dict[str, Callable[[Check, Shown], list[Row]]] = {
    "same_as_peers": peers.same,
    "outlier": peers.outlier,
    "unique": unique.judge,
}


def _shown(check: Check, members: list[Member]) -> tuple[Shown, list[Row]]:
    """Return the values that there are, and a row for those that are missing.

    What no machine of a class shows is no part of that class, and nothing to compare. A host whose own findings are
    grave is told of, but is not found fault with again.
    """
    silent = _silent(check, members)
    shown: Shown = []
    missing: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    why = ""
    for member in members:
        for value in member.values[check["id"]]:
            if not value.missing:
                shown.append((member, value))
            elif (member.klass, value.item) not in silent and (member.klass, None) not in silent:
                missing[member.troubled].setdefault(member.name, []).append(value.item or "")
                why = why or value.missing
    rows = []
    for troubled, hit in missing.items():
        if hit:
            more = {"severity": "info"} if troubled else {}
            said = f"{check['what']} is unknown: {why}" + ("; its own findings say more" if troubled else "")
            rows.append(found(check, UNKNOWN, hit, members, said, reason=said, **more))
    if not shown and not rows:
        classes = sorted({str(member.klass) for member in members})
        rows.append(row(check, NOT_APPLICABLE, f"not applicable: no host shows any ({listed(classes)})"))
    return shown, rows


def _silent(check: Check, members: list[Member]) -> set[tuple[str | None, str | None]]:
    """Return (class, item) where none of a class shows a value though most have the item; item None: none at all."""
    size: dict[str | None, int] = {}
    have: dict[tuple[str | None, str | None], int] = {}
    speak: set[tuple[str | None, str | None]] = set()
    for member in members:
        size[member.klass] = size.get(member.klass, 0) + 1
        for value in {value.item: value for value in member.values[check["id"]]}.values():
            have[member.klass, value.item] = have.get((member.klass, value.item), 0) + 1
        for value in member.values[check["id"]]:
            if not value.missing:
                speak |= {(member.klass, value.item), (member.klass, None)}
    quiet = {place for place, count in have.items() if place not in speak and count * 2 > size[place[0]]}
    return quiet | {(klass, None) for klass in size if (klass, None) not in speak}
