# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What systemctl and journalctl print, as data."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from . import keyvalue

NUMBER = re.compile(r"-?\d{1,20}")
UNSET = ("", "[not set]", "infinity", "18446744073709551615")  # the last is what older versions print for "not set"
JOURNAL_UNIT_FIELDS = ("UNIT", "COREDUMP_UNIT", "_SYSTEMD_UNIT")  # what the manager says of a unit comes first


def units(text: str) -> List[Dict[str, str]]:
    """Return the properties of each unit of ``systemctl show``; what holds no Id is no unit."""
    return [block for block in keyvalue.blocks(text) if block.get("Id")]


def find(shown: Sequence[Mapping[str, str]], name: str) -> Optional[Mapping[str, str]]:
    """Return the unit that goes by a name, be it an alias."""
    return next((unit for unit in shown if name == unit["Id"] or name in unit.get("Names", "").split()), None)


def number(value: Optional[str]) -> Optional[int]:
    """Return a property's number; systemd has several ways to say that there is none."""
    return int(value) if value is not None and value not in UNSET and NUMBER.fullmatch(value) else None


def listed(text: str) -> List[str]:
    """Return the unit names of ``systemctl list-units --plain --no-legend``."""
    rows = (line.replace("\u25cf", " ").split() for line in text.splitlines())
    return [row[0] for row in rows if len(row) >= 4 and "." in row[0]]


def journal_counts(text: str, names: Sequence[str]) -> Optional[Dict[str, int]]:
    """Count the entries of ``journalctl -o json --show-cursor`` by unit.

    ``None`` when a line is no entry, or when the end is missing: only an answer without entries has none.
    """
    rows = [line for line in text.splitlines() if line.strip()]
    if rows and not rows[-1].startswith("-- "):
        return None
    counts = dict.fromkeys(names, 0)
    for line in rows:
        if line.startswith("-- "):
            continue
        try:
            entry: Any = json.loads(line)
        except ValueError:
            return None
        if not isinstance(entry, dict):
            return None
        name = next((entry[field] for field in JOURNAL_UNIT_FIELDS if entry.get(field) in counts), None)
        if name is not None:
            counts[name] += 1
    return counts
