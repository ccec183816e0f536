# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of /proc and /sys whose form is their own: text in, numbers in bytes and percent out."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional

from .keyvalue import pairs

UNLIMITED = (1 << 64) - 1  # RLIM_INFINITY: what the kernel itself holds for "unlimited"


def meminfo(text: str) -> Dict[str, int]:
    """Return /proc/meminfo: bytes for what has the unit kB, plain counts for the rest."""
    found = {}
    for key, value in pairs(text, ":").items():
        match = re.match(r"^(\d+)( kB)?$", value)
        if match:
            found[key] = int(match[1]) * (1024 if match[2] else 1)
    return found


def node_meminfo(text: str) -> Dict[str, int]:
    """Return the meminfo of a NUMA node, whose lines begin with ``Node 0``."""
    return meminfo(re.sub(r"(?m)^Node \d+ ", "", text))


def cpuinfo(text: str) -> Dict[str, str]:
    """Return the first processor of /proc/cpuinfo."""
    return pairs(text.lstrip().split("\n\n", 1)[0], ":")


def pressure(text: str) -> Dict[str, Dict[str, float]]:
    """Return /proc/pressure/*: kind (some, full) -> avg10, avg60, avg300, the percent of time that tasks waited."""
    found: Dict[str, Dict[str, float]] = {}
    for line in text.splitlines():
        kind = line.split(" ", 1)[0]
        averages = re.findall(r"(avg\d+)=(\d+(?:\.\d+)?)", line)
        if kind in ("some", "full") and averages:
            found[kind] = {name: float(value) for name, value in averages}
    return found


def limits(text: str) -> Dict[str, int]:
    """Return the soft limits of /proc/PID/limits by their names; ``UNLIMITED`` for "unlimited"."""
    found = {}
    for line in text.splitlines()[1:]:
        match = re.match(r"^(Max [a-z ]+?) {2,}(\d+|unlimited) ", line)
        if match:
            found[match[1]] = UNLIMITED if match[2] == "unlimited" else int(match[2])
    return found


class Process(NamedTuple):
    """One process as /proc/PID/stat tells it; ``kernel`` when it is a thread of the kernel."""

    pid: int
    name: str
    state: str
    kernel: bool


def process(text: str) -> Optional[Process]:
    """Return the process of a /proc/PID/stat line; the name may hold blanks and brackets."""
    start, end = text.find("("), text.rfind(")")
    rest = text[end + 1 :].split()
    if start < 1 or end < start or len(rest) < 2 or not text[:start].strip().isdecimal() or not rest[1].isdecimal():
        return None
    pid = int(text[:start])
    return Process(pid, text[start + 1 : end], rest[0], pid == 2 or int(rest[1]) == 2)


def modules(text: str) -> List[str]:
    """Return the sorted names of /proc/modules that are live."""
    lines = (line.split() for line in text.splitlines())
    return sorted(words[0] for words in lines if len(words) > 4 and words[4] == "Live")


def chosen(text: str) -> Optional[str]:
    """Return the word in square brackets of ``always [madvise] never``."""
    match = re.search(r"\[([^\]\s]+)\]", text)
    return match[1] if match else None
