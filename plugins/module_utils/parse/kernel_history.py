# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of an event: it recovered by itself, the restart after it cured it, or it is as it was.

A restart does not cure everything (``STAYS`` of the table); of NVIDIA's numbers it leaves the faults of parts and of
memory, but for memory errors whose rows were put aside, which is what the restart completes.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from .kernel_kind import INFO
from .kernel_patterns import RECOVERED_LIMIT, escalated, stays

Event = Dict[str, Any]

XID_STAYS = frozenset(
    ["54", "57", "58", "64", "92", "93", "122", "123", "124", "125", "140", "157", "161", "164", "165", "168"]
)
XID_MEMORY = frozenset(["48", "94", "95", "171", "172"])  # cured when what they hit was put aside
XID_PUT_ASIDE = frozenset(["63", "156", "160"])
XID_NOT_PUT_ASIDE = frozenset(["64", "140", "157", "161"])

RECOVERED, BOOTED = "recovered", "booted"


def grade(events: List[Event]) -> None:
    """Give every event its ``over`` (``recovered``, ``booted`` or ``None``) and the severity for its count."""
    numbers = _numbers(events)
    for event in events:
        event["severity"] = escalated(event["family"], event["code"], event["severity"], event["count"])
        event["over"] = _over(event, numbers)


def cured_by_boot(event: Event, beside: Iterable[str] = ()) -> bool:
    """Say whether a restart cures an event; ``beside`` are the Xid numbers that the same GPU reported."""
    if not event["known"]:
        return False
    if event["family"] != "xid":
        return not stays(event["family"], event["code"])
    numbers = set(beside)
    if event["code"] in XID_MEMORY:
        return bool(numbers & XID_PUT_ASIDE) and not numbers & XID_NOT_PUT_ASIDE
    return event["code"] not in XID_STAYS


def _over(event: Event, numbers: Dict[Optional[str], Set[str]]) -> Optional[str]:
    if event["recovered"] and event["spells"] < RECOVERED_LIMIT:
        return RECOVERED
    if event["this_boot"] is False and cured_by_boot(event, numbers.get(event["pci_address"], ())):
        return BOOTED
    return None


def _numbers(events: Iterable[Event]) -> Dict[Optional[str], Set[str]]:
    found: Dict[Optional[str], Set[str]] = {}
    for event in events:
        if event["family"] == "xid":
            found.setdefault(event["pci_address"], set()).add(event["code"])
    return found


def notes(events: Iterable[Event], told: Tuple[str, ...]) -> List[Event]:
    """Return what needs no action: events that are over, and information of families that no check of its own tells."""
    return [event for event in events if event["over"] or (event["severity"] == INFO and event["family"] not in told)]
