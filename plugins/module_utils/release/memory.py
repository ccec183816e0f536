# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Audit log and history of a service, each held against the other: what is whole of them, and what is damaged.

The log holds all of the history, and the history file all of its end: whichever is whole rebuilds the other.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from . import audit, disk

LOG, HISTORY = "audit.jsonl", "history.json"
HISTORY_MAX = 50
ENTRY = {"id", "seq", "tag", "image", "digest", "image_id", "config_hash", "verified", "outcome"}
Releases = List[Dict[str, Any]]


class Damage(NamedTuple):
    """What is wrong with one file. ``by_hand``: it is well-formed and untrue, as no crash and no full disk leave it."""

    file: str
    why: str
    by_hand: bool = False


class Memory(NamedTuple):
    """What is remembered: the log as far as it is whole, the history, and whether its file is older than the log."""

    log: audit.Reading
    current: Optional[str]
    releases: Releases
    behind: bool
    damage: List[Damage]


def read(folder: str) -> Memory:
    """Read log and history of a folder of state; raise ``OSError`` when they cannot be read at all."""
    log = audit.read(os.path.join(folder, LOG))
    damage = []
    if log.first_bad is not None:
        by_hand = any(word in log.message for word in ("was changed", "does not follow"))
        damage.append(Damage(LOG, f"the audit log was tampered with: {log.message}", by_hand))
    current, releases = folded(log.entries)
    written, wrong = _history(os.path.join(folder, HISTORY))
    if wrong:
        damage.append(Damage(HISTORY, wrong))
    if written is None:
        return Memory(log, current, releases, bool(releases), damage)
    head = written["audit"]
    if head not in [{"seq": entry["seq"], "hash": entry["hash"]} for entry in log.entries]:
        cut = f"{LOG} of {folder} was cut off or rewritten: {HISTORY} knows entry {head.get('seq')} and it does not"
        path = os.path.join(folder, LOG)
        whole_lines_went = not log.torn and os.path.exists(path) and os.path.getsize(path) > 0
        damage = damage or [Damage(LOG, cut, whole_lines_went)]
        return Memory(log, written["current"], written["releases"], False, damage)
    then = folded(log.entries[: head["seq"]])
    if (written["current"], written["releases"]) != then:
        damage.append(Damage(HISTORY, f"{HISTORY} of {folder} was tampered with: {LOG} says otherwise", True))
    return Memory(log, current, releases, then != (current, releases), damage)


def folded(entries: Iterable[Mapping[str, Any]]) -> Tuple[Optional[str], Releases]:
    """Return what the entries of a log come to: the current release, and all of them, newest first."""
    known: Dict[str, Dict[str, Any]] = {}
    current: Optional[str] = None
    for entry in entries:
        known.update({release["id"]: release for release in entry.get("releases", [])})
        current = entry.get("current", current)
    return current, sorted(known.values(), key=lambda release: -int(release["seq"]))[:HISTORY_MAX]


def _history(path: str) -> Tuple[Optional[Dict[str, Any]], str]:
    """Return what the file of the history holds, and what is wrong with it."""
    try:
        found = disk.read(path)
    except disk.Damaged as error:
        return None, str(error)
    if found is None:
        return None, ""
    whole = isinstance(found, dict) and isinstance(found.get("audit"), dict) and isinstance(found.get("releases"), list)
    if not whole or not all(_is_entry(release) for release in found["releases"]):
        return None, f"{path} is damaged: it is no history"
    return dict(found, current=found.get("current")), ""


def _is_entry(release: Any) -> bool:
    return isinstance(release, dict) and set(release) >= ENTRY and isinstance(release["seq"], int)
