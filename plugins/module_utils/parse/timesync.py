# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the other time daemons say: systemd-timesyncd, ntpd and ptp4l."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from .keyvalue import pairs

UNITS_S = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0}
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|s|min|h|days?|d)\b")
NTPQ_LEAP = {"00": "normal", "01": "insert second", "10": "delete second", "11": "not synchronised"}


def span_s(text: str) -> Optional[float]:
    """Return a systemd time span (``-1.053ms``, ``34min 8s``) in seconds, without its sign."""
    body = text.strip().lstrip("+-")
    found = SPAN.findall(body)
    if not found or SPAN.sub("", body).strip():
        return None
    return sum(float(number) * UNITS_S[unit.replace("days", "day")] for number, unit in found)


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and text.isdecimal() else None


def timesyncd(text: str) -> Optional[Dict[str, Any]]:
    """Return ``timedatectl timesync-status``; offsets are without sign; ``None`` when it is something else."""
    found = pairs(text, ":")
    if "Server" not in found:
        return None
    leap, stratum = found.get("Leap"), _number(found.get("Stratum"))
    return {
        "reference": found["Server"].split(" ")[0],
        "stratum": stratum,
        "offset_s": span_s(found.get("Offset", "")),
        "leap": leap,
        "synchronised": None if stratum is None or leap is None else leap == "normal" and 0 < stratum < 16,
    }


def ntpq(text: str) -> Optional[Dict[str, Any]]:
    """Return ``ntpq -c rv``: its variables in seconds (ntpq prints milliseconds)."""
    found = dict(re.findall(r"(\w+)=(\"[^\"]*\"|[^,\s]+)", text))
    if "leap" not in found and "stratum" not in found:
        return None
    leap = NTPQ_LEAP.get(found.get("leap", ""), found.get("leap"))
    stratum = _number(found.get("stratum"))
    offset = re.match(r"^[+-]?(\d+(\.\d+)?)$", found.get("offset", ""))
    return {
        "reference": found.get("refid"),
        "stratum": stratum,
        "offset_s": float(offset[1]) / 1000 if offset else None,
        "leap": leap,
        "synchronised": None if stratum is None or leap is None else leap != "not synchronised" and 0 < stratum < 16,
    }


def pmc(text: str) -> Optional[Dict[str, Any]]:
    """Return ``pmc 'GET TIME_STATUS_NP'``: how far the PTP clock is from its grandmaster."""
    found = dict(re.findall(r"(?m)^\s+(master_offset|gmPresent|gmIdentity)\s+(\S+)\s*$", text))
    if not re.match(r"^-?\d+$", found.get("master_offset", "")):
        return None
    return {
        "grandmaster": found.get("gmIdentity"),
        "grandmaster_present": found.get("gmPresent") == "true",
        "offset_s": abs(int(found["master_offset"])) / 1e9,
    }
