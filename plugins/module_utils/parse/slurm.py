# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Slurm's commands print: ``scontrol`` (ping, show config, show node), ``slurmd -C``, ``sacctmgr -nP``."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

_PING = re.compile(r"Slurmctld\((?P<role>[^)]+)\) at (?P<name>\S+) is (?P<state>UP|DOWN)")
_SETTING = re.compile(r"(?P<key>[A-Za-z][\w]*(?:\[\d+\])?)\s*=\s*(?P<value>.*?)\s*")
_WORD = re.compile(r"(?P<key>[A-Za-z][\w/]*)=(?P<value>\S*)")
_GRES = re.compile(r"(?P<name>[a-z]\w*)(?::(?P<type>[A-Za-z][\w.-]*))?(?::(?P<count>\d+))?(?:\(.*\))?")
UNSET = ("(null)", "N/A", "", "None")
# The states and flags of sinfo(1) and scontrol(1), "NODE STATE CODES". What a node is or what is planned for it says
# nothing about whether it takes jobs; which of the other words are fit for work is the profile's to say.
DESCRIPTIVE = frozenset(
    (
        *("BLOCKED", "CLOUD", "DYNAMIC_FUTURE", "DYNAMIC_NORM", "NPC", "PERFCTRS", "REBOOT_CANCEL", "REBOOT_CANCELED"),
        *("RESUME", "UNDRAIN"),
    )
)
STATES = frozenset(
    (
        *("ALLOCATED", "COMPLETING", "DOWN", "DRAIN", "DRAINED", "DRAINING", "ERROR", "FAIL", "FAILING", "FUTURE"),
        *("IDLE", "INVAL", "INVALID", "INVALID_REG", "MAINT", "MAINTENANCE", "MIXED", "NO_RESPOND", "NOT_RESPONDING"),
        *("PLANNED", "POWER_DOWN", "POWER_DRAIN", "POWER_UP", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP"),
        *("POWER_SAVING", "REBOOT", "REBOOT_ISSUED", "REBOOT_REQUESTED", "RESERVED", "UNKNOWN"),
    )
)
SYMBOLS = {  # what may stand behind the first word
    "*": "NOT_RESPONDING",
    "~": "POWERED_DOWN",
    "#": "POWERING_UP",
    "!": "POWER_DOWN",
    "%": "POWERING_DOWN",
    "$": "MAINTENANCE",
    "@": "REBOOT_REQUESTED",
    "^": "REBOOT_ISSUED",
    "-": "PLANNED",
}


class States(NamedTuple):
    """The words of a node's ``State``: those that say whether it takes jobs, those that do not, and unheard-of ones."""

    states: List[str]
    flags: List[str]
    unheard: List[str]


def controllers(text: str) -> List[Dict[str, Any]]:
    """Return the controllers of ``scontrol ping``: ``{"name", "role", "up"}``."""
    return [
        {"name": found["name"], "role": found["role"], "up": found["state"] == "UP"}
        for found in map(_PING.match, text.splitlines())
        if found
    ]


def config(text: str) -> Dict[str, str]:
    """Return the settings of ``scontrol show config``; one that is not set is ``none``.

    Empty unless the answer is whole: it ends with the controllers' state.
    """
    lines = text.splitlines()
    if not any(line.startswith("Slurmctld(") for line in lines[-4:]):
        return {}
    found = [match for match in map(_SETTING.fullmatch, lines) if match]
    return {match["key"]: "none" if match["value"] in UNSET else match["value"] for match in found}


def words(text: str) -> Dict[str, str]:
    """Return ``Key=value`` words, as ``scontrol -o show node`` and ``slurmd -C`` print them (values without blanks)."""
    return {found["key"]: found["value"] for found in _WORD.finditer(text)}


def node_states(text: str, accepted: Iterable[str] = ()) -> States:
    """Sort the words of a node's ``State`` (``IDLE*+CLOUD+DRAIN``), each once and in their order.

    A symbol stands for the flag it means; a word that the site accepts is known, whatever it is.
    """
    known = STATES | frozenset(accepted)
    found = []
    for part in text.split("+"):
        word = part.rstrip("".join(SYMBOLS))
        found += [word, *(SYMBOLS[symbol] for symbol in part[len(word) :])]
    words = [word for word in dict.fromkeys(found) if word]
    flags = [word for word in words if word in DESCRIPTIVE - known]
    return States([word for word in words if word in known], flags, [w for w in words if w not in known | DESCRIPTIVE])


def gres(text: Optional[str]) -> Optional[Dict[str, int]]:
    """Return resource -> count of a node's ``Gres`` (``gpu:h100:8(S:0-1)``); ``None`` when it cannot be read."""
    if text is None:
        return None
    counts: Dict[str, int] = {}
    for part in re.split(r",(?![^(]*\))", "" if text in UNSET else text):
        found = _GRES.fullmatch(part)
        if part and not found:
            return None
        if found:
            counts[found["name"]] = counts.get(found["name"], 0) + int(found["count"] or 1)
    return counts


def number(text: Optional[str]) -> Optional[int]:
    """Return a whole number in ASCII digits."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text or "") else None  # type: ignore[arg-type]


def without_limit(text: str, accounts: List[str]) -> Optional[List[str]]:
    """Return the accounts without a limit, from ``sacctmgr -nP show assoc`` (account, user, and three kinds of limit).

    Only rows of accounts count, not those of users. An account that is asked for and not listed has no limit either;
    ``None`` when no row is one.
    """
    limited: Dict[str, bool] = {}
    for line in text.splitlines():
        row = line.split("|")
        if len(row) == 5 and row[0] and not row[1]:
            limited[row[0]] = limited.get(row[0], False) or any(row[2:])
    if not limited:
        return None
    return [account for account in accounts or sorted(set(limited) - {"root"}) if not limited.get(account)]
