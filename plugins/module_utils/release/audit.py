# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A log that is only appended to. Each line carries the hash of the line before, so that none can be changed alone.

The hashes use no key: who may write the file may also write it anew. What shows that is a head kept elsewhere, which is
why every result carries one.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional

from . import disk

START = "0" * 64


class Reading(NamedTuple):
    """What a log holds: ``entries`` up to the first line that does not fit, ``torn`` bytes of an unfinished line."""

    entries: List[Dict[str, Any]]
    torn: int = 0
    first_bad: Optional[int] = None
    message: str = ""

    @property
    def head(self) -> Dict[str, Any]:
        """Number and hash of the last entry."""
        last = self.entries[-1] if self.entries else {"seq": 0, "hash": START}
        return {"seq": last["seq"], "hash": last["hash"]}


def read(path: str) -> Reading:
    """Read a log. A last line without an end is what a crash leaves; anything else that does not fit was changed."""
    try:
        with open(path, "rb") as handle:
            data = handle.read()
    except FileNotFoundError:
        return Reading([])
    whole, unused, rest = data.rpartition(b"\n")
    entries: List[Dict[str, Any]] = []
    before = START
    for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
        entry = _entry(line)
        wrong = _wrong(entry, number, before)
        if wrong or entry is None:
            return Reading(entries, 0, number, f"line {number} of {path} {wrong}")
        entries.append(entry)
        before = entry["hash"]
    return Reading(entries, len(rest))


def append(
    path: str, head: Dict[str, Any], event: str, facts: Dict[str, Any], reserve: Optional[str] = None
) -> Dict[str, Any]:
    """Append one entry after ``head`` and return the new entry once it is on the disk."""
    entry = dict(facts, event=event, seq=head["seq"] + 1, before=head["hash"])
    entry["hash"] = _hash(entry)
    disk.spared(reserve, lambda: _add(path, text([entry])))
    return entry


def text(entries: List[Dict[str, Any]]) -> bytes:
    """Return entries as the lines of a log."""
    return b"".join(json.dumps(entry, sort_keys=True).encode("utf-8") + b"\n" for entry in entries)


def mend(path: str, torn: int) -> None:
    """Cut off ``torn`` bytes of a line that was never finished."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(handle, os.fstat(handle).st_size - torn)
        os.fsync(handle)
    finally:
        os.close(handle)


def _add(path: str, line: bytes) -> None:
    fresh = not os.path.exists(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, disk.SECRET)
    size = os.fstat(handle).st_size
    try:
        if os.write(handle, line) != len(line):
            raise OSError(28, "no space for a whole line", path)
        os.fsync(handle)
    except OSError as error:
        os.ftruncate(handle, size)
        raise disk.named(error, path) from error
    finally:
        os.close(handle)
    if fresh:
        disk.sync(os.path.dirname(path))


def _hash(entry: Dict[str, Any]) -> str:
    told = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8")).hexdigest()


def _entry(line: bytes) -> Optional[Dict[str, Any]]:
    try:
        entry = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _wrong(entry: Optional[Dict[str, Any]], number: int, before: str) -> str:
    if entry is None:
        return "is no entry"
    if entry.get("hash") != _hash(entry):
        return "was changed: its hash does not fit"
    if entry.get("before") != before or entry.get("seq") != number:
        return "does not follow the line before it: a line is missing or was put in"
    return ""
