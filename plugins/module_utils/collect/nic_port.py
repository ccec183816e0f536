# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only ``ethtool`` and ``dcb`` know of a port: firmware, cable, pause, FEC, and how it treats RoCE traffic."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import Asked
from ..parse import dcb, ethtool, nic_counters
from .nic_commands import Answers
from .nic_netdev import NET

PORT_LIMIT = 32


def commands(port: Mapping[str, Any], is_root: bool) -> List[List[str]]:
    """Return what is to be asked about one physical port."""
    name = port["name"]
    asking = [["ethtool", "-i", name]]
    if is_root:
        asking.append(["ethtool", "-m", name])
    if port["link_layer"] == "Ethernet":
        asking += [["ethtool", *option, name] for option in ([], ["-a"], ["-g"], ["--show-fec"])]
    if _is_roce(port):
        asking += [*(_dcb(what, name) for what in ("pfc", "app")), ["ethtool", "-S", name]]
    return asking


def _dcb(what: str, name: str) -> List[str]:
    return ["dcb", "-j", what, "show", "dev", name]


def _is_roce(port: Mapping[str, Any]) -> bool:
    return bool(port["rdma"] and port["link_layer"] == "Ethernet")


def describe(asked: Asked, answers: Answers, port: Dict[str, Any], is_root: bool, uptime_s: Optional[float]) -> None:
    """Put what was answered onto the port."""
    name = port["name"]
    driver = ethtool.driver(answers.text("ethtool", "-i", name) or "")
    port["driver"] = port["driver"] or driver.pop("driver")
    port.update({key: driver[key] for key in ("driver_version", "firmware_version", "psid")})
    port["module"] = _module(asked, answers, name) if is_root else None
    if port["link_layer"] != "Ethernet":
        return
    for key, option, parse in (
        ("pause", "-a", ethtool.pause),
        ("ring", "-g", ethtool.rings),
        ("fec", "--show-fec", ethtool.fec),
    ):
        text = answers.text("ethtool", option, name)
        port[key] = parse(text) if text is not None else None
    text = answers.text("ethtool", name)
    port.update(ethtool.link(text if text is not None else ""))
    port["qos"] = _qos(asked, answers, name) if _is_roce(port) else None
    port["congestion"] = _congestion(asked, answers, name, uptime_s) if _is_roce(port) else None


def _module(asked: Asked, answers: Answers, name: str) -> Optional[Dict[str, Any]]:
    """Return the module or cable; ``present`` is false for a port that has no cage or nothing in it."""
    text = answers.text("ethtool", "-m", name)
    if text is None:
        return {"present": False, "diagnostics": False} if answers.declined("ethtool", "-m", name) else None
    found = ethtool.module(text)
    if found is None:
        asked.fail(f"ethtool -m {name}", "not understood: no module identifier in the answer")
        return None
    return {"present": True, **found}


def _qos(asked: Asked, answers: Answers, name: str) -> Dict[str, Any]:
    """Return how a RoCE port treats priorities. ECN's switches are there with NVIDIA's out-of-tree driver only."""
    return {
        "source": "dcb",
        "pfc_priorities": answers.parsed(_dcb("pfc", name), dcb.pfc_priorities),
        "trust": answers.parsed(_dcb("app", name), dcb.trust),
        "ecn_notification_point": _enabled(asked, f"{NET}/{name}/ecn/roce_np/enable"),
        "ecn_reaction_point": _enabled(asked, f"{NET}/{name}/ecn/roce_rp/enable"),
        "cnp_dscp": asked.number(f"{NET}/{name}/ecn/roce_np/cnp_dscp"),
        "cnp_priority": asked.number(f"{NET}/{name}/ecn/roce_np/cnp_802p_prio"),
    }


def _congestion(asked: Asked, answers: Answers, name: str, uptime_s: Optional[float]) -> Optional[Dict[str, Any]]:
    """Return what a RoCE port counted of pause frames and full buffers, and the rates since boot."""
    text = answers.text("ethtool", "-S", name)
    counts = None if text is None else nic_counters.counters(text)
    if text is not None and counts is None:
        asked.fail(f"ethtool -S {name}", "not understood: no counter in the answer")
    return None if counts is None else {"source": "ethtool -S", **counts, **nic_counters.rates(counts, uptime_s)}


def _enabled(asked: Asked, folder: str) -> Optional[List[int]]:
    """Return the priorities 0 to 7 that are switched on."""
    names = [name for name in asked.names(folder) if re.match(r"[0-7]$", name)]
    return [int(name) for name in names if asked.number(f"{folder}/{name}")] if names else None
