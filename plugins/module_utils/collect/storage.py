# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where data lies: mounts and their space, block devices, NVMe drives and their health, arrays and pools."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Dict, List, Mapping, Optional

from ..host import ABSENT, OK, Asked, Host
from ..parse import mounts, smart
from . import storage_network
from . import storage_redundancy as redundancy
from .asking import side_by_side

PROBES = 32  # file systems whose space is asked; a hypervisor may have hundreds
SECTOR = 512  # bytes; sysfs counts in these whatever the drive's own sector size

_DISK = re.compile(r"(sd|vd|hd|xvd)[a-z]+|nvme\d+n\d+|mmcblk\d+|pmem\d+")
_CONTROLLER = re.compile(r"nvme\d+")


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the mounts that the profile asks for, and whether network mounts may be asked how full they are."""
    stated = profile.get("storage") or {}
    targets = stated.get("mounts")
    return {
        "mounts": [target for target in targets if isinstance(target, str)] if isinstance(targets, list) else ["/"],
        "network": stated.get("probe_network_mounts", True) is True,
    }


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the storage facts; what the profile wants mounted is in ``wanted``."""
    asked = Asked(host)
    targets = wanted.get("mounts", ["/"])
    table = _mounts(asked, targets, wanted.get("network", True))
    drives = _nvme(asked)
    kept = redundancy.collect(asked, mounts.mountinfo(asked.text("/proc/self/mountinfo") or ""))
    swaps = asked.text("/proc/swaps")
    return {
        "source": "sysfs",
        "mounts": table,
        "missing_mounts": None if table is None else _missing(table, targets),
        "unmounted": _unmounted(asked, table),
        "devices": _devices(asked),
        "nvme": drives,
        "nvme_count": None if drives is None else len(drives),
        **kept,
        "fuse": storage_network.fuse(asked),
        "lustre": storage_network.lustre(asked),
        "swap": None if swaps is None else mounts.swaps(swaps),
        "errors": asked.errors,
    }


# mounts


def _mounts(asked: Asked, targets: List[str], network: bool) -> Optional[List[Dict[str, Any]]]:
    """Return one entry for each file system on disks or the network, where it is mounted first; and what is wanted."""
    text = asked.text("/proc/self/mountinfo", required=True)
    if text is None:
        return None
    entries: Dict[str, Dict[str, Any]] = {}
    table = mounts.mountinfo(text)
    if not table:
        asked.fail("/proc/self/mountinfo", "no mount in it")
        return None
    for mount in table:
        wanted = mount["target"] in targets
        of_interest = wanted or (mount["kind"] != mounts.OTHER and mount["fstype"] not in mounts.READ_ONLY_TYPES)
        key = mount["target"] if wanted else mount["device"]
        if of_interest and (wanted or not any(each["device"] == key for each in entries.values())):
            entries[key] = dict(mount, label=mount["target"], wanted=wanted)
    probed = [each for each in entries.values() if _may_ask(each, network)]
    if len(probed) > PROBES:
        asked.fail("statvfs", f"only the first {PROBES} of {len(probed)} file systems were asked")
    some = [each["target"] for each in probed[:PROBES]]
    space = side_by_side(asked, {target: partial(asked.host.space, target) for target in some})
    return [dict(each, **_room(each["target"], space)) for each in entries.values()]


def _may_ask(mount: Mapping[str, Any], network: bool) -> bool:
    """An automount must not be touched (that would mount it); network mounts only where the profile says so."""
    return mount["fstype"] != "autofs" and (mount["kind"] != mounts.NETWORK or network or mount["wanted"])


def _room(target: str, space: Mapping[str, Optional[Mapping[str, int]]]) -> Dict[str, Any]:
    if target not in space:
        return {"state": "not_asked", "space": None, "inodes_counted": None}
    room = space[target]
    if room is None:
        return {"state": "no_answer", "space": None, "inodes_counted": None}
    used = room["total_bytes"] - room["free_bytes"]
    inodes_used = room["inodes"] - room["inodes_free"]
    figures = {
        "total_bytes": room["total_bytes"],
        "available_bytes": room["available_bytes"],
        "used_percent": _percent(used, used + room["available_bytes"]),  # as df counts: without root's reserve
        "inodes": room["inodes"] or None,
        "inodes_used_percent": _percent(inodes_used, room["inodes"]),
    }
    return {"state": "ok", "space": figures, "inodes_counted": room["inodes"] > 0}


def _percent(part: int, whole: int) -> Optional[float]:
    return round(100 * part / whole, 1) if whole > 0 else None


