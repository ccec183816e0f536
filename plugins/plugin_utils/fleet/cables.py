# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cables against the plan: which switch and port each interface ends on, and pairs that were swapped.

What LLDP shows is held against cables that the plan gives a ``switch``, what the InfiniBand fabric shows against those
that it gives an ``ib_switch``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...module_utils.judge.paths import is_missing
from ..files import BadInput, lines
from ..files import entries as entries_of
from ..report.text import natural
from ..schema import hint
from . import fabric as fabrics
from .rows import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Check, Row, found, listed, row
from .samples import Member

End = tuple[str, str]  # host, interface
Plan = Mapping[str, Mapping[str, Mapping[str, str]]]
Seen = dict[str, list[dict[str, Any]]]
SWITCH = {"lldp": "switch", "infiniband": "ib_switch"}


def plan(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return a plan file: host to interface to ``{switch or ib_switch, port}``; the port may be left out."""
    found_entries = entries_of(path)
    if len(found_entries) != 1 or not isinstance(found_entries[0].value, dict):
        raise BadInput(f"{path}: a cable plan is one mapping of hosts")
    where, hosts = found_entries[0].where, found_entries[0].value
    for host, interfaces in hosts.items():
        if not isinstance(interfaces, dict) or not interfaces:
            raise BadInput(f"{where}: {host}: is a mapping of interfaces")
        for name, end in interfaces.items():
            named = [key for key in SWITCH.values() if end.get(key)] if isinstance(end, dict) else []
            if len(named) != 1 or set(end) - {named[0], "port"}:
                raise BadInput(f"{where}: {host}: {name}: is a mapping of switch (or ib_switch) and port, nothing else")
            _check_end(end, (str(host), str(name)), path)
    return {
        str(host): {str(name): {key: str(part) for key, part in end.items()} for name, end in interfaces.items()}
        for host, interfaces in hosts.items()
    }


def _check_end(end: Mapping[str, Any], place: End, path: Path) -> None:
    """Refuse an end whose switch or port is no name and no number."""
    for key, part in end.items():
        if isinstance(part, bool) or not isinstance(part, (str, int)) or not str(part).strip():
            line = lines(path).get((*place, key), 1)
            raise BadInput(
                f"{path}:{line}: {': '.join(place)}: {key} is a text, this is {part!r}; leave out what is any"
            )


def judge(check: Check, members: list[Member], planned: Plan | None, fabric: fabrics.Fabric) -> list[Row]:
    """Every planned interface ends where the plan says; one that shows no neighbour is unknown."""
    if planned is None:
        return [row(check, NOT_APPLICABLE, "not applicable: there is no cable plan (report_cable_plan)")]
    over = check["options"]["over"]
    every, planned = planned, _over(planned, over)
    here = [member for member in members if member.name in planned]
    if not here:
        return [row(check, NOT_APPLICABLE, f"not applicable: the cable plan names no host of this run over {over}")]
    rows = [*_not_in_run(check, members, planned), *_not_planned(check, members, here, every)]
    if over == "infiniband" and fabric.flaw:
        what = f"{check['what']} is unknown: {fabric.flaw}"
        ends = {member.name: list(planned[member.name]) for member in here}
        return [*rows, found(check, UNKNOWN, ends, here, what, reason=what)]
    seen = {member.name: _neighbours(check, member, fabric) for member in here}
    return [*rows, *_held(check, here, planned, seen)]


def _not_in_run(check: Check, members: list[Member], planned: Plan) -> list[Row]:
    """Return a row for the hosts of the plan without facts in the run: not asked, silent, or misspelt in the plan."""
    known = {member.name for member in members}
    absent = sorted((host for host in planned if host not in known), key=natural)
    if not absent:
        return []
    others = known - planned.keys()
    named = listed(f"{host}{hint(host, others).replace('; ', ', ')}" for host in absent)
    said = f"{check['what']} is unknown: the cable plan names hosts that this run has no facts of: {named}"
    return [row(check, UNKNOWN, said, items=len(absent), severity="info")]


def _not_planned(check: Check, members: list[Member], here: list[Member], every: Plan) -> list[Row]:
    """Return a row for the hosts that no line of the plan names while it names others of their class."""
    classes = {member.klass for member in here}
    hit: dict[str, list[str]] = {
        member.name: [] for member in members if member.klass in classes and member.name not in every
    }
    what = f"{check['what']} is unknown: the cable plan names other hosts of its class and not this one"
    return [found(check, UNKNOWN, hit, members, what, severity="minor", reason=what)] if hit else []


def _over(planned: Plan, over: str) -> Plan:
    """Return the part of a plan that runs over Ethernet or InfiniBand, its ends as ``{switch, port}``."""
    key = SWITCH[over]
    part = {
        host: {
            name: {"switch": end[key]} | ({"port": end["port"]} if "port" in end else {})
            for name, end in interfaces.items()
            if key in end
        }
        for host, interfaces in planned.items()
    }
    return {host: interfaces for host, interfaces in part.items() if interfaces}


def _held(check: Check, here: list[Member], planned: Plan, neighbours: Mapping[str, Seen]) -> list[Row]:
    """Hold what hosts show against what is planned for them."""
    wrong: dict[End, list[dict[str, Any]]] = {}
    rows: list[Row] = []
    good = 0
    silent: dict[str, list[str]] = {}
    for member in here:
        seen = neighbours[member.name]
        for name, end in planned[member.name].items():
            if name not in seen:
                silent.setdefault(member.name, []).append(name)
            elif any(_ends_at(neighbour, end) for neighbour in seen[name]):
                good += 1
            else:
                wrong[member.name, name] = seen[name]
    if silent:
        what = f"{check['what']} is unknown: no neighbour is shown, the plan has one"
        rows.append(found(check, UNKNOWN, silent, here, what, reason=what))
    rows += _swapped(check, wrong, planned)
    rows += [_elsewhere(check, end, wrong[end], planned) for end in wrong]
    if good:
        rows.append(row(check, PASS, f"{check['what']}: {good} cables as planned", items=good))
    return rows


def _neighbours(check: Check, member: Member, fabric: fabrics.Fabric) -> Seen:
    seen: Seen = {}
    for value in member.values[check["id"]]:
        if check["options"]["over"] == "infiniband":
            seen |= fabrics.neighbours(fabric, value.value)
            continue
        for neighbour in value.value if isinstance(value.value, list) else ():
            if isinstance(neighbour, dict) and not is_missing(neighbour.get("chassis_name")):
                seen.setdefault(str(neighbour.get("interface")), []).append(neighbour)
    return seen


def _ends_at(neighbour: Mapping[str, Any], end: Mapping[str, str]) -> bool:
    """Say whether a neighbour is the planned one; a switch may be named with or without its domain."""
    if _switch(neighbour["chassis_name"]) != _switch(end["switch"]):
        return False
    ports = {str(neighbour.get(key)).lower() for key in ("port_id", "port_description")}
    return not end.get("port") or end["port"].lower() in ports


def _swapped(check: Check, wrong: dict[End, list[dict[str, Any]]], planned: Plan) -> list[Row]:
    """Take out the pairs that sit on each other's ports, and return a row for each."""
    by_switch: dict[str, list[End]] = {}
    for end in wrong:
        by_switch.setdefault(_switch(planned[end[0]][end[1]]["switch"]), []).append(end)
    rows = []
    for one in list(wrong):
        others = {end for seen in wrong.get(one, ()) for end in by_switch.get(_switch(seen["chassis_name"]), ())}
        for other in sorted(others):
            pair = one in wrong and other in wrong and one != other
            if pair and _sits(wrong[one], other, planned) and _sits(wrong[other], one, planned):
                rows.append(_swap(check, one, other, planned))
                del wrong[one], wrong[other]
    return rows


def _swap(check: Check, one: End, other: End, planned: Plan) -> Row:
    ends = [_end(planned[host][name]) for host, name in (one, other)]
    names = " and ".join(" ".join(end) for end in (one, other))
    hosts = {one[0], other[0]}
    said = f"{names}: {check['what']}s are swapped: {' and '.join(ends)} are each on the other's interface (cable plan)"
    return row(
        check,
        FAIL,
        said,
        hosts,
        item=names,
        items=2,
        scope="hosts" if len(hosts) > 1 else "node",
        observed="swapped",
        expected=" and ".join(ends),
    )


def _sits(seen: list[dict[str, Any]], end: End, planned: Plan) -> bool:
    return any(_ends_at(neighbour, planned[end[0]][end[1]]) for neighbour in seen)


def _switch(name: object) -> str:
    """Return a switch's name without its domain, or without what surrounds it in InfiniBand's descriptions."""
    return fabrics.plain(str(name)).lower().split(".")[0]


def _elsewhere(check: Check, end: End, seen: list[dict[str, Any]], planned: Plan) -> Row:
    host, name = end
    is_at = " and ".join(_end({"switch": str(n["chassis_name"]), "port": str(n.get("port_id") or "")}) for n in seen)
    wanted = _end(planned[host][name])
    said = f"{host} ({name}): {check['what']} ends on {is_at}, expected {wanted} (cable plan)"
    return row(check, FAIL, said, [host], item=name, scope="node", observed=is_at, expected=wanted)


def _end(end: Mapping[str, str]) -> str:
    return f"{end['switch']} {end['port']}" if end.get("port") else end["switch"]
