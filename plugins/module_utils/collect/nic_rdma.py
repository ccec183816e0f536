# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RDMA devices and their ports as ``/sys/class/infiniband`` shows them: InfiniBand, RoCE, soft or hard."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..host import OK, Asked
from ..parse import rdma
from .nic_netdev import count, numa_node, pci_link

CLASS = "/sys/class/infiniband"
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_TABLE_LIMIT = 64  # entries of a GID or P_Key table that are looked at
_TABLE_GAP = 4  # a table is filled from its start: so many empty entries in a row end it
_NO_COUNTERS = ("lifespan",)  # how long a reading is cached, in ms
_HOUR_S, _DAY_S = 3600.0, 86400.0


def collect(asked: Asked, uptime_s: Optional[float]) -> Dict[str, Any]:
    """Return devices and ports (virtual functions left out and counted) and the ports per kind."""
    devices: List[Dict[str, Any]] = []
    ports: List[Dict[str, Any]] = []
    virtual_functions = 0
    listed = asked.host.names(CLASS)
    for name in asked.names(CLASS):
        if asked.host.link(f"{CLASS}/{name}/device/physfn"):
            virtual_functions += 1
            continue
        device = _device(asked, name)
        devices.append(device)
        numbers = filter(str.isdigit, asked.names(f"{CLASS}/{name}/ports", required=True))
        ports += [_port(asked, device, number, uptime_s) for number in numbers]
    return {
        "source": "sysfs",
        "loaded": listed.state == OK,
        "devices": devices,
        "ports": ports,
        "virtual_function_count": virtual_functions,
    }


def _device(asked: Asked, name: str) -> Dict[str, Any]:
    base = f"{CLASS}/{name}"
    place = asked.host.link(f"{base}/device") or ""
    address = ([""] + _PCI_ADDRESS.findall(place))[-1] or None
    text = {key: asked.text(f"{base}/{key}") or None for key in ("fw_ver", "board_id", "hca_type", "node_desc")}
    return {
        "label": name,
        "name": name,
        "source": "sysfs",
        "driver": asked.link_name(f"{base}/device/driver") if place else "software",  # rxe, siw
        "firmware_version": text["fw_ver"],
        "board_id": text["board_id"],
        "hca_type": text["hca_type"],
        "node_description": text["node_desc"],
        "node_guid": rdma.guid(asked.text(f"{base}/node_guid")),
        "system_image_guid": rdma.guid(asked.text(f"{base}/sys_image_guid")),
        "pci_address": address,
        "pci": pci_link(asked, address),
        "numa_node": numa_node(asked, address),
    }


def _port(asked: Asked, device: Mapping[str, Any], number: str, uptime_s: Optional[float]) -> Dict[str, Any]:
    base = f"{CLASS}/{device['name']}/ports/{number}"
    rate = rdma.rate(asked.text(f"{base}/rate"))
    counters = _counters(asked, f"{base}/counters")
    hw_counters = _counters(asked, f"{base}/hw_counters")
    return {
        "label": f"{device['name']} port {number}",
        "device": device["name"],
        "port": int(number),
        "source": "sysfs",
        "driver": device["driver"],
        "hca_type": device["hca_type"],
        "board_id": device["board_id"],
        "firmware_version": device["firmware_version"],
        "pci_address": device["pci_address"],
        "pci": device["pci"],
        "numa_node": device["numa_node"],
        "state": rdma.word(asked.text(f"{base}/state", required=True)),
        "physical_state": rdma.word(asked.text(f"{base}/phys_state", required=True)),
        "link_layer": asked.text(f"{base}/link_layer", required=True) or None,
        "rate_gbps": rate.gbps,
        "lanes": rate.lanes,
        "lane_speed": rate.speed,
        "lid": asked.number(f"{base}/lid"),
        "sm_lid": asked.number(f"{base}/sm_lid"),
        "netdev": _netdev(asked, device["name"], number),
        "gids": _gids(asked, base),
        "pkeys": _pkeys(asked, base),
        "traffic_class": _traffic_class(asked, f"{CLASS}/{device['name']}/tc/{number}/traffic_class"),
        "counters": counters,
        "hw_counters": hw_counters,
        "saturated": None if counters is None or None in counters.values() else rdma.saturated(counters),
        "per_hour": None if counters is None else rdma.per_time(counters, uptime_s, _HOUR_S),
        "per_day": None if counters is None else rdma.per_time(counters, uptime_s, _DAY_S),
        "hw_per_hour": None if hw_counters is None else rdma.per_time(hw_counters, uptime_s, _HOUR_S),
    }


def _counters(asked: Asked, folder: str) -> Optional[Dict[str, Optional[int]]]:
    names = asked.names(folder)
    return {name: count(asked, f"{folder}/{name}") for name in names if name not in _NO_COUNTERS} if names else None


def _netdev(asked: Asked, device: str, number: str) -> Optional[str]:
    """Return the interface of a port: from the GID table for RoCE (a bond, too), else from the PCI function."""
    answer = asked.host.read(f"{CLASS}/{device}/ports/{number}/gid_attrs/ndevs/0")  # EINVAL where there is none
    named = answer.data.decode("utf-8", "replace").strip()
    if named:
        return named
    names = asked.names(f"{CLASS}/{device}/device/net")
    ports = {asked.number(f"/sys/class/net/{name}/dev_port"): name for name in reversed(names)}
    return ports.get(int(number) - 1) or (names[0] if names else None)


def _gids(asked: Asked, base: str) -> Optional[Dict[str, Any]]:
    """Return count, types (sorted, without repetition) and entries of the GID table."""
    entries = _table(asked, f"{base}/gids", rdma.gid_is_set)
    if entries is None:
        return None
    gids = []
    for index, gid in entries:
        kind = asked.host.read(f"{base}/gid_attrs/types/{index}").data.decode("utf-8", "replace").strip()
        gids.append({"index": index, "gid": gid, "type": kind or None})
    return {"count": len(gids), "types": sorted({entry["type"] for entry in gids if entry["type"]}), "entries": gids}


_PKEY = re.compile(r"0x[0-9a-fA-F]{4}$")


def _pkeys(asked: Asked, base: str) -> Optional[List[str]]:
    entries = _table(asked, f"{base}/pkeys", lambda text: _PKEY.match(text) and text != "0x0000")
    return None if entries is None else [key for unused, key in entries]


def _table(asked: Asked, folder: str, is_set: Any) -> Optional[List[Tuple[int, str]]]:
    names = sorted((name for name in asked.names(folder) if name.isdecimal()), key=int)
    found: List[Tuple[int, str]] = []
    empty = 0
    for name in names[:_TABLE_LIMIT]:
        text = asked.text(f"{folder}/{name}") or ""
        empty = 0 if is_set(text) else empty + 1
        if empty == _TABLE_GAP:
            break
        if not empty:
            found.append((int(name), text))
    return found if names else None


def _traffic_class(asked: Asked, path: str) -> Optional[int]:
    found = re.match(r"Global tclass=(\d+)$", asked.text(path) or "")
    return int(found.group(1)) if found else None