def _missing(table: List[Dict[str, Any]], targets: List[str]) -> List[str]:
    return [target for target in targets if target not in {mount["target"] for mount in table}]


def _unmounted(asked: Asked, table: Optional[List[Dict[str, Any]]]) -> Optional[List[str]]:
    """Return what fstab says and the machine does not do: not mounted, or read-only where fstab has it writable."""
    answer = asked.host.read("/etc/fstab")
    if table is None or answer.state not in (OK, ABSENT):
        return None
    mounted = {each["target"]: each for each in mounts.mountinfo(asked.text("/proc/self/mountinfo") or "")}
    wrong = []
    for entry in mounts.fstab(answer.data.decode("utf-8", "replace")):
        target = entry["target"].rstrip("/") or "/"
        if target not in mounted:
            wrong.append(f"{target} is not mounted")
        elif mounted[target]["read_only"] and not entry["read_only"]:
            wrong.append(f"{target} is read-only")
    return wrong


# devices


def _devices(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    answer = asked.host.names("/sys/block")
    if answer.state != OK:
        asked.fail("/sys/block", answer.state)
        return None
    return [_device(asked, name) for name in answer.names if _DISK.fullmatch(name)]


def _device(asked: Asked, name: str) -> Dict[str, Any]:
    base = f"/sys/block/{name}"
    sectors = asked.number(f"{base}/size")
    scheduler = re.search(r"\[(\S+)\]", asked.text(f"{base}/queue/scheduler") or "")
    return {
        "label": name,
        "name": name,
        "size_bytes": None if sectors is None else sectors * SECTOR,
        "model": asked.text(f"{base}/device/model") or None,
        "rotational": _flag(asked, f"{base}/queue/rotational"),
        "removable": _flag(asked, f"{base}/removable"),
        "read_only": _flag(asked, f"{base}/ro"),
        "scheduler": scheduler[1] if scheduler else asked.text(f"{base}/queue/scheduler") or None,
        "state": asked.text(f"{base}/device/state") or None,
    }


def _flag(asked: Asked, path: str) -> Optional[bool]:
    number = asked.number(path)
    return None if number is None else bool(number)


def _nvme(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    """Return the NVMe controllers, or ``None`` when they cannot be listed. No driver at all means no controller."""
    answer = asked.host.names("/sys/class/nvme")
    if answer.state not in (OK, ABSENT):
        asked.fail("/sys/class/nvme", answer.state)
        return None
    names = [name for name in answer.names if _CONTROLLER.fullmatch(name)]
    names.sort(key=lambda name: int(name[4:]))
    return list(side_by_side(asked, {name: partial(_drive, asked, name) for name in names}).values())


def _drive(asked: Asked, name: str) -> Dict[str, Any]:
    base = f"/sys/class/nvme/{name}"
    parts = asked.names(base)
    milli = [asked.number(f"{base}/{part}/temp1_input") for part in parts if part.startswith("hwmon")]
    state = asked.text(f"{base}/state") or None
    health = _health(asked, name) if state != "dead" else None
    measured = milli[0] / 1000 if milli and milli[0] is not None else None
    return {
        "label": name,
        "name": name,
        "state": state,
        "model": asked.text(f"{base}/model") or None,
        "serial": asked.text(f"{base}/serial") or None,
        "firmware": asked.text(f"{base}/firmware_rev") or None,
        "transport": asked.text(f"{base}/transport") or None,
        "pci_address": asked.text(f"{base}/address") or None,
        "numa_node": asked.number(f"{base}/numa_node"),
        "namespaces": [part for part in parts if re.fullmatch(r"nvme\d+(c\d+)?n\d+", part)],
        "temperature_c": measured if measured is not None else (health or {}).get("temperature_c"),
        "smart": health,
    }


def _health(asked: Asked, name: str) -> Optional[Dict[str, Any]]:
    """Return a drive's health log: from nvme-cli, else from smartctl."""
    device = f"/dev/{name}"
    tools = (
        (["nvme", "smart-log", device, "-o", "json"], smart.nvme_cli),
        (["smartctl", "-j", "-A", device], smart.smartctl),
    )
    if asked.host.identity()["uid"] != 0:
        asked.fail(f"health log of {name}", "denied: only root may read it")
        return None
    said = []
    for argv, read in tools:
        answer = asked.host.run(argv, timeout=8)
        found = read(answer.stdout) if answer.state == OK else None
        if found:
            return dict(found, source=argv[0])
        said.append(answer.detail or answer.stderr.decode("utf-8", "replace").strip()[:120] or f"exit code {answer.rc}")
    asked.fail(f"health log of {name}", "; ".join(said))
    return None
