# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Intel Gaudi accelerators: hl-smi's answers first, the driver's files in sysfs for whatever is missing.

hl-smi runs as children under one deadline each. Its index order is not the order of the modules on the board.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..host import ABSENT, OK, TIMEOUT, Asked
from ..parse import hl_smi as parse
from ..parse.amd_smi import GENERATIONS
from ..parse.pci import link_speed, link_width
from .asking import side_by_side
from .gpu_shape import fill, nested

MODULE = "/sys/module/habanalabs"
TIMEOUT_S = 15
CARDS = (
    "index,module_id,bus_id,uuid,name,driver_version,memory.total,memory.used,"
    "temperature.aip,power.draw,utilization.aip"
)
HEALTH = (
    "bus_id,serial,ecc.mode.current,ecc.errors.corrected.volatile.total,ecc.errors.uncorrected.volatile.total,"
    "ecc.errors.corrected.aggregate.total,ecc.errors.uncorrected.aggregate.total"
)
CLOCKS = "bus_id,clocks.current.soc,clocks.max.soc,clocks.limit.soc,ecc.mode.pending"  # apart: not in every release
FIRMWARE = ("cpucp_ver", "fw_os_ver", "preboot_btl_ver", "uboot_ver", "cpld_ver", "infineon_ver", "thermal_ver")
MODES = {"enabled": True, "disabled": False}
PORT_STATES = {"up": True, "down": False}  # another word stands as it is: the port is neither
CLASSES = (("/sys/class/accel", r"accel\d+", "/device"), ("/sys/class/habanalabs", r"hl\d+", ""))


class Answer(NamedTuple):
    """What became of one call of hl-smi."""

    state: str
    text: str
    detail: Optional[str]


def collect(asked: Asked, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return source, state, state_detail, driver, driver_count, devices and topology of this machine's Gaudi cards."""
    if not asked.names(MODULE):
        return {
            "source": None,
            "state": "driver_not_loaded",
            "state_detail": "the habanalabs module is not loaded",
            "driver": {"kernel_module_state": "not_loaded"},
            "driver_count": 0,
            "devices": [],
            "topology": {},
        }
    queries = {"cards": CARDS, "health": HEALTH, "clocks": CLOCKS}
    said = side_by_side(asked, {name: _call(asked, "-Q", query, "-f", "csv") for name, query in queries.items()})
    rows = {name: _by_address(said[name]) for name in said}
    known = _cards(asked)
    addresses = sorted({*rows["cards"], *known})
    links = _ask_links(asked, addresses) if said["cards"] and said["cards"].state == OK else {}
    state, detail = _state(said, rows["cards"], links)
    devices = [
        _device(index, address, rows, known.get(address, {}), links.get(address))
        for index, address in enumerate(addresses)
    ]
    return {
        "source": "hl-smi" if rows["cards"] else "sysfs",
        "state": state,
        "state_detail": detail,
        "driver": _driver(asked, rows["cards"]),
        "driver_count": len(rows["cards"]) or len(known),
        "devices": devices,
        "topology": {},
    }


def _call(asked: Asked, *arguments: str) -> Callable[[], Answer]:
    """A call of hl-smi whose outcome is kept, not only its text."""

    def ask() -> Answer:
        argv = ["hl-smi", *arguments]
        answer = asked.host.run(argv, timeout=TIMEOUT_S)
        text = answer.stdout.decode("utf-8", "replace")
        state, detail = answer.state, answer.detail
        if state == OK and answer.rc != 0:
            said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:200]
            state, detail = "failed", f"exit code {answer.rc}: {said}"
        if state != OK:
            asked.fail("hl-smi" if state == ABSENT else " ".join(argv), f"{state}: {detail}" if detail else state)
        return Answer(state, text if state == OK else "", detail or None)

    return ask


def _by_address(answer: Optional[Answer]) -> Dict[str, Dict[str, str]]:
    rows = parse.table(answer.text) if answer else []
    return {address: row for row in rows for address in [parse.address(row.get("bus_id"))] if address}


