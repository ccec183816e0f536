# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hl-smi prints about Gaudi 3 cards, and what the habanalabs driver shows in sysfs."""

from __future__ import annotations

from collections.abc import Iterable

from . import pcimap
from .node import Node
from .pcimap import GPU, Function
from .recording import Recording

RELEASE = "1.21.0"
DRIVER = f"{RELEASE}-ca59b5a"
FIRMWARE = f"hl-gaudi3-{RELEASE}-fw-59.2.1-sec-9"
MEMORY_MIB = 131072
MODULES = (3, 2, 1, 0, 7, 6, 5, 4)  # the driver counts by PCI address, the baseboard by socket
EXTERNAL = (8, 22, 23)  # ports to the outside; the other 21 connect the cards with each other
PORTS = 24
CARDS = (
    "index,module_id,bus_id,uuid,name,driver_version,memory.total,memory.used,"
    "temperature.aip,power.draw,utilization.aip"
)
HEALTH = (
    "bus_id,serial,ecc.mode.current,ecc.errors.corrected.volatile.total,ecc.errors.uncorrected.volatile.total,"
    "ecc.errors.corrected.aggregate.total,ecc.errors.uncorrected.aggregate.total"
)
CLOCKS = "bus_id,clocks.current.soc,clocks.max.soc,clocks.limit.soc,ecc.mode.pending"
UNITS = {
    **dict.fromkeys(("clocks.current.soc", "clocks.max.soc", "clocks.limit.soc"), "MHz"),
    "memory.total": "MiB",
    "memory.used": "MiB",
    "temperature.aip": "C",
    "power.draw": "W",
    "utilization.aip": "%",
}


def links(down: Iterable[int] = ()) -> str:
    """What ``hl-smi -n link`` prints: the ports between the cards only."""
    inner = [port for port in range(PORTS) if port not in EXTERNAL]
    return "".join(f"port {port:>2}:\t{'DOWN' if port in down else 'UP'}\n" for port in inner)


def kinds() -> str:
    """What ``hl-smi -n ports`` prints."""
    return "".join(f"port {port}:\t{'external' if port in EXTERNAL else 'internal'}\n" for port in range(PORTS))


def tables(node: Node, rec: Recording, cards: Iterable[Function], **changes: dict[int, str]) -> None:
    """Put the three tables that are asked for; ``changes`` is field -> card -> text, dots written as "__"."""
    rows = [_row(node, function) for function in cards]
    for field, by_card in changes.items():
        for row in rows:
            number = int(row["index"])
            row[field.replace("__", ".")] = by_card.get(number, row[field.replace("__", ".")])
    for query in (CARDS, HEALTH, CLOCKS):
        names = query.split(",")
        head = ", ".join(f"{name} [{UNITS[name]}]" if name in UNITS else name for name in names)
        body = [", ".join(f"{row[name]} {UNITS.get(name, '')}".strip() for name in names) for row in rows]
        rec.command(f"hl-smi -Q {query} -f csv", "\n".join([head, *body, ""]))


def _row(node: Node, function: Function) -> dict[str, str]:
    number = function.index
    return {
        "index": str(number),
        "module_id": str(MODULES[number]),
        "bus_id": function.address,
        "uuid": f"01P4-HL3090A0-18-{node.serial('wafer', number)[:6]}-{number:02d}-07-05",
        "name": "HL-325L",
        "driver_version": DRIVER,
        "memory.total": str(MEMORY_MIB),
        "memory.used": "672",
        "temperature.aip": str(31 + number % 4),
        "power.draw": str(218 + number),
        "utilization.aip": "0",
        "serial": f"AP{node.serial('gaudi3', number)[:8]}",
        "ecc.mode.current": "Enabled",
        "ecc.mode.pending": "Enabled",
        "clocks.current.soc": "1650",
        "clocks.max.soc": "1650",
        "clocks.limit.soc": "1650",
        **{
            f"ecc.errors.{kind}.{span}.total": "0"
            for kind in ("corrected", "uncorrected")
            for span in ("volatile", "aggregate")
        },
    }


def card(node: Node, number: int) -> str:
    """The directory of a card in sysfs."""
    return pcimap.path(node.klass, pcimap.one(node.klass, GPU, number).address)


def sysfs(node: Node, rec: Recording, function: Function) -> None:
    """Put the files of a card."""
    place, number = card(node, function.index), function.index
    rec.link(f"/sys/class/accel/{function.name}", f"{place}/accel/{function.name}")
    rec.link(f"{place}/accel/{function.name}/device", place)
    files = {
        "status": "operational",
        "device_type": "GAUDI3",
        "pci_addr": function.address,
        "module_id": str(MODULES[number]),
        "cpucp_ver": FIRMWARE,
        "fw_os_ver": f"Linux gaudi3 5.10.18-{FIRMWARE}",
        "preboot_btl_ver": f"Preboot version {FIRMWARE} (Mar 10 2026 - 14:02:11)",
        "uboot_ver": f"U-Boot 2021.04-{FIRMWARE}",
        "cpld_ver": "0x00000021_20250213",
        "infineon_ver": "0x12",
        "thermal_ver": "",
        "security_enabled": "1",
        "soft_reset_cnt": "0",
        "hard_reset_cnt": "0",
        "max_power": "900000000",
        f"hwmon/hwmon{number + 4}/temp1_input": str(1000 * (31 + number % 4)),
        f"hwmon/hwmon{number + 4}/power1_input": str(1000000 * (218 + number)),
    }
    for name, text in files.items():
        rec.file(f"{place}/{name}", f"{text}\n")
