# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``ethtool`` prints, as data: the ethtool of Debian 12 (6.1) has no JSON for most of its questions."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

_NAME_LIMIT, _VALUE_LIMIT = 80, 400
_NOTHING = {"", "n/a", "not reported", "unknown!", "unknown", "none", "xx:xx:xx"}
_CENTIGRADE = re.compile(r"(-?\d+(?:\.\d+)?)\s*degrees C\b")
_DBM = re.compile(r"(-?\d+(?:\.\d+)?)\s*dBm\b")
_MEASURED = re.compile(
    r"^(Module (temperature|voltage)|Laser |Transmit avg|Receiver signal|Rcvr signal)|"
    r"\b(alarm|warning)(\s*\(Chan(nel)? \d+\)| threshold)?$"
)
_FLAG = re.compile(r"(alarm|warning)(\s*\(Chan(nel)? \d+\))?$")
_FAULT = re.compile(r"^(.*\bfault|[RT]x loss of (?:signal|lock))(\s*\([^)]*\))?$", re.IGNORECASE)
_MODULE_STATE = re.compile(r"(?:0x[0-9a-f]+\s*)?\(?(Module(?:LowPwr|PwrUp|Ready|PwrDn|Fault))\b", re.IGNORECASE)
_MODULE_NAMES = {
    "identifier": "Identifier",
    "connector": "Connector",
    "vendor": "Vendor name",
    "part_number": "Vendor PN",
    "revision": "Vendor rev",
    "serial_number": "Vendor SN",
    "date_code": "Date code",
}


def pairs(text: str) -> List[Tuple[str, str]]:
    """Return the ``name: value`` lines in order; names may repeat, values may be empty, what is overlong is none."""
    split = (line.partition(":") for line in text.splitlines() if ":" in line)
    found = ((name.strip(), value[:_VALUE_LIMIT].strip()) for name, _, value in split)
    return [(name, value) for name, value in found if 0 < len(name) <= _NAME_LIMIT]


def _said(value: Optional[str]) -> Optional[str]:
    """Return a value, or ``None`` where ethtool says in one of its ways that there is none."""
    return None if value is None or value.strip().lower() in _NOTHING else value.strip()


def _switch(value: Optional[str]) -> Optional[bool]:
    return {"on": True, "off": False, "yes": True, "no": False}.get((value or "").split(" ")[0].lower())


def driver(text: str) -> Dict[str, Optional[str]]:
    """Return driver, driver_version, firmware_version, psid, bus_info from ``ethtool -i``.

    mlx5 appends the board's PSID to the firmware version: ``28.41.1000 (MT_0000000838)``.
    """
    seen = dict(pairs(text))
    firmware = _said(seen.get("firmware-version"))
    version, _, rest = (firmware or "").partition(" (")
    is_psid = rest.endswith(")") and re.match(r"[A-Z]{2,}_?\w+\)$", rest) is not None
    return {
        "driver": _said(seen.get("driver")),
        "driver_version": _said(seen.get("version")),
        "firmware_version": version if is_psid else firmware,
        "psid": rest[:-1] if is_psid else None,
        "bus_info": _said(seen.get("bus-info")),
    }


def link(text: str) -> Dict[str, Any]:
    """Return port_type, autonegotiation, link_detected and link_detail from ``ethtool IFACE``.

    ``link_detail`` is the kernel's word on why a link is down: ``No cable``, ``Autoneg, No partner detected``.
    """
    seen = dict(pairs(text))
    detected = seen.get("Link detected")
    detail = re.search(r"\((.+)\)", detected or "")
    return {
        "port_type": _said(seen.get("Port")),
        "autonegotiation": _switch(seen.get("Auto-negotiation")),
        "link_detected": _switch(detected),
        "link_detail": detail.group(1) if detail else None,
    }


def pause(text: str) -> Dict[str, Optional[bool]]:
    """Return autonegotiate, rx, tx (global pause frames) from ``ethtool -a``."""
    seen = dict(reversed(pairs(text)))  # the first of a name counts: "RX negotiated" comes later
    return {
        "autonegotiate": _switch(seen.get("Autonegotiate")),
        "rx": _switch(seen.get("RX")),
        "tx": _switch(seen.get("TX")),
    }


def fec(text: str) -> Dict[str, Any]:
    """Return configured (list) and active (list) from ``ethtool --show-fec``; FEC that is off is ``["Off"]``."""
    result: Dict[str, Any] = {"configured": None, "active": None}
    for name, value in pairs(text):
        found = re.search(r"(configured|active) fec encodings?$", name.lower())
        if found and value.strip():
            result[found.group(1)] = value.split()
    return result


