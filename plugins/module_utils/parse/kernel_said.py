# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Events of the kernel log said in words, by family and by how bad they are."""

from __future__ import annotations

import datetime as dt
from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import kernel_history
from .kernel_patterns import CRITICAL, FAMILIES, INFO, WARNING
from .kernel_unexplained import LEVELLED

Event = Dict[str, Any]

EVENT_LIMIT = 500  # different events kept; a machine in worse shape than that needs no more detail
SHOWN = 8
UNKNOWN = "unknown"
GRADES = (CRITICAL, WARNING, INFO, UNKNOWN)
TOLD = ("xid", "oom")  # families whose information has a check of its own


def iso(at: Optional[float]) -> Optional[str]:
    """Return seconds since the epoch as ISO 8601 in UTC, or ``None`` for what is no time."""
    try:
        return None if at is None else dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%FT%TZ")
    except (ValueError, OverflowError, OSError):
        return None


def found(
    seen: List[Event], complete: bool, booted: Optional[str] = None, levels: bool = True
) -> Mapping[str, Mapping[str, Optional[List[str]]]]:
    """Sort events by family and grade, said in words: ``found["xid"]["critical"] == ["Xid 79 on …: …, 2 times"]``.

    Nothing seen is an empty list only when the log was ``complete``, else ``None``: it cannot be known. The same holds
    for lines that only their level tells, in a log without ``levels``. What is over is in :func:`notes` instead;
    ``booted`` is when the running boot began, ISO 8601.
    """
    sorted_in: Dict[str, Dict[str, Optional[List[str]]]] = {}
    present = [event for event in seen if not event["over"]]
    for family in FAMILIES:
        said = {g: [_say(e, booted) for e in present if e["family"] == family and _grade(e) == g] for g in GRADES}
        blind = () if levels or family not in LEVELLED else (UNKNOWN,)
        sorted_in[family] = {
            grade: _bounded(texts) if texts or (complete and grade not in blind) else None
            for grade, texts in said.items()
        }
    return sorted_in


def notes(seen: Iterable[Event], complete: bool, booted: Optional[str] = None) -> Optional[List[str]]:
    """Say what needs nothing: events that recovered or that a restart cured, and information about the rest."""
    texts = [_say(event, booted) for event in kernel_history.notes(seen, TOLD)]
    return _bounded(texts) if texts or complete else None


def _grade(event: Event) -> str:
    return event["severity"] if event["known"] else UNKNOWN


def _say(event: Event, booted: Optional[str]) -> str:
    times = "once" if event["count"] == 1 else f"{event['count']} times"
    last = f", last {event['last_at']}" if event["last_at"] else ""
    what = event["meaning"] if event["known"] else event["sample"]
    return f"{event['label']}: {what} ({times}{last}{_since(event, booted)})"


def _since(event: Event, booted: Optional[str]) -> str:
    if event["over"] == kernel_history.RECOVERED:
        return ", recovered" + (f" {event['recovered_at']}" if event["recovered_at"] else "")
    if event["this_boot"] is False:
        return f", before the boot of {booted}" if booted else ", before the last boot"
    return ""


def _bounded(texts: List[str]) -> List[str]:
    return texts if len(texts) <= SHOWN else texts[:SHOWN] + [f"and {len(texts) - SHOWN} more"]
