# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is not as it was in the last accepted run: versions, counts, parts that were replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...module_utils.judge.operators import say
from .rows import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Check, Row, found, listed, row, unit
from .samples import Member, Value

Accepted = Mapping[str, tuple[str, Mapping[str, tuple[Value, ...]]]]
NONE = "nothing"


def judge(check: Check, members: list[Member], accepted: Accepted) -> list[Row]:
    """Every value is the one of the last accepted run; a value that was there and is not is unknown."""
    known = [member for member in members if check["id"] in accepted.get(member.name, ("", {}))[1]]
    if not known:
        return [row(check, NOT_APPLICABLE, "not applicable: there is no accepted run of these hosts to compare with")]
    changed: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    gone: dict[bool, dict[str, list[str]]] = {}
    same = 0
    for member in known:
        then, now = _by_item(accepted[member.name][1][check["id"]]), _by_item(member.values[check["id"]])
        lost, other = _difference(then, now)
        if lost:
            gone.setdefault(member.troubled, {})[member.name] = lost
        for item, before, after in other:
            key = (str(member.klass), *_alike(check, before, after))
            changed.setdefault(key, {}).setdefault(member.name, []).append(_told(check, item, before, after))
        same += not lost and not other
    since = listed(sorted({accepted[member.name][0] for member in known}), 2)
    rows = [_missing(check, hit, known, since, troubled) for troubled, hit in gone.items()]
    rows += [_changed(check, key, hit, known, since) for key, hit in changed.items()]
    if same:
        rows.append(row(check, PASS, f"{check['what']}: as in run {since}", items=same))
    return rows


def _by_item(values: tuple[Value, ...]) -> dict[str, str | None]:
    """Return item to value, None where it is missing; things that share a name count through."""
    found_items: dict[str, str | None] = {}
    for value in values:
        name, number = value.item or "", 2
        while name in found_items:
            name, number = f"{value.item or ''} #{number}", number + 1
        found_items[name] = None if value.missing else say(value.value)
    return found_items


def _difference(
    then: Mapping[str, str | None], now: Mapping[str, str | None]
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the items whose value is not told any more, and (item, before, after) of those that changed."""
    blind = "" in now and now[""] is None  # nothing at all is shown: that is no change of anything
    lost = [item for item, value in then.items() if value is not None and (blind or now.get(item, NONE) is None)]
    other = [
        (item, then.get(item) or NONE, now.get(item, NONE) or NONE)
        for item in dict.fromkeys([*then, *now])
        if item not in lost and not blind and then.get(item) != now.get(item) and now.get(item, NONE) is not None
    ]
    first_seen = [entry for entry in other if entry[0] in then and then[entry[0]] is None]
    return lost, [entry for entry in other if entry not in first_seen]


def _alike(check: Check, before: str, after: str) -> tuple[str, str]:
    """Return what makes two changes the same one: the values, but for parts, whose numbers all differ."""
    return ("", "") if check["options"]["change"] == "part" else (before, after)


def _told(check: Check, item: str, before: str, after: str) -> str:
    return f"{item}: {before} to {after}".lstrip(": ") if check["options"]["change"] == "part" else item


def _missing(check: Check, hit: dict[str, list[str]], known: list[Member], since: str, troubled: bool) -> Row:
    what = f"{check['what']} is unknown: it had a value in run {since}" + ("; its own findings say more" * troubled)
    more: dict[str, Any] = {"severity": "info"} if troubled else {}
    return found(check, UNKNOWN, hit, known, what, reason=what, **more)


def _changed(
    check: Check, key: tuple[str, str, str], hit: dict[str, list[str]], known: list[Member], since: str
) -> Row:
    unused, before, after = key
    if check["options"]["change"] == "part":
        what = f"{check['what']}: replaced, added or taken out since run {since}"
        return found(check, FAIL, hit, known, what, observed="changed", expected=f"as in run {since}")
    what = f"{check['what']} is {after}{unit(check)}, it was {before}{unit(check)} in run {since}"
    return found(check, FAIL, hit, known, what, observed=after, expected=f"{before} (run {since})")
