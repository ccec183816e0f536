# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What many lines show together: one GPU that meets errors of many programs, and one that repeats an error."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Set

from . import xid
from .kernel_kind import WARNING

Event = Dict[str, Any]

PROGRAMS = 10  # different processes on one GPU, before it is the GPU and not a program
QUIET_SHARE = 10  # a neighbour is quiet when it has less than a tenth of that
REPEATS = 10  # the same warning on one GPU in one window
PID_LIMIT = 1000  # different processes remembered for one event

_PID = re.compile(r"\bpid='?(\d+)")


def pid(text: str) -> Optional[str]:
    """Return the process that an error line names, if it names one."""
    found = _PID.search(text)
    return found[1] if found and found[1] != "0" else None


def patterns(events: Iterable[Event]) -> List[Event]:
    """Return the events that only many events together make."""
    seen = [event for event in events if event["family"] == "xid"]
    return _spread(seen) + _rate(seen)


def _application(event: Event) -> bool:
    entry = xid.XID.get(int(event["code"]))
    return bool(entry and entry.severity == xid.INFO and entry.action in (xid.APP, xid.ENGINE))


def _spread(seen: List[Event]) -> List[Event]:
    by_gpu: Dict[str, List[Event]] = {}
    for event in seen:
        if _application(event):
            by_gpu.setdefault(event["pci_address"], []).append(event)
    programs = {gpu: set().union(*(event["pids"] for event in own)) for gpu, own in by_gpu.items()}
    found = []
    for gpu, own in by_gpu.items():
        others = max((len(pids) for other, pids in programs.items() if other != gpu), default=0)
        if len(programs[gpu]) >= PROGRAMS and others * QUIET_SHARE < len(programs[gpu]):
            found.append(_spread_event(gpu, own, programs[gpu]))
    return found


def _spread_event(gpu: str, own: List[Event], pids: Set[str]) -> Event:
    codes = ", ".join(sorted({event["code"] for event in own}, key=int))
    meaning = f"{len(pids)} different processes met errors (Xid {codes}) on this GPU and hardly any on its neighbours"
    action = "Drain the node and run field diagnostics on this GPU; look at the programs only when they find nothing."
    return _together(own, "spread", f"errors of many programs on {gpu}", meaning, action)


def _rate(seen: List[Event]) -> List[Event]:
    found = []
    for event in seen:
        if event["severity"] == WARNING and event["known"] and event["count"] >= REPEATS:
            label = f"Xid {event['code']} again and again on {event['pci_address']}"
            found.append(_together([event], "rate", label, event["meaning"], event["action"]))
    return found


def _together(own: List[Event], family: str, label: str, meaning: str, action: str) -> Event:
    first = own[0]
    times = [event["last_at"] for event in own if event["last_at"] is not None]
    starts = [event["first_at"] for event in own if event["first_at"] is not None]
    boots = [event["this_boot"] for event in own]
    return dict(
        first,
        family=family,
        code=first["code"] if family == "rate" else "programs",
        label=label,
        severity=WARNING,
        known=True,
        meaning=meaning,
        action=action,
        count=sum(event["count"] for event in own),
        pids=set().union(*(event["pids"] for event in own)),
        first_at=min(starts, default=None),
        last_at=max(times, default=None),
        this_boot=True if True in boots else None if None in boots else False,
        recovered=False,
        recovered_at=None,
        spells=0,
    )
