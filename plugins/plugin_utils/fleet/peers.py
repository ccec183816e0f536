# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts beside their peers: the value that most have, and numbers far from the median."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from ...module_utils.judge.operators import say
from .rows import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Check, Row, found, listed, row, unit
from .samples import Member, Value

Shown = list[tuple[Member, Value]]
Group = tuple[str, ...]
NORMAL = 1.4826  # MAD of a normal distribution to its standard deviation


def _groups(check: Check, shown: Shown) -> dict[Group, Shown]:
    groups: dict[Group, Shown] = {}
    for member, value in shown:
        names = [str(place) for word, place in (("class", member.klass), ("rack", member.rack)) if word in check["by"]]
        groups.setdefault((*names, *value.group), []).append((member, value))
    return groups


def _hosts(shown: Shown) -> list[Member]:
    return list({member.name: member for member, unused in shown}.values())


def _big_enough(check: Check, shown: Shown) -> tuple[dict[Group, Shown], list[Row]]:
    """Return the groups that can be compared, and a row that names those that are too small."""
    groups = _groups(check, shown)
    least = check["options"]["min_hosts"]
    small = {name: len(_hosts(members)) for name, members in groups.items() if len(_hosts(members)) < least}
    rows = []
    if small:
        told = listed(f"{' '.join(name) or 'all'} ({count})" for name, count in sorted(small.items()))
        hosts = {member.name for name in small for member, unused in groups[name]}
        compared = {member.name for name in groups if name not in small for member, unused in groups[name]}
        said = f"not applicable: {least} hosts are needed to compare, there are fewer of {told}"
        rows.append(row(check, NOT_APPLICABLE, said, hosts - compared))
    return {name: members for name, members in groups.items() if name not in small}, rows


def _passing(check: Check, asked: list[Member], hit: set[str], said: str) -> list[Row]:
    good = len(asked) - len(hit)
    return [row(check, PASS, f"{check['what']}: {said}", items=good)] if good else []


def same(check: Check, shown: Shown) -> list[Row]:
    """Every value is the one that most of its group have; without a majority all of the group differ."""
    groups, rows = _big_enough(check, shown)
    odd: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    usual_values, asked, hit = [], _hosts([pair for members in groups.values() for pair in members]), set()
    for members in groups.values():
        votes: dict[str, int] = {}
        for unused, value in members:
            votes[say(value.value)] = votes.get(say(value.value), 0) + 1
        best = max(votes, key=lambda name: votes[name])
        wins = votes[best] * 2 > len(members)
        hosts = len({member.name for member, value in members if say(value.value) == best})
        usual = f"{best} ({hosts} of {len(_hosts(members))} hosts)" if wins else f"one value, not {len(votes)}"
        usual_values.append(best)
        for member, value in members:
            if say(value.value) != best or not wins:
                key = (str(member.klass), say(value.value), usual)
                odd.setdefault(key, {}).setdefault(member.name, []).append(value.item or "")
                hit.add(member.name)
    for (klass, other, usual), things in odd.items():
        what = f"{check['what']} is {other}{unit(check)}, expected {usual} as its peers of {_peers(check, klass)}"
        rows.append(found(check, FAIL, things, asked, what, observed=other, expected=usual))
    said = f"as most peers have it: {listed(dict.fromkeys(usual_values), 3)}"
    return rows + _passing(check, asked, hit, said)


def _peers(check: Check, klass: str) -> str:
    others = [name for name in check["by"] if name != "class"]
    return f"class {klass}" + (f" and the same {', '.join(others)}" if others else "")


def outlier(check: Check, shown: Shown) -> list[Row]:
    """No value lies farther from its group's median than ``times`` robust deviations, nor than ``floor``.

    The deviation is 1.4826 x MAD. Where more than half of a group is equal it is zero, and ``floor`` alone decides.
    """
    numbers: Shown = []
    wrong: dict[str, list[str]] = {}
    for member, value in shown:
        if isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
            numbers.append((member, value))
        else:
            wrong.setdefault(member.name, []).append(value.item or "")
    groups, rows = _big_enough(check, numbers)
    if wrong:
        said = f"{check['what']} is unknown: not a number"
        rows.append(found(check, UNKNOWN, wrong, _hosts(shown), said, reason=said))
    asked = _hosts([pair for members in groups.values() for pair in members])
    far: dict[tuple[str, str], dict[str, list[str]]] = {}
    seen: dict[tuple[str, str], list[float]] = {}
    middles: dict[tuple[str, str], list[float]] = {}
    for members in groups.values():
        middle, limit = _limits([value.value for unused, value in members], check["options"])
        for member, value in members:
            side = "above" if value.value > middle else "below"
            if abs(value.value - middle) > limit and _counts(side, check["options"]["direction"]):
                key = (str(member.klass), side)
                far.setdefault(key, {}).setdefault(member.name, []).append(_thing(check, value))
                seen.setdefault(key, []).append(value.value)
                middles.setdefault(key, []).append(middle)
    hit = {name for things in far.values() for name in things}
    for (klass, side), things in far.items():
        rows.append(_outlying(check, (klass, side), things, asked, seen[klass, side], middles[klass, side]))
    return rows + _passing(check, asked, hit, f"near the median of {len(groups)} group{'s' * (len(groups) > 1)}")


def _limits(values: list[float], options: Mapping[str, Any]) -> tuple[float, float]:
    middle = median(values)
    spread = NORMAL * median(abs(value - middle) for value in values)
    return middle, max(options["times"] * spread, options["floor"])


def _counts(side: str, direction: str) -> bool:
    return direction in ("both", "high" if side == "above" else "low")


def _thing(check: Check, value: Value) -> str:
    return f"{value.item}: {say(value.value)}{unit(check)}" if value.item else f"{say(value.value)}{unit(check)}"


def _outlying(
    check: Check, key: tuple[str, str], things: dict[str, list[str]], asked: list[Member], seen: list[float],
    middles: list[float],
) -> Row:  # fmt: skip
    klass, side = key
    values = say(seen[0]) if min(seen) == max(seen) else f"{say(min(seen))} to {say(max(seen))}"
    usual = say(middles[0]) if min(middles) == max(middles) else f"{say(min(middles))} to {say(max(middles))}"
    peers = sum(str(member.klass) == klass for member in asked)
    expected = f"near {usual}{unit(check)}, the median of {peers} hosts of class {klass}"
    what = f"{check['what']} is {values}{unit(check)}, far {side} the median; expected {expected}"
    return found(check, FAIL, things, asked, what, observed=values, expected=expected)
