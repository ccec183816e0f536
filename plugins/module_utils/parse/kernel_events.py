# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel log lines into events: what happened to which device, how often, how bad it is and what to do."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from . import kernel_history, kernel_spread, kernel_unexplained, xid
from .kernel_kind import ADDRESS
from .kernel_patterns import INFO, KINDS, RECOVERIES, WARNING, Kind, Recovery, matches
from .kernel_said import EVENT_LIMIT, GRADES, SHOWN, found, iso, notes
from .kmsg import Line

__all__ = ["EVENT_LIMIT", "GRADES", "INFO", "SHOWN", "Event", "events", "found", "iso", "notes"]

SAMPLE_LIMIT = 200
EMERGENCY = 2  # syslog levels emerg, alert and crit
BOOT_SLACK_S = 5  # a clock that is set while the machine starts

_ADDRESS = re.compile(r"(?<![\w.])(" + ADDRESS + r")(?!\w)|\bPCI:([0-9a-fA-F]{4,8}(?::[0-9a-fA-F]{2}){2})\b")
_SHORT = re.compile(r"[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]")
_NAMED = re.compile(
    r"^(?:habanalabs|accel|infiniband|nvme|kfd) ([a-z][\w-]*\d)\b|^NVRM:? (GPU ?\d+)(?![\w:])|^(nvidia-nvswitch\d+)"
)

Event = Dict[str, Any]


def events(lines: Iterable[Line], boot: Optional[str] = None, booted_at: Optional[float] = None) -> List[Event]:
    """Return what the lines tell, like with like: one event for each family, code and device, oldest first.

    ``boot`` is the id of the running boot and ``booted_at`` when it began, in seconds since the epoch; an event all of
    whose lines are from before says ``this_boot: false``. ``over`` says that it recovered or that a restart cured it.
    """
    kept = (line for line in lines if not kernel_unexplained.QUOTED.match(line.text))
    in_order = sorted(kept, key=lambda line: line.at or 0.0)
    seen = _gathered(in_order, boot, booted_at)
    seen += kernel_spread.patterns(seen)
    kernel_history.grade(seen)
    for event in seen:
        event.update(
            first_at=iso(event["first_at"]),
            last_at=iso(event["last_at"]),
            recovered_at=iso(event["recovered_at"]) if event["over"] == kernel_history.RECOVERED else None,
            processes=len(event.pop("pids")),
        )
        del event["spells"], event["recovered"]
    return sorted(seen, key=lambda event: event["first_at"] or "")


def _gathered(lines: Sequence[Line], boot: Optional[str], booted_at: Optional[float]) -> List[Event]:
    found: Dict[Tuple[Any, ...], Event] = {}
    text = "\n".join(line.text for line in lines)
    kinds = [kind for kind in KINDS if any(needle in text for needle in kind.needle.split("|"))]
    recoveries = [each for each in RECOVERIES if each.needle in text]
    for line in lines:
        event = _event(line, kinds)
        if event is not None:
            _keep(found, event, line, _of_this_boot(line, boot, booted_at))
        for recovery in recoveries:
            _recover(found, recovery, line)
    return list(found.values())


def _keep(found: Dict[Tuple[Any, ...], Event], event: Event, line: Line, this_boot: Optional[bool]) -> None:
    key = tuple(event[name] for name in ("family", "code", "severity", "pci_address", "device"))
    known = found.get(key)
    if known is None and len(found) < EVENT_LIMIT:
        known = dict(event, count=0, first_at=line.at, last_at=line.at, this_boot=this_boot)
        found[key] = known = dict(known, recovered=False, recovered_at=None, spells=0, pids=set())
    if known is not None:
        _count(known, line, this_boot)


def _count(event: Event, line: Line, this_boot: Optional[bool]) -> None:
    event["count"] += 1
    event.update(recovered=False, recovered_at=None)
    if line.at is not None:
        event["first_at"] = line.at if event["first_at"] is None else min(event["first_at"], line.at)
        event["last_at"] = line.at if event["last_at"] is None else max(event["last_at"], line.at)
    event["this_boot"] = True if this_boot or event["this_boot"] else None if this_boot is None else event["this_boot"]
    process = kernel_spread.pid(line.text) if len(event["pids"]) < kernel_spread.PID_LIMIT else None
    event["pids"].update([process] if process else [])


