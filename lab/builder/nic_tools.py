# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ethtool, ip, dcb, devlink and lldpcli print about the ports of a simulated node."""

from __future__ import annotations

import json
from typing import Any

from .nic_plan import Port, management_address
from .node import Node

FOR_EVER = 4294967295
KERNEL = "6.8.0-84-generic"
MELLANOX = "mlx5_core"


def driver(port: Port) -> str:
    """``ethtool -i``."""
    version, psid, _ = port.firmware
    name = f"{MELLANOX}[ib_ipoib]" if port.layer == "InfiniBand" else port.function.driver
    firmware = f"{version} ({psid})" if psid else version
    return (
        f"driver: {name}\nversion: {KERNEL}\nfirmware-version: {firmware}\nexpansion-rom-version: \n"
        f"bus-info: {port.function.address}\nsupports-statistics: yes\nsupports-test: yes\n"
        "supports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: yes\n"
    )


def link(port: Port) -> str:
    """``ethtool IFACE``."""
    copper = not optical(port)
    speed = f"{port.mbps}Mb/s" if port.up else "Unknown!"
    return (
        f"Settings for {port.name}:\n"
        f"\tSupported ports: [ {'TP' if copper else 'FIBRE'} ]\n"
        "\tSupported pause frame use: Symmetric\n\tSupports auto-negotiation: Yes\n"
        f"\tSupported FEC modes: {'Not reported' if copper else 'None RS'}\n"
        f"\tSpeed: {speed}\n\tDuplex: {'Full' if port.up else 'Unknown! (255)'}\n\tAuto-negotiation: on\n"
        f"\tPort: {'Twisted Pair' if copper else 'FIBRE'}\n\tPHYAD: 0\n\tTransceiver: internal\n"
        "\tSupports Wake-on: d\n\tWake-on: d\n"
        f"\tLink detected: {'yes' if port.up else 'no (No cable)'}\n"
    )


def optical(port: Port) -> bool:
    """Say whether the port has a cage for modules."""
    return port.function.driver == MELLANOX


def pause(port: Port) -> str:
    """``ethtool -a``: global pause is off where PFC does its work."""
    state = "off" if port.roce else "on"
    return f"Pause parameters for {port.name}:\nAutonegotiate:\toff\nRX:\t\t{state}\nTX:\t\t{state}\n"


def rings(port: Port) -> str:
    """``ethtool -g``."""
    most, now = (8192, 1024) if optical(port) else (4096, 512)
    none = "RX Mini:\t\tn/a\nRX Jumbo:\t\tn/a\n"
    return (
        f"Ring parameters for {port.name}:\nPre-set maximums:\nRX:\t\t\t{most}\n{none}TX:\t\t\t{most}\n"
        f"Current hardware settings:\nRX:\t\t\t{now}\n{none}TX:\t\t\t{now}\n"
    )


def fec(port: Port) -> str:
    """``ethtool --show-fec``."""
    return f"FEC parameters for {port.name}:\nSupported/Configured FEC encodings: Auto\nActive FEC encoding: RS\n"


def module(node: Node, port: Port) -> str:
    """``ethtool -m`` of an optical module with four lanes and diagnostics."""
    rows = [
        ("Identifier", "0x18 (QSFP-DD Double Density 8X Pluggable Transceiver (INF-8628))"),
        ("Connector", "0x0c (MPO 1x12)"),
        ("Cable assembly length", "0m"),
        ("Vendor name", "NVIDIA"),
        ("Vendor OUI", "00:02:c9"),
        ("Vendor PN", "MMA1Z00-NS400" if port.mbps >= 200_000 else "MMA1B00-C100D"),
        ("Vendor rev", "A3"),
        ("Vendor SN", f"MT{node.serial('module', port.number)}"),
        ("Date code", "250312__"),
        ("Module temperature", degrees(41.25 + port.number)),
        ("Module voltage", "3.2850 V"),
    ]
    for lane in range(1, 5):
        rows.append((f"Transmit avg optical power (Channel {lane})", "1.4521 mW / 1.62 dBm"))
        rows.append((f"Rcvr signal avg optical power (Channel {lane})", "0.9120 mW / -0.40 dBm"))
    things = ("Module temperature", "Module voltage", "Laser rx power", "Laser tx power")
    levels = ("high alarm", "low alarm", "high warning", "low warning")
    rows += [(f"{thing} {level}", "Off") for thing in things for level in levels]
    limits = {"high alarm": 80, "low alarm": -10, "high warning": 70, "low warning": 0}
    rows += [(f"Module temperature {level} threshold", degrees(limit)) for level, limit in limits.items()]
    return "".join(f"\t{name:<41} : {value}\n" for name, value in rows)


def degrees(celsius: float) -> str:
    """Say a temperature as ethtool does."""
    return f"{celsius:.2f} degrees C / {celsius * 1.8 + 32:.2f} degrees F"


