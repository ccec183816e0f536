# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What shows only when the accelerators of a machine are seen side by side, and against the machine's own uptime."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set

from ..host import Asked
from ..parse.three_valued import all_of

UPTIME = "/proc/uptime"
DAY_S = 86400.0


def facts(asked: Asked, devices: Optional[List[Dict[str, Any]]]) -> Dict[str, Any]:
    """Return clocks_explained, all_in_use and not_supported of the machine; complete its devices' links.

    Only accelerators that answer count. ``not_supported`` holds what every one of them says it does not have.
    """
    answering = [device for device in devices or [] if device["responding"]]
    for device in devices or []:
        device.setdefault("not_supported", [])
        device["link_count"] = None if device.get("links") is None else len(device["links"])
    _set_unwired_apart(answering)
    _add_rates(asked, answering)
    lacking = [set(device["not_supported"]) for device in answering]
    return {
        "clocks_explained": all_of((device.get("clock_reasons") or {}).get("explained") for device in answering),
        "all_in_use": all_of(_in_use(device) for device in answering),
        "not_supported": sorted(set.intersection(*lacking)) if lacking else None,
    }


def _in_use(device: Dict[str, Any]) -> Optional[bool]:
    processes = device.get("processes")
    return None if processes is None else bool(processes)


def _set_unwired_apart(devices: List[Dict[str, Any]]) -> None:
    """Take the NVLinks that are down on every GPU out of ``links``: a board that has fewer does not wire them.

    Their numbers stand in ``unwired_links`` and they are not in ``link_count``, by which a board is judged that
    should have had them all.
    """
    linked = [device for device in devices if any(link["kind"] == "nvlink" for link in device.get("links") or [])]
    down: List[Set[int]] = [{link["index"] for link in device["links"] if link["active"] is False} for device in linked]
    unwired = set.intersection(*down) if down else set()
    for device in linked:
        device["links"] = [link for link in device["links"] if link["index"] not in unwired]
        device.update(unwired_links=sorted(unwired), link_count=len(device["links"]))


def _add_rates(asked: Asked, devices: List[Dict[str, Any]]) -> None:
    """Add recoveries a day to every link that counts them; a machine that is up for less is taken as up for a day."""
    links = [link for device in devices for link in device.get("links") or [] if "recovery" in link.get("errors", {})]
    words = ((asked.text(UPTIME, limit=256) or "") if links else "").split()
    try:
        days: Optional[float] = max(float(words[0]) / DAY_S, 1.0) if words else None
    except ValueError:
        days = None
    for link in links:
        count = link["errors"]["recovery"]
        known = count is not None and days is not None
        link["errors"]["recovery_per_day"] = round(count / days, 2) if known and days else None
