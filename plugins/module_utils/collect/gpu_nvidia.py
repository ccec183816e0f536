# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NVIDIA accelerators: NVML first, ``nvidia-smi`` where the node's Python cannot reach it."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..host import ABSENT, OK, TIMEOUT, Asked, Nvml
from ..parse import nvidia_smi, nvidia_smi_nvlink, nvml
from ..parse.gpu_shape import label, pci_address
from . import pci as bus

NVML_TIMEOUT_S = 20.0
TOOL_TIMEOUT_S = 20.0
MODULE_VERSION = "/proc/driver/nvidia/version"
TOOL = ["nvidia-smi", "-q", "-x"]
LINKS = ["nvidia-smi", "nvlink", "--status"]
INFOROM_WARNING = re.compile(r"infoROM is corrupted at gpu (\S+)", re.IGNORECASE)
STATES = {9: "driver_not_loaded", 12: "no_library", 18: "version_mismatch"}  # return codes of nvmlInit
SAYINGS = (  # of nvidia-smi
    ("version mismatch", "version_mismatch"),
    ("communicate with the nvidia driver", "driver_not_loaded"),
    ("driver not loaded", "driver_not_loaded"),
    ("libnvidia-ml", "no_library"),
    ("no devices were found", "no_device"),
)
FINAL = ("driver_not_loaded", "version_mismatch", "timeout")  # nvidia-smi asks the same library: it fares no better


def collect(asked: Asked, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return source, state, state_detail, driver, driver_count, devices and topology of this machine's GPUs."""
    answer = asked.host.nvml(NVML_TIMEOUT_S, wanted.get("pynvml"))
    state, detail = _state(answer)
    facts: Optional[Dict[str, Any]] = None
    if state == "ok":
        facts = nvml.facts(answer.transcript)
        asked.errors.extend(facts.pop("errors"))
    else:
        asked.fail("nvml", detail or state)
        if state not in FINAL:
            facts, state, detail = _by_tool(asked, state, detail)
    if facts is None:
        facts = {"source": None, "driver": {}, "driver_count": None, "devices": None, "topology": {}}
    elif facts["driver_count"] == 0:
        state, detail = "no_device", "the driver knows no GPU"
    elif facts["driver_count"] is None:
        state, detail = "failed", "the driver does not say how many GPUs it has"
    facts["driver"] = dict(facts["driver"], **_module(asked))
    _complete(asked, facts["devices"] or [], wanted.get("pci_addresses") or [])
    return dict(facts, state=state, state_detail=detail)


def _state(answer: Nvml) -> Tuple[str, Optional[str]]:
    """Return what became of starting NVML, and its own words where it failed."""
    if answer.state == OK:
        return "ok", None
    if answer.state == TIMEOUT:
        return "timeout", answer.detail or "NVML did not answer in time"
    started = answer.transcript.get("system", {}).get("nvmlInit")
    code = started.get("code") if isinstance(started, dict) else None
    return STATES.get(code or 0, "no_library" if answer.state == ABSENT else "failed"), answer.detail or answer.state


def _by_tool(asked: Asked, state: str, detail: Optional[str]) -> Tuple[Optional[Dict[str, Any]], str, Optional[str]]:
    answer = asked.host.run(TOOL, timeout=TOOL_TIMEOUT_S)
    said = answer.stdout.decode("utf-8", "replace")
    facts = nvidia_smi.facts(said) if answer.state == OK else None
    if facts is not None:
        asked.errors.extend(facts.pop("errors"))
        _mark_inforom(answer.stderr.decode("utf-8", "replace") + said, facts["devices"])
        _add_links(asked, facts["devices"])
        return facts, "ok", None
    why = (answer.stderr.decode("utf-8", "replace") + said).strip()[:200] or answer.detail or answer.state
    asked.fail(" ".join(TOOL), f"exit code {answer.rc}: {why}" if answer.state == OK else f"{answer.state}: {why}")
    if answer.state == ABSENT:
        reason = (answer.detail or "nvidia-smi: not found") + (f"; {detail}" if detail else "")
        return None, "no_tool" if "PYNVML" in (detail or "") else state, reason
    if answer.state == TIMEOUT:
        return None, "timeout", "nvidia-smi did not end in time"
    told = next((name for saying, name in SAYINGS if saying in why.lower()), None)
    return None, told or ("failed" if state == "no_library" and "PYNVML" in (detail or "") else state), why


def _mark_inforom(said: str, devices: List[Dict[str, Any]]) -> None:
    """Mark the GPUs whose InfoROM the tool warns of, beside its document."""
    corrupted = {pci_address(place) for place in INFOROM_WARNING.findall(said)}
    for device in devices:
        if device["pci_address"] in corrupted - {None}:
            device["inforom_corrupted"] = True
            device["not_supported"] = [name for name in device["not_supported"] if name != "inforom_corrupted"]


def _add_links(asked: Asked, devices: List[Dict[str, Any]]) -> None:
    links = nvidia_smi_nvlink.nvlinks(asked.run(LINKS) or "")
    for device in devices:
        found = links.get(device["uuid"] or "")
        if found is not None:
            device["links"] = [dict(link, label=f"NVLink {link['index']}") for link in found]


def _module(asked: Asked) -> Dict[str, Any]:
    """Return the version of the loaded kernel module and whether it is the open one."""
    told = asked.text(MODULE_VERSION, limit=4096) or ""
    match = re.search(r"Kernel Module\s.*?(\d+(?:\.\d+)+)", told.split("\n")[0])
    version = match.group(1) if match else asked.text("/sys/module/nvidia/version", limit=256)
    return {
        "kernel_module_version": version or None,
        "kernel_module_flavour": ("open" if "Open Kernel Module" in told else "proprietary") if told else None,
    }


def _complete(asked: Asked, devices: List[Dict[str, Any]], on_bus: List[str]) -> None:
    """Add what the kernel knows: the memory node, the names of processes, the address of the one that is lost."""
    known = {device["pci_address"] for device in devices}
    nameless = [device for device in devices if device["pci_address"] is None]
    left = [address for address in on_bus if address not in known]
    if len(nameless) == len(left) == 1:  # it can be no other
        nameless[0].update(pci_address=left[0], label=label(nameless[0]["index"], left[0]))
    for device in devices:
        if device["pci_address"]:
            node = asked.number(f"{bus.ROOT}/{device['pci_address']}/numa_node")
            device["numa_node"] = node if node is not None and node >= 0 else None
        for process in device["processes"] or []:
            process["name"] = process["name"] or asked.text(f"/proc/{process['pid']}/comm", limit=256)