def _ask_links(asked: Asked, addresses: List[str]) -> Dict[str, Dict[str, Optional[Answer]]]:
    """Ask every card for the state and the kind of its ports."""
    calls = {
        (address, kind): _call(asked, "-n", kind, "-i", address) for address in addresses for kind in ("link", "ports")
    }
    answers = side_by_side(asked, {f"{kind} {address}": call for (address, kind), call in calls.items()})
    return {address: {kind: answers[f"{kind} {address}"] for kind in ("link", "ports")} for address in addresses}


def _state(
    said: Mapping[str, Optional[Answer]], cards: Mapping[str, Any], links: Mapping[str, Mapping[str, Optional[Answer]]]
) -> Tuple[str, Optional[str]]:
    """Return the state of the management tool, and what it said."""
    first = said["cards"] or Answer("failed", "", None)
    if first.state != OK:
        states = {ABSENT: "no_tool", TIMEOUT: "timeout"}
        detail = "hl-smi is not installed" if first.state == ABSENT else f"hl-smi -Q: {first.detail or first.state}"
        return states.get(first.state, "failed"), detail
    if not cards:
        return "failed", f"no card in the answer of hl-smi -Q: {first.text.strip()[:80]!r}"
    rest = [said["health"], said["clocks"]] + [answer for both in links.values() for answer in both.values()]
    broken = [answer for answer in rest if answer is None or answer.state != OK]
    if broken:
        return "partial", f"{len(broken)} of {len(rest)} further calls of hl-smi failed"
    return "ok", None


def _driver(asked: Asked, cards: Mapping[str, Mapping[str, str]]) -> Dict[str, Any]:
    module = asked.text(f"{MODULE}/version") or None
    told = sorted({row["driver_version"] for row in cards.values() if "driver_version" in row})
    version = module or (told[0] if told else None)
    return {
        "version": version,
        "kernel_module_version": module,
        "kernel_module_state": asked.text(f"{MODULE}/initstate") or None,
        "synapse_version": parse.release(version),
    }


def _cards(asked: Asked) -> Dict[str, Dict[str, Any]]:
    """Return what the driver shows of each card, by PCI address: under "accel" on new kernels, "habanalabs" on old."""
    found: Dict[str, Dict[str, Any]] = {}
    for folder, pattern, inner in CLASSES:
        for name in asked.names(folder):
            address = asked.link_name(f"{folder}/{name}/device")
            if re.fullmatch(pattern, name) and address and parse.address(address):
                place = f"{folder}/{name}{inner}"
                if asked.text(f"{place}/status") is not None:  # other vendors' cards are in "accel" as well
                    found.setdefault(address, _card(asked, place, f"{folder}/{name}/device", address))
    return found


def _card(asked: Asked, place: str, pci: str, address: str) -> Dict[str, Any]:
    status = (asked.text(f"{place}/status") or "").lower()
    power = asked.number(f"{place}/max_power")
    firmware = {name[:-4]: asked.text(f"{place}/{name}") or None for name in FIRMWARE}
    speed, speed_max = (link_speed(asked.text(f"{pci}/{name}_link_speed")) for name in ("current", "max"))
    return nested(
        {
            "pci_address": address,
            "state": parse.STATES.get(status),
            "state_detail": None if status == "operational" else f"the driver says: {status[:80] or 'nothing'}",
            "model": asked.text(f"{place}/device_type") or None,
            "module_id": asked.number(f"{place}/module_id"),
            "numa_node": asked.number(f"{pci}/numa_node"),
            "firmware": firmware,
            "power_max_w": None if power is None else power / 1000000,
            "pcie.width": link_width(asked.text(f"{pci}/current_link_width")),
            "pcie.width_max": link_width(asked.text(f"{pci}/max_link_width")),
            "pcie.generation": GENERATIONS.get(speed or 0),
            "pcie.generation_max": GENERATIONS.get(speed_max or 0),
            "extra.status": status or None,
            "extra.firmware_release": parse.release(firmware["cpucp"]),
            "extra.security_enabled": {"1": True, "0": False}.get(asked.text(f"{place}/security_enabled") or ""),
            "extra.soft_reset_count": asked.number(f"{place}/soft_reset_cnt"),
            "extra.hard_reset_count": asked.number(f"{place}/hard_reset_cnt"),
            **_sensors(asked, pci),
        }
    )


