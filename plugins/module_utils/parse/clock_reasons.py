# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why an accelerator's clock is not higher, from causes that are each active, not active or unanswered. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from .three_valued import any_of

# Causes of NVIDIA, as nvidia-smi spells them; bits are those of NVML. The last two are of older drivers only, and
# nothing here knows what to make of them: they are known by name, and stay unexplained.
BITS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clocks_setting",
}
OLDER_BITS = {0x200: "board_limit", 0x400: "reliability"}
LIMITS = ("sw_power_cap", "hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown")
NO_ANSWER = ("", "n/a", "[n/a]", "none", "not supported", "[not supported]", "unknown error", "[unknown error]")
Causes = Mapping[str, Any]


def of_mask(mask: int) -> Dict[str, bool]:
    """Return every cause of an NVML mask; a bit that has no name here goes by its value."""
    causes = {name: bool(mask & bit) for bit, name in BITS.items()}
    rest = mask & ~sum(BITS)
    for bit in (1 << place for place in range(rest.bit_length())):
        if rest & bit:
            causes[OLDER_BITS.get(bit, f"bit_{bit:#x}")] = True
    return causes


def of_words(said: Mapping[str, str], active: str = "active", calm: Iterable[str] = ("not active",)) -> Dict[str, Any]:
    """Return causes by what a tool says of each: yes, no, ``None`` for no answer, and any other word as it stands."""
    meanings: Dict[str, Any] = {active: True, **dict.fromkeys(calm, False), **dict.fromkeys(NO_ANSWER)}
    return {name: meanings.get(word.strip().lower(), word.strip()) for name, word in said.items()}


def throttle(causes: Causes) -> Dict[str, Any]:
    """Return the active causes by name and the ones that matter as flags, for NVIDIA; unknown where unanswered."""
    return {
        "reasons": active(causes),
        "hw_slowdown": flag(causes, "hw_slowdown"),
        "hw_thermal": flag(causes, "hw_thermal_slowdown"),
        "hw_power_brake": flag(causes, "hw_power_brake_slowdown"),
        "sw_thermal": flag(causes, "sw_thermal_slowdown"),
        "sw_power_cap": flag(causes, "sw_power_cap"),
    }


def clock_reasons(causes: Causes) -> Dict[str, Any]:
    """Return what the causes say about the clocks of a GPU of NVIDIA."""
    idle = flag(causes, "gpu_idle")
    return {
        "idle": idle,
        "applications": flag(causes, "applications_clocks_setting"),
        "sync_boost": flag(causes, "sync_boost"),
        "explained": any_of([idle, *(flag(causes, name) for name in LIMITS)]),
        "unexplained": unexplained(causes, BITS.values()),
        "unanswered": unanswered(causes),
    }


def flag(causes: Causes, name: str) -> Optional[bool]:
    """Return whether a cause is active; unknown when it was not asked, not answered, or answered in other words."""
    value = causes.get(name)
    return value if isinstance(value, bool) else None


def answered(causes: Causes) -> bool:
    """Return whether any cause gave an answer."""
    return any(value is not None for value in causes.values())


def active(causes: Causes) -> Optional[List[str]]:
    """Return the names of the active causes; ``None`` when none gave an answer."""
    return sorted(name for name, value in causes.items() if value is True) if answered(causes) else None


def unanswered(causes: Causes) -> List[str]:
    """Return the names of the causes that gave no answer."""
    return sorted(name for name, value in causes.items() if value is None)


def unexplained(causes: Causes, known: Iterable[str]) -> Optional[List[str]]:
    """Return the active causes whose names are not known, and every answer in a word that is not known."""
    names = set(known)
    odd = [f"{name}: {value}" for name, value in causes.items() if value is not None and not isinstance(value, bool)]
    return sorted([name for name in active(causes) or [] if name not in names] + odd) if answered(causes) else None