def rings(text: str) -> Dict[str, Optional[int]]:
    """Return rx, tx, rx_max, tx_max (descriptors) from ``ethtool -g``."""
    result: Dict[str, Optional[int]] = dict.fromkeys(("rx", "tx", "rx_max", "tx_max"))
    suffix = ""
    for name, value in pairs(text):
        if name == "Pre-set maximums":
            suffix = "_max"
        elif name == "Current hardware settings":
            suffix = ""
        elif name in ("RX", "TX") and value.isdecimal():
            result[name.lower() + suffix] = int(value)
    return result


def module(text: str) -> Optional[Dict[str, Any]]:
    """Return what a transceiver or cable says of itself in ``ethtool -m``; ``None`` when that is no module at all.

    ``temperature_c`` with its alarm and warning limits, ``rx_power_dbm`` and ``tx_power_dbm`` as lists by lane,
    ``alarms``: names of the alarm and warning flags that are raised, and of faults and lost signals with their lanes.
    ``diagnostics``: the answer has a line of measurements, flags or thresholds, whether or not that line holds a value,
    or a fault. A copper cable has an identity only.
    """
    seen = pairs(text)
    first = dict(reversed(seen))
    if "Identifier" not in first:
        return None
    limits = {"temperature_alarm_c": "high alarm threshold", "temperature_warning_c": "high warning threshold"}
    return {
        **{key: _said(first.get(name)) for key, name in _MODULE_NAMES.items()},
        "length_m": _length(first),
        "temperature_c": _number(_CENTIGRADE, first.get("Module temperature")),
        **{key: _number(_CENTIGRADE, first.get(f"Module temperature {name}")) for key, name in limits.items()},
        "rx_power_dbm": _lanes(seen, ("Receiver signal average optical power", "Rcvr signal avg optical power")),
        "tx_power_dbm": _lanes(seen, ("Laser output power", "Transmit avg optical power")),
        "alarms": _alarms(seen),
        "diagnostics": (
            first.get("Optical diagnostics support") != "No" and any(_MEASURED.search(name) for name in first)
        )
        or bool(_raised(_faults(seen))),
    }


def _number(pattern: re.Pattern[str], value: Optional[str]) -> Optional[float]:
    found = pattern.search(value or "")
    return float(found.group(1)) if found else None


def _length(first: Dict[str, str]) -> Optional[float]:
    for name in ("Cable assembly length", "Length (Copper)", "Length (Copper or Active cable)"):
        found = re.match(r"(\d+(?:\.\d+)?)\s*m\b", first.get(name, ""))
        if found and float(found.group(1)):
            return float(found.group(1))
    return None


def _lanes(seen: List[Tuple[str, str]], names: Tuple[str, ...]) -> Optional[List[float]]:
    """Return the power of each lane: ``Rcvr signal avg optical power(Channel 1)`` on QSFP, without a lane on SFP."""
    lanes = [_number(_DBM, value) for name, value in seen if re.sub(r"\s*\(Channel \d+\)$", "", name).strip() in names]
    return [lane for lane in lanes if lane is not None] or None


Flag = Tuple[str, Optional[bool]]  # its name, and whether it is raised


def _alarms(seen: List[Tuple[str, str]]) -> Optional[List[str]]:
    """Return the raised flags, ``[]`` when every flag is known to be off.

    ``None`` when the module has no flags, when the answer is cut (thresholds come after them), or when none is raised
    and one of them says neither on nor off. A fault needs no thresholds beside it.
    """
    faults = _faults(seen)
    if not any(name.endswith("threshold") for name, unused in seen):
        return _raised(faults) or None
    flags = [(name, _switch(value)) for name, value in seen if _FLAG.search(name)]
    raised = _raised(flags + faults)
    silent = not flags or any(state is None for name, state in flags + faults)
    return None if silent and not raised else raised


def _raised(flags: List[Flag]) -> List[str]:
    return [name for name, state in flags if state]


def _faults(seen: List[Tuple[str, str]]) -> List[Flag]:
    """Return faults, lost signals and locks, and the state of the module."""
    return [
        _module_state(value) if name == "Module State" else _fault(name, value)
        for name, value in seen
        if name == "Module State" or _FAULT.match(name)
    ]


def _module_state(value: str) -> Flag:
    found = _MODULE_STATE.match(value)
    return f"Module State {value}", found.group(1).lower() == "modulefault" if found else None


def _fault(name: str, value: str) -> Flag:
    """Return a flag of a whole module (``Yes``, ``Off``, ``None`` where no lane has it) or of each of its lanes.

    ``Rx loss of signal : [ Yes, No, No, No ]`` is ``Rx loss of signal (lane 1)``.
    """
    lanes = re.match(r"\[(.*)\]$", value)
    if not lanes:
        return name, False if value.lower() == "none" else _switch(value)
    states = [_switch(lane.strip()) for lane in lanes.group(1).split(",")]
    lit = [str(number) for number, state in enumerate(states, 1) if state]
    if lit:
        return f"{name} (lane{'s' if len(lit) > 1 else ''} {', '.join(lit)})", True
    return name, None if None in states else False
