# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judgements that data cannot state: topology, symmetry, comparisons across lists. One registered function each.

A function gets facts, profile values and the check's ``with`` mapping, and returns a list of :class:`Finding`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from .paths import around, is_missing, items


class Finding(NamedTuple):
    """What a function found for one item; ``ok`` None means unknown, and ``reason`` then says why."""

    item: Optional[str]
    ok: Optional[bool]
    observed: Any = None
    expected: Any = None
    reason: Optional[str] = None


Function = Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], List[Finding]]
FUNCTIONS: Dict[str, Function] = {}


def function(name: str) -> Callable[[Function], Function]:
    """Register a judgement under the name that checks call it by."""

    def register(judgement: Function) -> Function:
        FUNCTIONS[name] = judgement
        return judgement

    return register


@function("majority")
def majority(facts: Mapping[str, Any], profile: Mapping[str, Any], options: Mapping[str, Any]) -> List[Finding]:
    """Every item of ``with.subject`` has the value that most of them have (it takes at least three for a majority)."""
    found = items(facts, options["subject"])
    lacking = [item for item in found if item.missing]
    if lacking or len(found) < 3:
        reason = lacking[0].missing if lacking else f"only {len(found)} values: no majority to compare with"
        return [Finding(lacking[0].label if lacking else None, None, reason=reason)]
    counts: Dict[str, int] = {}
    for item in found:
        counts[repr(item.value)] = counts.get(repr(item.value), 0) + 1
    best, votes = max(counts.items(), key=lambda pair: pair[1])
    if votes * 2 <= len(found):
        return [Finding(None, None, reason=f"no majority among {len(found)} values")]
    usual = next(item.value for item in found if repr(item.value) == best)
    return [Finding(item.label, repr(item.value) == best, item.value, usual) for item in found]


@function("balanced")
def balanced(facts: Mapping[str, Any], profile: Mapping[str, Any], options: Mapping[str, Any]) -> List[Finding]:
    """The items of ``with.subject`` spread evenly over the values of ``with.over`` (devices over NUMA nodes)."""
    counts: Dict[Any, int] = {}
    for item in items(facts, options["subject"]):
        place = None if item.missing else around(item, options["over"])
        if item.missing or is_missing(place):
            return [Finding(item.label, None, reason=item.missing or f"{options['over']} has no value")]
        counts[place] = counts.get(place, 0) + 1
    spread = {str(place): number for place, number in sorted(counts.items(), key=lambda pair: str(pair[0]))}
    return [Finding(None, max(counts.values()) - min(counts.values()) <= 1, spread, "an even spread")]
