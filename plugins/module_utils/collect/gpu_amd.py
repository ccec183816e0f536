# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AMD Instinct accelerators: amd-smi's answers first, the kernel's for whatever is missing.

The tool runs as children under one deadline each. Its Python binding is never loaded: on a broken installation
it prints, raises what nobody expects, or takes the whole process down. In CPX and DPX mode one card shows as
several GPUs; ``devices`` are cards, and ``partition.count`` says into how many each is divided.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..host import ABSENT, OK, TIMEOUT, Asked
from ..parse import amd_smi as parse
from ..parse import kfd
from . import gpu_amd_sysfs as sysfs
from .asking import side_by_side
from .gpu_shape import fill, nested

MODULE = "/sys/module/amdgpu"
TIMEOUT_S = 15
QUESTIONS = {
    "version": "version --json",
    "list": "list --json",
    "static": "static --json",
    "metric": "metric --json",
    "firmware": "firmware --json",
    "bad_pages": "bad-pages --json",
    "process": "process --json",
    "xgmi_metric": "xgmi -m --json",
    "link_status": "xgmi -l --json",
}
ESSENTIAL = ("static", "metric")
THRESHOLD = "ras.bad_page_threshold"
ONE_LANE_GBPS = ("link_metrics.bit_rate",)


def collect(asked: Asked, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return source, state, state_detail, driver, driver_count, devices and topology of this machine's AMD cards."""
    loaded = asked.text(f"{MODULE}/initstate") == "live" or bool(asked.names(MODULE))
    said: Dict[str, Dict[str, Any]] = {}
    if loaded:
        said = side_by_side(asked, {name: _question(asked, name) for name in QUESTIONS})
    cards, nodes = sysfs.cards(asked), sysfs.nodes(asked)
    answers = {name: answer["gpus"] for name, answer in said.items() if answer and answer["gpus"]}
    state, detail = _state(loaded, said)
    told = all(len(node) > 2 for node in nodes)
    nodes = [node for node in nodes if len(node) > 2]
    devices = _devices(answers, cards, nodes)
    return {
        "source": "amd-smi" if "static" in answers else "sysfs" if loaded else None,
        "state": state,
        "state_detail": detail,
        "driver": _driver(asked, said, devices),
        "driver_count": len(devices) if loaded else 0,
        "devices": devices if loaded else [],
        "topology": {
            "kfd_gpu_nodes": len(nodes) if nodes and told else None,
            "firmware": _firmware(devices),
            "hives": sorted({f"{node['hive_id']:#x}" for node in nodes if node.get("hive_id")}) or None
            if told
            else None,
        },
    }


def _question(asked: Asked, name: str) -> Callable[[], Dict[str, Any]]:
    """A call of amd-smi, its outcome kept apart: state, detail, and one mapping per GPU where it gave any."""

    def ask() -> Dict[str, Any]:
        argv = ["amd-smi", *QUESTIONS[name].split()]
        answer = asked.host.run(argv, timeout=TIMEOUT_S)
        text = answer.stdout.decode("utf-8", "replace")
        result: Dict[str, Any] = {"state": answer.state, "detail": answer.detail, "gpus": None, "text": text}
        if answer.state == OK and answer.rc != 0:
            complaint = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:200]
            result.update(state="failed", detail=f"exit code {answer.rc}: {complaint}")
        elif answer.state == OK:
            result["gpus"] = parse.gpus(text, name if name in parse.WRAPPERS else "gpu_data")
            if result["gpus"] is None and name != "version":
                result.update(state="failed", detail=f"no GPU in the answer: {text.strip()[:80]!r}")
        if result["state"] != OK:
            source = "amd-smi" if answer.state == ABSENT else " ".join(argv)
            asked.fail(source, ": ".join(filter(None, (result["state"], result["detail"]))))
        return result

    return ask


def _state(loaded: bool, said: Mapping[str, Mapping[str, Any]]) -> Tuple[str, Optional[str]]:
    """Return the state of the management tool, worst first, and what it said."""
    if not loaded:
        return "driver_not_loaded", "the amdgpu module is not loaded"
    answers = {name: answer for name, answer in said.items() if answer}
    for name in (*ESSENTIAL, *answers):
        state, detail = (answers.get(name) or {}).get("state", "failed"), (answers.get(name) or {}).get("detail")
        if state == ABSENT:
            return "no_tool", "amd-smi is not installed"
        if state != OK and name in ESSENTIAL:
            return ("timeout" if state == TIMEOUT else "failed"), f"amd-smi {QUESTIONS[name]}: {detail or state}"
        if state != OK:
            return "partial", f"amd-smi {QUESTIONS[name]}: {detail or state}"
    return "ok", None


def _driver(asked: Asked, said: Mapping[str, Any], devices: List[Dict[str, Any]]) -> Dict[str, Any]:
    documents = parse.documents((said.get("version") or {}).get("text", ""))
    first = documents[0][0] if documents and isinstance(documents[0], list) and documents[0] else documents[:1]
    told = first[0] if isinstance(first, list) and first else first
    module = asked.text(f"{MODULE}/version") or None
    versions = {device["extra"].get("driver_version") for device in devices if device.get("extra")} - {None}
    return {
        "version": module or next(iter(sorted(versions)), None) or parse.words(parse.pick(told, "amdgpu_version")),
        "kernel_module_version": module,
        "kernel_module_state": asked.text(f"{MODULE}/initstate") or (None if asked.names(MODULE) else "not_loaded"),
        "library_version": parse.words(parse.pick(told, "amdsmi_library_version")),
        "rocm_version": parse.words(parse.pick(told, "rocm_version"))
        or asked.text("/opt/rocm/.info/version", limit=4096)
        or None,
    }