def _sensors(asked: Asked, pci: str) -> Dict[str, Optional[float]]:
    """Return temperature (°C) and power (W) of the card's hwmon device."""
    for monitor in asked.names(f"{pci}/hwmon")[:1]:
        heat, power = (asked.number(f"{pci}/hwmon/{monitor}/{name}_input") for name in ("temp1", "power1"))
        return {
            "temperature_c": None if heat is None else heat / 1000,
            "power_w": None if power is None else power / 1000000,
        }
    return {}


def _device(
    index: int,
    address: str,
    rows: Mapping[str, Mapping[str, Mapping[str, str]]],
    card: Mapping[str, Any],
    links: Optional[Mapping[str, Optional[Answer]]],
) -> Dict[str, Any]:
    row, health, clocks = (rows[name].get(address, {}) for name in ("cards", "health", "clocks"))
    said = {name: parse.number(row.get(name)) for name in ("index", "module_id", "temperature.aip", "power.draw")}
    place = index if said["index"] is None else int(said["index"])
    device = nested(
        {
            "label": f"GPU {place} ({address})",
            "source": "hl-smi" if row else "sysfs",
            "vendor": "gaudi",
            "state": None,  # only the driver says it
            "index": place,
            "pci_address": address,
            "model": row.get("name"),
            "serial": health.get("serial"),
            "uuid": row.get("uuid"),
            "module_id": None if said["module_id"] is None else int(said["module_id"]),
            "memory.total_bytes": parse.mebibytes(row.get("memory.total")),
            "memory.used_bytes": parse.mebibytes(row.get("memory.used")),
            "temperature_c": said["temperature.aip"],
            "power_w": said["power.draw"],
            "utilization.gpu_percent": parse.number(row.get("utilization.aip")),
            "clocks.sm_mhz": parse.number(clocks.get("clocks.current.soc")),
            "clocks.sm_max_mhz": parse.number(clocks.get("clocks.max.soc")),
            "extra.clock_limit_mhz": parse.number(clocks.get("clocks.limit.soc")),
            **_ecc(health, clocks),
            "links": _links(links),
        }
    )
    if fill(device, card) and row:
        device["source"] = "hl-smi and sysfs"
    return device


def _ecc(health: Mapping[str, str], clocks: Mapping[str, str]) -> Dict[str, Any]:
    counts = {
        f"ecc.{when}.{kind}": parse.number(health.get(f"ecc.errors.{kind}.{when}.total"))
        for when in ("volatile", "aggregate")
        for kind in ("corrected", "uncorrected")
    }
    modes = {
        "ecc.enabled": _mode(health.get("ecc.mode.current")),
        "ecc.pending": _mode(clocks.get("ecc.mode.pending")),
    }
    return {**modes, **counts}


def _mode(word: Optional[str]) -> Any:
    return None if word is None else MODES.get(word.lower(), word)


def _links(answers: Optional[Mapping[str, Optional[Answer]]]) -> Optional[List[Dict[str, Any]]]:
    """Return the ports between the cards; those that lead out of the machine are not for scale-up."""
    link, kind = (answers or {}).get("link"), (answers or {}).get("ports")
    states = parse.ports(link.text) if link else {}
    kinds = parse.ports(kind.text) if kind else {}
    if not states:
        return None
    return [
        {"label": f"port {port}", "index": port, "kind": "scaleup", "active": PORT_STATES.get(state, state)}
        for port, state in sorted(states.items())
        if kinds.get(port) != "external"
    ]