def pfc(priorities: tuple[int, ...] = (3,)) -> str:
    """``dcb -j pfc show``."""
    values = [priority in priorities for priority in range(8)]
    return json.dumps({"pfc_cap": 8, "macsec_bypass": False, "delay": 0, "prio_pfc": values}) + "\n"


def statistics(port: Port, **changes: int) -> str:
    """``ethtool -S``: a few of the counters of mlx5_core, or of bnxt_en."""
    if port.function.driver == MELLANOX:
        counts = {"rx_packets_phy": 69867940032, "rx_discards_phy": 0, "tx_pause_storm_error_events": 0}
        for way in ("rx", "tx"):
            counts.update({f"{way}_prio3_pause": 1841, f"{way}_prio3_pause_duration": 20112})
    else:
        counts = {"rx_ucast_packets": 69867, "rx_pfc_ena_frames_pri3": 0, "tx_pfc_ena_frames_pri3": 0}
    lines = (f"     {name}: {count}\n" for name, count in {**counts, **changes}.items())
    return "NIC statistics:\n" + "".join(lines)


def app(mapped: bool = True) -> str:
    """``dcb -j app show``: DSCP 24 to 31 on priority 3, as RoCE is set up by most."""
    return json.dumps({"dscp_prio": [[dscp, dscp // 8] for dscp in range(64)]} if mapped else {}) + "\n"


def adapters(ports: list[Port]) -> str:
    """``devlink -j dev info``."""
    info: dict[str, Any] = {}
    for port in ports:
        version, psid, _ = port.firmware
        if port.function.driver == MELLANOX:
            versions = {key: {"fw.version": version, "fw": version} for key in ("running", "stored")}
            info[f"pci/{port.function.address}"] = {
                "driver": MELLANOX,
                "versions": {"fixed": {"fw.psid": psid}, **versions},
            }
    return json.dumps({"info": info}) + "\n"


def addresses(node: Node, ports: list[Port], macs: dict[str, str]) -> str:
    """``ip -j -d addr``."""
    bonded = [port for port in ports if port.master]
    found = [_link(1, "lo", "loopback", "00:00:00:00:00:00", 65536, ["127.0.0.1/8"], True)]
    for port in ports:
        kind = "infiniband" if port.layer == "InfiniBand" else "ether"
        own = [port.address] if port.address and not port.master else []
        if not bonded and port.function.role == "nic_mgmt" and port.up:
            own = [f"{management_address(node)}/24"]
        link = _link(port.number + 2, port.name, kind, macs[port.name], port.mtu, own, port.up)
        if port.master:
            link.update(master=port.master, linkinfo={"info_slave_kind": "bond"})
        found.append(link)
    if bonded:
        own = [f"{management_address(node)}/24"]
        bond = _link(99, "bond0", "ether", macs[bonded[0].name], bonded[0].mtu, own, True)
        found.append({**bond, "linkinfo": {"info_kind": "bond"}})
    return json.dumps(found) + "\n"


def _link(index: int, name: str, kind: str, mac: str, mtu: int, own: list[str], up: bool) -> dict[str, Any]:
    entries = [
        {
            "family": "inet",
            "local": address.split("/")[0],
            "prefixlen": int(address.split("/")[1]),
            "scope": "host" if name == "lo" else "global",
            "label": name,
            "valid_life_time": FOR_EVER,
            "preferred_life_time": FOR_EVER,
        }
        for address in own
    ]
    state = "UNKNOWN" if name == "lo" else "UP" if up else "DOWN"
    flags = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"] if up else ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"]
    return {
        "ifindex": index,
        "ifname": name,
        "flags": flags,
        "mtu": mtu,
        "operstate": state,
        "link_type": kind,
        "address": mac,
        "addr_info": entries,
    }


def neighbours(ports: list[Port]) -> str:
    """``lldpcli -f json0 show neighbors details``: InfiniBand has no LLDP, a port without a cable no neighbour."""
    seen = [port for port in ports if port.layer == "Ethernet" and port.up]
    return json.dumps({"lldp": [{"interface": [_neighbour(port) for port in seen]}]}, indent=2) + "\n"


def _neighbour(port: Port) -> dict[str, Any]:
    mac = f"00:1c:73:{sum(port.switch.encode()) % 256:02x}:00:01"
    return {
        "name": port.name,
        "via": "LLDP",
        "rid": "1",
        "age": "12 days, 03:21:35",
        "chassis": [
            {
                "id": [{"type": "mac", "value": mac}],
                "name": [{"value": port.switch}],
                "descr": [
                    {"value": "Arista Networks EOS version 4.32.2F running on an Arista Networks DCS-7060X6-64PE"}
                ],
                "mgmt-ip": [{"value": "10.255.0.1"}],
                "capability": [{"type": "Bridge", "enabled": True}, {"type": "Router", "enabled": True}],
            }
        ],
        "port": [
            {
                "id": [{"type": "ifname", "value": port.switch_port}],
                "descr": [{"value": port.switch_port}],
                "ttl": [{"value": "120"}],
            }
        ],
    }
