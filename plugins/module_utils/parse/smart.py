# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NVMe health logs as ``nvme smart-log -o json`` and ``smartctl -j -A`` print them, in one form."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Mapping, Optional, Tuple

KELVIN = 273

# our name -> (nvme-cli's names of all versions, smartctl's name)
_NAMES: Mapping[str, Tuple[Tuple[str, ...], str]] = {
    "critical_warning": (("critical_warning",), "critical_warning"),
    "spare_percent": (("avail_spare", "available_spare"), "available_spare"),
    "spare_threshold_percent": (("spare_thresh", "available_spare_threshold"), "available_spare_threshold"),
    "used_percent": (("percent_used", "percentage_used"), "percentage_used"),
    "media_errors": (("media_errors",), "media_errors"),
    "error_log_entries": (("num_err_log_entries",), "num_err_log_entries"),
    "power_on_hours": (("power_on_hours",), "power_on_hours"),
    "unsafe_shutdowns": (("unsafe_shutdowns",), "unsafe_shutdowns"),
}


def _number(value: Any) -> Optional[int]:
    """Return a count, whether printed as a number, as text with thousands apart, or as an object with ``value``."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, str):
        text = value.replace(",", "").strip()
        value = int(text) if re.fullmatch(r"[0-9]{1,40}", text) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != value:
        return None
    return int(value) if value < 1 << 128 else None


def _load(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def nvme_cli(data: bytes) -> Optional[Dict[str, Optional[int]]]:
    """Read nvme-cli's JSON, whose temperature is in kelvin; ``None`` when it is not a health log."""
    log = _load(data)
    found = {name: next((_number(log[key]) for key in keys if key in log), None) for name, (keys, _) in _NAMES.items()}
    kelvin = _number(log.get("temperature"))
    if found["critical_warning"] is None and found["used_percent"] is None:
        return None
    return dict(found, temperature_c=None if not kelvin else kelvin - KELVIN)


def smartctl(data: bytes) -> Optional[Dict[str, Optional[int]]]:
    """Read smartctl's JSON; ``None`` when it holds no NVMe health log."""
    log = _load(data).get("nvme_smart_health_information_log")
    if not isinstance(log, Mapping):
        return None
    found = {name: _number(log.get(key)) for name, (_, key) in _NAMES.items()}
    return dict(found, temperature_c=_number(log.get("temperature")))
