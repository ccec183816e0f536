# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The forms in which a kernel log can be had, made into lines: journal, dmesg, /dev/kmsg, kern.log.

All take bytes as the machine gave them and never raise: what is not a log line is left out, what is not UTF-8
is replaced, control characters become blanks.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

LINE_LIMIT = 4096  # characters of one message that are looked at

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STAMPED = re.compile(r"(?:<(?P<priority>\d+)>)?\[\s*(?P<at>\d+\.\d+)(?:,\d+)?\](?:\[\s*[TC]\d+\])? ?(?P<text>.*)")
_DATED = re.compile(r"(?:<(?P<priority>\d+)>)?\[[^\]]{0,40}\] ?(?P<text>.*)")
_PRIORITY = re.compile(r"<(?P<priority>\d+)>(?P<text>.*)")
_KMSG = re.compile(r"(?P<priority>\d+),(?P<sequence>\d+),(?P<at>\d+),[^;]*;(?P<text>.*)")
_SYSLOG = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|[^\s\d]\S* +\d+ \d\d:\d\d:\d\d) \S+ kernel: "
    r"?(?:\[\s*\d+\.\d+\] ?)?(?P<text>.*)"
)


class Line(NamedTuple):
    """One kernel message: when (seconds since the epoch), its boot's id, its syslog level (0 worst), its text."""

    at: Optional[float]
    boot: Optional[str]
    level: Optional[int]
    text: str


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text[:LINE_LIMIT]).rstrip()


def _rows(data: bytes) -> Iterator[str]:
    return (row for row in data.decode("utf-8", "replace").split("\n") if row)


def _level(text: Optional[str]) -> Optional[int]:
    return int(text) & 7 if text and text.isdecimal() and len(text) < 6 else None


def foreign(data: bytes) -> int:
    """Return how many rows of ``journalctl -o json`` are neither entries nor its own remarks ("-- No entries --")."""
    return sum(bool(row.strip()) and not row.startswith("-- ") and _entry(row) is None for row in _rows(data))


def ended(data: bytes) -> bool:
    """Say whether an answer of ``journalctl --show-cursor`` has its end: without it the last entries may be cut off."""
    rows = [row for row in _rows(data[-LINE_LIMIT:]) if row.strip()]
    return bool(rows) and rows[-1].startswith("-- cursor: ")


def _entry(row: str) -> Optional[Dict[str, Any]]:
    """Return one entry of the journal; its time is in ASCII digits, which ``int`` alone would not insist on."""
    try:
        entry = json.loads(row)
        stamped = re.fullmatch(r"[0-9]{1,18}", entry["__REALTIME_TIMESTAMP"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if stamped else None


def journal(data: bytes) -> List[Line]:
    """Read ``journalctl -o json``: one object a line, a message that is not UTF-8 as a list of bytes."""
    lines = []
    for row in _rows(data):
        entry = _entry(row)
        if entry is None:
            continue
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        text = _message(entry.get("MESSAGE"))
        if text is not None:
            boot = entry.get("_BOOT_ID")
            lines.append(Line(at, boot if isinstance(boot, str) else None, _level(str(entry.get("PRIORITY"))), text))
    return lines


def _message(value: Any) -> Optional[str]:
    if isinstance(value, list) and all(isinstance(part, int) and 0 <= part < 256 for part in value):
        value = bytes(value).decode("utf-8", "replace")
    return _clean(value) if isinstance(value, str) else None


def _each(data: bytes, read: Callable[[str], Optional[Line]]) -> List[Line]:
    return [line for line in map(read, _rows(data)) if line]


def dmesg(data: bytes, booted_at: Optional[float]) -> List[Line]:
    """Read ``dmesg -r``: ``<6>[   12.345678] text``, seconds since boot. Lines with any other stamp have no time."""

    def read(row: str) -> Optional[Line]:
        found = _STAMPED.match(row)
        if found:
            at = booted_at + float(found["at"]) if booted_at is not None else None
            return Line(at, None, _level(found["priority"]), _clean(found["text"]))
        found = _DATED.match(row) or _PRIORITY.match(row)
        return Line(None, None, _level(found["priority"]), _clean(found["text"])) if found else None

    return _each(data, read)


def kmsg(data: bytes, booted_at: Optional[float]) -> List[Line]:
    """Read ``/dev/kmsg``: ``level,sequence,microseconds,flags;text``; continuation lines start with a blank."""

    def read(row: str) -> Optional[Line]:
        found = _KMSG.match(row)
        if not found:
            return None
        at = booted_at + int(found["at"][:18]) / 1e6 if booted_at is not None else None
        return Line(at, None, _level(found["priority"]), _clean(found["text"]))

    return _each(data, read)


def syslog(data: bytes) -> List[Line]:
    """Read ``kern.log``. A date without year and zone (``Nov 23 14:00:00``) gives a line without time."""

    def read(row: str) -> Optional[Line]:
        found = _SYSLOG.match(row)
        return Line(_iso(found["date"]), None, None, _clean(found["text"])) if found else None

    return _each(data, read)


def _iso(text: str) -> Optional[float]:
    try:
        return dt.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