def _devices(
    answers: Mapping[str, List[Dict[str, Any]]], cards: Mapping[str, Dict[str, Any]], nodes: List[Dict[str, Any]]
) -> List[Dict[str, Any]]:
    """Return the cards that the tool or the kernel shows, in PCI order."""
    told = {entry["gpu"]: parse.address(parse.pick(entry, "bdf")) for entry in answers.get("list", [])}
    told.update({entry["gpu"]: parse.address(parse.pick(entry, "bus.bdf")) for entry in answers.get("static", [])})
    gpus: Dict[str, List[int]] = {}
    for number, address in sorted(told.items()):
        if address:
            gpus.setdefault(address, []).append(number)
    by_number = {name: {entry["gpu"]: entry for entry in reversed(entries)} for name, entries in answers.items()}
    devices = []
    for index, address in enumerate(sorted({*gpus, *cards})):
        numbers = gpus.get(address, [])
        mine = {name: entries.get(numbers[0], {}) for name, entries in by_number.items()} if numbers else {}
        devices.append(_device(index, address, mine, cards.get(address, {}), len(numbers)))
        _add_topology(devices[-1], nodes)
        engines, said = _engines(address, nodes), mine.get("metric", {})
        devices[-1].update(throttle=parse.throttle(said, engines), clock_reasons=parse.clock_reasons(said, engines))
    return devices


def _firmware(devices: List[Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """Return for each firmware block the versions that the cards run; ``None`` where a card does not tell its own.

    VBIOS and power management are facts of each card.
    """
    told = [device["firmware"] for device in devices]
    blocks = sorted({name for firmware in told for name in firmware} - {"vbios", "pm"})
    found = {name: {firmware.get(name) for firmware in told} for name in blocks}
    return {
        name: {"label": f"firmware block {name}", "versions": None if None in versions else sorted(versions)}
        for name, versions in found.items()
    }


def _engines(address: str, nodes: List[Dict[str, Any]]) -> Optional[int]:
    """Return how many graphics engines (XCC) a card has in all its partitions; ``None`` when a node does not tell."""
    counts = [node.get("num_xcc") for node in nodes if kfd.address(node) == address]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _add_topology(device: Dict[str, Any], nodes: List[Dict[str, Any]]) -> None:
    """Add what the compute topology tells of a card; in CPX mode it is several nodes."""
    places = {node["number"]: kfd.address(node) for node in nodes}
    mine = [node for node in nodes if places[node["number"]] == device["pci_address"]]
    peers = {places.get(number) for node in mine for number in node["xgmi_to"]}
    first = mine[0] if mine else {}
    device["partition"]["count"] = max(len(mine), device["partition"]["count"]) or None
    device["extra"].update(
        hive_id=f"{first['hive_id']:#x}" if first.get("hive_id") else device["extra"].get("hive_id"),
        xgmi_peers=len(peers - {None, device["pci_address"]}) if mine else None,
        xcc_count=first.get("num_xcc"),
    )


def _device(
    index: int,
    address: str,
    mine: Mapping[str, Dict[str, Any]],
    card: Mapping[str, Any],
    gpu_count: int,
) -> Dict[str, Any]:
    device = nested({**parse.fields(mine.get("static", {}), parse.STATIC)})
    fill(device, nested(parse.fields(mine.get("metric", {}), parse.METRIC)))
    device.update(label=f"GPU {index} ({address})", index=index, vendor="amd", state="ok", pci_address=address)
    device["source"] = "amd-smi" if mine else "sysfs"
    device["uuid"] = parse.words(parse.pick(mine.get("list", {}), "uuid"))
    device["clocks"].update(parse.clocks(mine.get("metric", {})))
    device["processes"] = parse.processes(mine.get("process", {}))
    device["firmware"].update(parse.firmware(mine.get("firmware", {})))
    device["ras"]["blocks"] = parse.ras_blocks(mine.get("metric", {}))
    device["ras"]["unexplained"] = parse.ras_unexplained(mine.get("metric", {}))
    device["ras"]["bad_pages"] = parse.bad_pages(mine.get("bad_pages", {}))
    device["links"] = _links(mine)
    told = isinstance(parse.pick(mine.get("static", {}), "ras"), dict)
    device["not_supported"] = [THRESHOLD] if told and device["ras"]["bad_page_threshold"] is None else []
    if fill(device, {name: value for name, value in card.items() if name != "source"}) and mine:
        device["source"] = "amd-smi and sysfs"
    limit, heat = device["thresholds"]["slowdown_c"], device["temperature_c"]
    device["temperature_margin_c"] = None if limit is None or heat is None else limit - heat
    device["partition"]["count"] = gpu_count
    return device


def _links(mine: Mapping[str, Dict[str, Any]]) -> Optional[List[Dict[str, Any]]]:
    """Return the card's xGMI links; ``speed_mbps`` is that of one lane, as amd-smi gives it."""
    if "link_status" not in mine:
        return None
    lane = parse.number(parse.pick(mine.get("xgmi_metric", {}), *ONE_LANE_GBPS))
    return [
        {
            "label": f"xGMI link {number}",
            "index": number,
            "kind": "xgmi",
            "active": up,
            "speed_mbps": None if lane is None else int(lane * 1000),
        }
        for number, up in parse.link_states(mine["link_status"])
    ]
