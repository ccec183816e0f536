# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who holds an accelerator. A deploy takes none from a training run, and does not start before it is free."""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set

from . import StepFailed
from .engine import Engine

DEVICES = re.compile(r"/dev/(nvidia\d+|kfd|dri/renderD\d+|accel/accel\d+|accel\d+|hl\d+|vfio/\d+)")
# Hold devices open all the time and use them for nothing (the first 15 letters of a name are all that is kept).
MONITORS = {
    "nvidia-persiste", "nv-hostengine", "nv-fabricmanage", "dcgm-exporter", "nvidia-smi", "rocm-smi", "amd-smi",
    "amd_gpu_exporte", "hl-smi", "hlml_service",
}  # fmt: skip
PROC = "/proc"


class Holder(NamedTuple):
    """A process or a container that holds a device."""

    device: str
    who: str


def is_accelerator(path: str) -> bool:
    """Whether a device node is one of an accelerator."""
    return DEVICES.fullmatch(path) is not None


def holders(
    given: Optional[Sequence[str]], own: Iterable[int], own_things: Iterable[str], engine: Optional[Engine]
) -> List[Holder]:
    """Return who holds an accelerator that a service is given.

    ``given``: device nodes, ``None`` for any. ``own``: processes of the service itself, with what they started.
    ``own_things``: ids of its containers. Raises :class:`StepFailed` when it could not be looked.
    """
    wanted = None if given is None else {path for path in given if is_accelerator(path)}
    if wanted == set():
        return []
    if wanted and any("renderD" in path for path in wanted):
        wanted.discard("/dev/kfd")  # shared by all cards of a machine
    things = [thing for thing in own_things if thing]
    found = _processes(wanted, set(own), things)
    return found + (_containers(wanted, things, engine, {holder.who for holder in found}) if engine else [])


def told(found: Sequence[Holder]) -> str:
    """Say who holds what in one line."""
    shown = ", ".join(f"{holder.device} by {holder.who}" for holder in found[:5])
    return shown + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _processes(wanted: Optional[Set[str]], own: Set[int], things: Sequence[str]) -> List[Holder]:
    try:
        pids = sorted(int(name) for name in os.listdir(PROC) if name.isdigit())
    except OSError as error:
        raise StepFailed(f"{PROC} cannot be read, so nobody knows who holds an accelerator: {error}") from error
    own = _with_children(own, pids)
    found = []
    for pid in pids:
        devices = set() if pid in own else {path for path in _open_files(pid) if is_accelerator(path)}
        devices = devices if wanted is None else devices & wanted
        if devices and _name(pid) not in MONITORS and not within(pid, things):
            found += [Holder(device, f"process {pid} ({_name(pid)})") for device in sorted(devices)]
    return found


def _open_files(pid: int) -> List[str]:
    folder = f"{PROC}/{pid}/fd"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        if _gone(pid):
            return []
        raise StepFailed(f"{folder} cannot be read, so nobody knows who holds an accelerator: {error}") from error
    return [path for name in names for path in [_link(f"{folder}/{name}")] if path]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # closed meanwhile


def _gone(pid: int) -> bool:
    """Whether a process has ended (a zombie's files cannot be listed)."""
    return _stat(pid)[:1] in ([], ["Z"], ["X"])


def _stat(pid: int) -> List[str]:
    """Return state, parent and so on of a process."""
    return _text(f"{PROC}/{pid}/stat").rpartition(")")[2].split()


def family(own: Iterable[int]) -> Set[int]:
    """Return these processes and all that they started."""
    own = set(own)
    return _with_children(own, [int(name) for name in os.listdir(PROC) if name.isdigit()]) if own else own


def members(things: Sequence[str]) -> List[int]:
    """Return the processes in the control groups that are named after one of these."""
    pids = sorted(int(name) for name in os.listdir(PROC) if name.isdigit()) if things else []
    return [pid for pid in pids if within(pid, things) and not _gone(pid)]


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal and goes on only after another one."""
    return _stat(pid)[:1] in (["T"], ["t"])


def _with_children(own: Set[int], pids: Sequence[int]) -> Set[int]:
    family = set(own)
    parents = {pid: int(stat[1]) for pid in pids for stat in [_stat(pid)] if len(stat) > 1} if own else {}
    while True:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        if not more:
            return family
        family |= more


def within(pid: int, things: Sequence[str]) -> bool:
    """Whether a control group of a process is named after one of these."""
    cgroups = _text(f"{PROC}/{pid}/cgroup") if things else ""
    return any(thing and thing in cgroups for thing in things)


def _name(pid: int) -> str:
    return _text(f"{PROC}/{pid}/comm").strip() or "?"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def _containers(wanted: Optional[Set[str]], things: Sequence[str], engine: Engine, seen: Set[str]) -> List[Holder]:
    """Return running containers that are given an accelerator, also one that is not open at this moment."""
    found = []
    for listed in engine.call("GET", "/containers/json") or []:
        shown = engine.container(listed["Id"])
        if shown is None or shown["Id"] in things:
            continue
        pid = shown["State"].get("Pid") or 0
        who = f"container {shown['Name'].lstrip('/')}"
        if _name(pid) not in MONITORS and f"process {pid} ({_name(pid)})" not in seen:
            found += [Holder(device, who) for device in _devices_of(shown["HostConfig"]) if _overlap(device, wanted)]
    return found


def _devices_of(host: Mapping[str, Any]) -> List[str]:
    given: List[str] = [str(device.get("PathOnHost")) for device in host.get("Devices") or []]
    devices = [path for path in given if is_accelerator(path)]
    for request in host.get("DeviceRequests") or []:
        ids: List[str] = request.get("DeviceIDs") or []
        devices += [f"/dev/nvidia{gpu}" if gpu.isdigit() else "/dev/nvidia*" for gpu in ids] or ["/dev/nvidia*"]
    return devices


def _overlap(device: str, wanted: Optional[Set[str]]) -> bool:
    if wanted is None or device in wanted:
        return True
    return device.endswith("*") and any(path.startswith(device[:-1]) for path in wanted)
