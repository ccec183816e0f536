# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel log lines into events: what happened to which device, how often, how bad it is and what to do."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from . import xid
from .kernel_patterns import CRITICAL, FAMILIES, INFO, KINDS, WARNING, Kind
from .kmsg import Line

SAMPLE_LIMIT = 200
EVENT_LIMIT = 500  # different events kept; a machine in worse shape than that needs no more detail
SHOWN = 8
UNKNOWN = "unknown"
GRADES = (CRITICAL, WARNING, INFO, UNKNOWN)
EMERGENCY = 2  # syslog levels emerg, alert and crit

_ADDRESS = re.compile(r"\b[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\b")

Event = Dict[str, Any]


def iso(at: Optional[float]) -> Optional[str]:
    """Return seconds since the epoch as ISO 8601 in UTC, or ``None`` for what is no time."""
    try:
        return None if at is None else dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%FT%TZ")
    except (ValueError, OverflowError, OSError):
        return None


def events(lines: Iterable[Line], boot: Optional[str] = None) -> List[Event]:
    """Return what the lines tell, like with like: one event for each family, code and device, oldest first.

    ``boot`` is the id of the running boot; an event whose last line is from another one says ``this_boot: false``.
    """
    found: Dict[Tuple[Any, ...], Event] = {}
    lines = list(lines)
    text = "\n".join(line.text for line in lines)
    kinds = [kind for kind in KINDS if kind.needle in text]  # most kinds are nowhere in a log: look for them once
    for line in lines:
        event = _event(line, kinds)
        if event is None:
            continue
        key = tuple(event[name] for name in ("family", "code", "severity", "pci_address", "device"))
        known = found.get(key)
        if known is None and len(found) < EVENT_LIMIT:
            found[key] = known = dict(event, count=0, first_at=line.at, last_at=line.at, this_boot=None)
        if known is not None:
            _count(known, line, boot)
    for event in found.values():
        event.update(first_at=iso(event["first_at"]), last_at=iso(event["last_at"]))
    return sorted(found.values(), key=lambda event: event["first_at"] or "")


def _count(event: Event, line: Line, boot: Optional[str]) -> None:
    event["count"] += 1
    if line.at is not None:
        event["first_at"] = line.at if event["first_at"] is None else min(event["first_at"], line.at)
        event["last_at"] = line.at if event["last_at"] is None else max(event["last_at"], line.at)
    if boot and line.boot:
        event["this_boot"] = line.boot == boot


def _event(line: Line, kinds: Sequence[Kind]) -> Optional[Event]:
    for read in _READERS:
        event = read(line, kinds)
        if event:
            event["sample"] = line.text[:SAMPLE_LIMIT]
            return event
    return None


def _numbered(family: str, word: str, needle: str, read: Callable[[str], Optional[xid.Report]]) -> Any:
    def event(line: Line, unused_kinds: Sequence[Kind]) -> Optional[Event]:
        report = read(line.text) if needle in line.text else None
        if report is None:
            return None
        place = report.address if report.device is None else f"{report.device} ({report.address})"
        return {
            "label": f"{word} {report.code} on {place}",
            "family": family,
            "code": str(report.code),
            "pci_address": report.address,
            "device": report.device,
            "severity": report.severity,
            "known": report.known,
            "meaning": report.meaning,
            "action": report.action,
        }

    return event


def _patterned(line: Line, kinds: Sequence[Kind]) -> Optional[Event]:
    for kind in kinds:
        found = kind.expression.search(line.text) if kind.needle in line.text else None
        if not found:
            continue
        named = found.groupdict().get("device")
        address = _ADDRESS.search(named or "") or _ADDRESS.search(line.text)
        device = None if named and address and address[0] == named else named
        place = device or (address[0].lower() if address else None)
        return {
            "label": f"{kind.family} {kind.code}" + (f" on {place}" if place else ""),
            "family": kind.family,
            "code": kind.code,
            "pci_address": address[0].lower() if address else None,
            "device": device,
            "severity": kind.severity,
            "known": True,
            "meaning": kind.meaning,
            "action": kind.action,
        }
    return None


def _urgent(line: Line, unused_kinds: Sequence[Kind]) -> Optional[Event]:
    """The kernel itself calls a line critical or worse, and no row above knows it."""
    if line.level is None or line.level > EMERGENCY or not line.text.strip():
        return None
    head = re.sub(r"0x[0-9a-fA-F]+|\d+", "#", line.text)[:60]
    return {
        "label": "kernel message of level critical",
        "family": "kernel",
        "code": head,
        "pci_address": None,
        "device": None,
        "severity": WARNING,
        "known": False,
        "meaning": "the kernel calls this message critical or worse",
        "action": "Read the message in its context.",
    }


_READERS = (
    _numbered("xid", "Xid", "NVRM: Xid", xid.xid),
    _numbered("sxid", "SXid", "SXid", xid.sxid),
    _patterned,
    _urgent,
)


def found(seen: List[Event], complete: bool) -> Mapping[str, Mapping[str, Optional[List[str]]]]:
    """Sort events by family and grade, said in words: ``found["xid"]["critical"] == ["Xid 79 on …: …, 2 times"]``.

    Nothing seen is an empty list only when the log was ``complete``, else ``None``: it cannot be known.
    """
    sorted_in: Dict[str, Dict[str, Optional[List[str]]]] = {}
    for family in FAMILIES:
        said = {grade: [_say(e) for e in seen if e["family"] == family and _grade(e) == grade] for grade in GRADES}
        sorted_in[family] = {grade: _bounded(texts) if texts or complete else None for grade, texts in said.items()}
    return sorted_in


def _grade(event: Event) -> str:
    return event["severity"] if event["known"] else UNKNOWN


def _say(event: Event) -> str:
    times = "once" if event["count"] == 1 else f"{event['count']} times"
    last = f", last {event['last_at']}" if event["last_at"] else ""
    what = event["meaning"] if event["known"] else event["sample"]
    return f"{event['label']}: {what} ({times}{last})"


def _bounded(texts: List[str]) -> List[str]:
    return texts if len(texts) <= SHOWN else texts[:SHOWN] + [f"and {len(texts) - SHOWN} more"]
