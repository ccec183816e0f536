# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why an Instinct card holds back, from the section "throttle" of ``amd-smi metric``. Pure.

ROCm 6 gives one status for each cause, ROCm 7 adds causes with a list for each partition (XCP), one entry for each
engine (XCC) and "N/A" where the partition has none.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from . import clock_reasons
from .three_valued import any_of

STATUS = "_violation_status"
POWER_BRAKE = ("prochot",)
THERMAL = ("socket_thermal", "vr_thermal", "hbm_thermal")
POWER = ("ppt",)
CLOCK_THERMAL, CLOCK_POWER, IDLE = (
    "gfx_clk_below_host_limit_thermal",
    "gfx_clk_below_host_limit_power",
    "low_utilization",
)
SUMMARIES = ("gfx_clk_below_host_limit", "total_gfx_clk_below_host_limit")  # for whatever reason, idleness included
KNOWN = (*POWER_BRAKE, *THERMAL, *POWER, CLOCK_THERMAL, CLOCK_POWER, IDLE, *SUMMARIES)
CALM = ("not active", "inactive")
DEEPEST = 4


def facts(entry: Mapping[str, Any], engines: Optional[int] = None) -> Dict[str, Dict[str, Any]]:
    """Return ``throttle`` and ``clock_reasons`` of a GPU's metrics; ``engines`` is how many XCCs its card has."""
    said = _said(entry.get("throttle"))
    causes = {name: _together(words, engines) for name, words in said.items()}
    had = [name for name in (CLOCK_THERMAL, CLOCK_POWER) if any(word is not None for word in said.get(name, []))]
    brake = any_of(causes.get(name) for name in POWER_BRAKE)
    thermal = any_of(causes.get(name) for name in (*THERMAL, *had) if name != CLOCK_POWER)
    power = any_of(causes.get(name) for name in (*POWER, *had) if name != CLOCK_THERMAL)
    idle = clock_reasons.flag(causes, IDLE)
    explained = any_of([idle, brake, thermal, power])
    odd = clock_reasons.unexplained(causes, KNOWN)
    if odd is not None and explained is False:
        odd = sorted(odd + [name for name in SUMMARIES if causes.get(name) is True])
    return {
        "throttle": {
            "reasons": clock_reasons.active(causes),
            "hw_slowdown": any_of([brake, thermal]),
            "hw_thermal": thermal,
            "hw_power_brake": brake,
            "sw_power_cap": power,
        },
        "clock_reasons": {
            "idle": idle,
            "explained": explained,
            "unexplained": odd,
            "unanswered": clock_reasons.unanswered(causes),
        },
    }


def _said(section: Any) -> Dict[str, List[Any]]:
    """Return for each cause what was said of it, one word for each engine: yes, no, ``None``, or another word."""
    found: Dict[str, List[Any]] = {}
    for name, value in _statuses(section, DEEPEST):
        words = {str(at): _word(leaf) for at, leaf in enumerate(_leaves(value, DEEPEST))}
        found.setdefault(name, []).extend(clock_reasons.of_words(words, calm=CALM).values())
    return found


def _word(leaf: Any) -> str:
    return ("active" if leaf else CALM[0]) if isinstance(leaf, bool) else str(leaf)


def _statuses(section: Any, depth: int) -> Iterator[Tuple[str, Any]]:
    """Yield (cause, what stands for it) wherever a partition's own section may hold it."""
    for key, value in section.items() if isinstance(section, dict) and depth else ():
        if str(key).endswith(STATUS):
            yield str(key)[: -len(STATUS)], value
        else:
            yield from _statuses(value, depth - 1)


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None or not depth:
        yield value
        return
    for each in inner:
        yield from _leaves(each, depth - 1)


def _together(words: List[Any], engines: Optional[int]) -> Any:
    """Return one answer for all engines; the places that a partition does not have may stay silent, no other may."""
    odd = [word for word in words if word is not None and not isinstance(word, bool)]
    told = [word for word in words if word is not None]
    if odd and True not in words:
        return ", ".join(sorted(set(odd)))[:100]
    return any_of(told if engines and len(told) >= engines else words)