def _of_this_boot(line: Line, boot: Optional[str], booted_at: Optional[float]) -> Optional[bool]:
    if boot and line.boot:
        return line.boot == boot
    if line.at is not None and booted_at is not None:
        return line.at >= booted_at - BOOT_SLACK_S
    return None


def _recover(found: Dict[Tuple[Any, ...], Event], recovery: Recovery, line: Line) -> None:
    """Note on the events that a line says are over when that was; what comes after it opens them again."""
    match = recovery.expression.search(line.text) if recovery.needle in line.text else None
    if not match:
        return
    named = match["device"]
    address = xid.pci_address(named) if ":" in named else None
    for event in found.values():
        meant = event["family"] == recovery.family and (address or named) in (event["pci_address"], event["device"])
        codes = event["code"] in recovery.codes if recovery.codes else kernel_history.cured_by_boot(event)
        if meant and codes and not event["recovered"]:
            event.update(recovered=True, recovered_at=line.at, spells=event["spells"] + 1)


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
        match = matches(kind, line.text)
        if match:
            address, device, place = _place(line.text, match[1])
            return {
                "label": f"{kind.family} {kind.code}{place}",
                "family": kind.family,
                "code": kind.code,
                "pci_address": address,
                "device": device,
                "severity": kind.severity,
                "known": True,
                "meaning": kind.meaning,
                "action": kind.action,
            }
    return None


def _place(text: str, named: Optional[str]) -> Tuple[Optional[str], Optional[str], str]:
    """Return the PCI address that a line is about, the device that it names otherwise, and both in words."""
    if named and _SHORT.fullmatch(named):
        named = f"0000:{named}"
    found = _ADDRESS.search(named or "") or _ADDRESS.search(text)
    address = xid.pci_address(found[1] or found[2]) if found else None
    if named and _ADDRESS.fullmatch(named):
        named = None
    if not named:
        match = _NAMED.match(text)
        named = next((name for name in match.groups() if name), None) if match else None
    place = f"{named} ({address})" if named and address else named or address
    return address, named, f" on {place}" if place else ""


def _urgent(line: Line, unused_kinds: Sequence[Kind]) -> Optional[Event]:
    """The kernel itself calls a line critical or worse, and no row above knows it."""
    if line.level is None or line.level > EMERGENCY or not line.text.strip():
        return None
    if kernel_unexplained.DETAILS.search(line.text):
        return None
    action = "Read the message in its context."
    meaning = "the kernel calls this message critical or worse"
    return _unknown(line, "kernel", "kernel message of level critical", meaning, action)


def _unexplained(line: Line, unused_kinds: Sequence[Kind]) -> Optional[Event]:
    """A driver calls a line an error, and no row above knows it."""
    family = kernel_unexplained.unexplained(line.text, line.level)
    if family is None:
        return None
    action = "Read the message in its context; look it up with the vendor of the driver."
    meaning = "the driver calls this an error, and nothing here knows it"
    return _unknown(line, family, f"unexplained {family} error", meaning, action)


def _unknown(line: Line, family: str, label: str, meaning: str, action: str) -> Event:
    address, device, place = _place(line.text, None) if family != "kernel" else (None, None, "")
    return {
        "label": label + place,
        "family": family,
        "code": re.sub(r"0x[0-9a-fA-F]+|\d+", "#", line.text)[:60],
        "pci_address": address,
        "device": device,
        "severity": WARNING,
        "known": False,
        "meaning": meaning,
        "action": action,
    }


_READERS = (
    _numbered("xid", "Xid", "NVRM: Xid", xid.xid),
    _numbered("sxid", "SXid", "SXid", xid.sxid),
    _patterned,
    _urgent,
    _unexplained,
)
