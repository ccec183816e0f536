# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The firmware of the parts, as sysfs shows it: TPM, BMC, processors, drives, network adapters, accelerators."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from ..host import Asked
from ..parse import cpulist, keyvalue
from ..parse.smbios import meant

TPMS = "/sys/class/tpm"
ACPI_TABLES = "/sys/firmware/acpi/tables"
IPMI_NODES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")
PLATFORM = "/sys/devices/platform"
CPUINFO_LIMIT = 8 << 20  # some 1.5 KiB for each of up to several hundred processors
HABANA_CLASSES = (("/sys/class/accel", "accel"), ("/sys/class/habanalabs", "hl"))
HABANA_VERSIONS = ("fw_os_ver", "preboot_btl_ver", "cpucp_ver", "cpld_ver", "infineon_ver", "uboot_ver")
SAME_MODEL_KINDS = ("nvme", "nic", "gpu")


def tpm(asked: Asked, described: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return whether there is a TPM; without a driver, ACPI and SMBIOS still tell that the firmware offers one."""
    devices = [name for name in asked.names(TPMS) if name.startswith("tpm") and name[3:].isdecimal()]
    major = asked.text(f"{TPMS}/{devices[0]}/tpm_version_major") if devices else None
    tables = asked.names(ACPI_TABLES)
    offered = bool(described) or "TPM2" in tables or "TCPA" in tables
    return {
        "present": True if devices or offered else False if tables else None,
        "driver": bool(devices),
        "version": {"1": "1.2", "2": "2.0"}.get(major or "") if devices else (described or {}).get("version"),
        "firmware": (described or {}).get("firmware"),
        "vendor": (described or {}).get("vendor"),
    }


def bmc(asked: Asked, described: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return the BMC as the host sees it; that there is no IPMI device is a fact, not an error."""
    folders = [name for name in asked.names(PLATFORM) if name.startswith("ipmi_bmc.")]
    root = f"{PLATFORM}/{folders[0]}" if folders else None
    return {
        "source": "sysfs",
        "ipmi_device": any(asked.host.stat(node) for node in IPMI_NODES),
        "described": described is not None,
        "interface": (described or {}).get("interface"),
        "ipmi_version": asked.text(f"{root}/ipmi_version") if root else (described or {}).get("version"),
        "firmware": asked.text(f"{root}/firmware_revision") if root else None,
        "manufacturer_id": asked.text(f"{root}/manufacturer_id") if root else None,
    }


def microcode(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    """Return the microcode revision of each package, one entry more for each revision that differs within one."""
    text = asked.text("/proc/cpuinfo", required=True, limit=CPUINFO_LIMIT)
    seen: Set[Tuple[int, str, Optional[str]]] = set()
    shown = 0
    for cpu in keyvalue.blocks(text or "", ":"):
        package = cpu.get("physical id", "0")
        if "microcode" in cpu and package.isdecimal():
            shown += 1
            seen.add((int(package), cpu["microcode"], cpu.get("model name")))
    found: List[Dict[str, Any]] = [
        {"label": f"CPU package {package}", "package": package, "revision": revision, "model": model}
        for package, revision, model in sorted(seen, key=str)
    ]
    online = cpulist.numbers(asked.text("/sys/devices/system/cpu/online"))
    if found and shown < len(online or []):
        asked.fail("/proc/cpuinfo", "shows fewer processors than are online")
        found.append({"label": "the processors that are not shown", "package": None, "revision": None, "model": None})
    return found or None


def components(
    asked: Asked,
    smbios: Mapping[str, Any],
    tpm_found: Mapping[str, Any],
    bmc_found: Mapping[str, Any],
    cpus: Optional[List[Dict[str, Any]]],
) -> List[Dict[str, Any]]:
    """Return every component whose firmware version the host can see."""
    bios, system = smbios.get("bios") or {}, smbios.get("system") or {}
    found = [_component("bios", "BIOS", system.get("model"), bios.get("version"), None, smbios.get("source"))]
    if bmc_found["ipmi_device"] or bmc_found["firmware"]:
        found.append(_component("bmc", "BMC", "BMC", bmc_found["firmware"], None, "sysfs"))
    if tpm_found["present"]:
        found.append(_component("tpm", "TPM", tpm_found["vendor"], tpm_found["firmware"], None, "smbios"))
    found += [
        _component("cpu_microcode", cpu["label"], cpu["model"], cpu["revision"], None, "/proc/cpuinfo")
        for cpu in cpus or []
    ]
    return found + _drives(asked) + _adapters(asked) + _accelerators(asked)


def models(found: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the versions that each model of part runs; ``versions`` is ``None`` when one part does not tell."""
    groups: Dict[Tuple[str, str], List[Dict[str, Any]]] = {}
    for part in found:
        if part["kind"] in SAME_MODEL_KINDS and part["name"]:
            groups.setdefault((part["kind"], part["name"]), []).append(part)
    result = []
    for (kind, name), parts in groups.items():
        versions = {part["version"] for part in parts}
        known = None if None in versions else sorted(versions)
        result.append({"label": f"{kind} {name}", "kind": kind, "name": name, "count": len(parts), "versions": known})
    return result


def _component(
    kind: str,
    label: str,
    name: Optional[str],
    version: Optional[str],
    address: Optional[str],
    source: Optional[str],
) -> Dict[str, Any]:
    return {
        "label": label,
        "kind": kind,
        "name": name,
        "version": meant(version),
        "state": "running" if meant(version) else "unknown",
        "address": address,
        "source": source,
    }


def _drives(asked: Asked) -> List[Dict[str, Any]]:
    root = "/sys/class/nvme"
    return [
        _component(
            "nvme",
            name,
            asked.text(f"{root}/{name}/model"),
            asked.text(f"{root}/{name}/firmware_rev"),
            asked.text(f"{root}/{name}/address"),
            "sysfs",
        )
        for name in asked.names(root)
        if name[4:].isdecimal() and (asked.text(f"{root}/{name}/transport") or "pcie") == "pcie"
    ]


def _adapters(asked: Asked) -> List[Dict[str, Any]]:
    """Return the RDMA adapters; boards of one chip carry different firmware, so the board is part of the name."""
    root = "/sys/class/infiniband"
    found = []
    for name in asked.names(root):
        chip, board = asked.text(f"{root}/{name}/hca_type"), asked.text(f"{root}/{name}/board_id")
        version = asked.text(f"{root}/{name}/fw_ver")
        model = f"{chip} {board}" if chip and board else chip
        found.append(
            {
                **_component("nic", name, model, version, asked.link_name(f"{root}/{name}/device"), "sysfs"),
                "chip": chip,
                "board": board,
            }
        )
    return found


def _accelerators(asked: Asked) -> List[Dict[str, Any]]:
    """Return what sysfs tells of accelerators: amdgpu's VBIOS, habanalabs' firmware; NVIDIA's driver tells nothing."""
    found = []
    cards = [name for name in asked.names("/sys/class/drm") if name[:4] == "card" and name[4:].isdecimal()]
    for card in cards:
        version = asked.text(f"/sys/class/drm/{card}/device/vbios_version")
        if version is not None:
            address = asked.link_name(f"/sys/class/drm/{card}/device")
            found.append(_component("gpu", f"GPU {address} VBIOS", "amdgpu VBIOS", version, address, "sysfs"))
    for root, prefix in HABANA_CLASSES:
        for name in asked.names(root):
            if name[: len(prefix)] == prefix and name[len(prefix) :].isdecimal():
                found += _habana(asked, f"{root}/{name}/device", name)
    return found


def _habana(asked: Asked, device: str, name: str) -> List[Dict[str, Any]]:
    address = asked.text(f"{device}/pci_addr") or asked.link_name(device)
    chip = asked.text(f"{device}/device_type") or "habanalabs"
    versions = {field: asked.text(f"{device}/{field}") for field in HABANA_VERSIONS}
    return [
        _component("gpu", f"{name} {field[:-4]}", f"{chip} {field[:-4]}", version, address, "sysfs")
        for field, version in versions.items()
        if version
    ]
