# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a job needs of the machine beside what management tools need: kernel modules, device nodes, libraries.

Counted against the devices that the drivers have, on the host itself: whatever tool answers, a job opens these.
"""

from __future__ import annotations

import re
import stat
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..host import ABSENT, OK, Asked
from . import host_libraries

DRIVERS = "/sys/bus/pci/drivers"
PCI = "/sys/bus/pci/devices"
NVIDIA, NVIDIA_CHANNELS = "/proc/driver/nvidia", "nvidia-caps-imex-channels"
VERBS, INFINIBAND = "/sys/class/infiniband_verbs", "/sys/class/infiniband"
ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
ACCELERATORS = ("nvidia", "amdgpu", "habanalabs")
MODULES_OF = {"nvidia": ("nvidia_uvm",)}
RDMA_MODULES = {  # driver of the PCI function -> the module that makes an RDMA device of it
    "bnxt_en": "bnxt_re",
    "cxgb4": "iw_cxgb4",
    "hns3": "hns_roce_hw_v2",
    "i40e": "irdma",
    "ice": "irdma",
    "idpf": "irdma",
    "ionic": "ionic_rdma",
    "mana": "mana_ib",
    "mlx4_core": "mlx4_ib",
    "mlx5_core": "mlx5_ib",
    "qede": "qedr",
}
FABRIC_MODULES = {None: ("rdma_cm", "rdma_ucm"), "InfiniBand": ("rdma_cm", "rdma_ucm", "ib_umad")}
NODES_OF_MODULES = {"gdrdrv": "gdrdrv", "nvidia_fs": "nvidia-fs0"}  # a loaded module -> the node that it serves
PRESENT, MISSING, NO_DEVICE, NO_NAME = "present", "missing", "not a device node", "not made by the driver"
LINKS = "/dev/char"


class Need(NamedTuple):
    """A device node that jobs open: its name below /dev, and the device that it belongs to (None: all of a driver).

    ``state`` is that of a need without a name; ``None`` when nothing could be listed.
    """

    name: Optional[str]
    device: Optional[str]
    label: str
    state: Optional[str] = MISSING


def job(asked: Asked, loaded: Optional[Sequence[str]], fabric: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return what jobs need and how it stands.

    ``loaded``: the names of /proc/modules; ``fabric``: ``driver`` and ``link_layer`` of the profile's fabric.
    """
    bound = {driver: _bound(asked, driver) for driver in ACCELERATORS}
    rdma = _rdma_devices(asked)
    needs = [*_nvidia(asked, bound["nvidia"]), *_amd(asked, bound["amdgpu"]), *_gaudi(asked, bound["habanalabs"])]
    needs += [*_verbs(asked, rdma), *_connections(rdma, fabric)]
    needs += [_named(node, module) for module, node in NODES_OF_MODULES.items() if module in (loaded or [])]
    nodes = [_node(asked, need) for need in needs]
    counts = [*(None if found is None else len(found) for found in bound.values()), None if rdma is None else len(rdma)]
    return {
        "source": "/dev, /proc and sysfs",
        "devices": None if None in counts else sum(count or 0 for count in counts),
        "modules": [_module(asked, name, loaded) for name in _modules(bound, rdma, fabric)],
        "nodes": nodes,
        "node_links": _links(asked, nodes),
        "libraries": host_libraries.libraries(asked) if bound["nvidia"] else [],
    }


def _listed(asked: Asked, path: str) -> Optional[List[str]]:
    """Return the names in a directory, ``[]`` where there is none, ``None`` when it cannot be told."""
    answer = asked.host.names(path)
    if answer.state not in (OK, ABSENT):
        asked.fail(path, f"{answer.state}: {answer.detail}" if answer.detail else answer.state)
        return None
    return answer.names


def _bound(asked: Asked, driver: str) -> Optional[List[str]]:
    """Return the addresses of the PCI functions that a driver has; of NVIDIA's, what the driver itself lists."""
    own = _listed(asked, f"{NVIDIA}/gpus") if driver == "nvidia" else []
    names = own or _listed(asked, f"{DRIVERS}/{driver}")
    return None if names is None else [name for name in names if ADDRESS.fullmatch(name.lower())]


def _rdma_devices(asked: Asked) -> Optional[Dict[str, str]]:
    """Return the drivers of the RDMA devices by name, without virtual functions and software ones."""
    names = _listed(asked, INFINIBAND)
    if names is None:
        return None
    hardware = [name for name in names if asked.host.link(f"{INFINIBAND}/{name}/device")]
    own = [name for name in hardware if not asked.host.link(f"{INFINIBAND}/{name}/device/physfn")]
    return {name: asked.link_name(f"{INFINIBAND}/{name}/device/driver") or "" for name in own}


# modules


def _modules(
    bound: Mapping[str, Optional[List[str]]], rdma: Optional[Mapping[str, str]], fabric: Optional[Mapping[str, Any]]
) -> List[str]:
    """Return the modules that the devices of this machine, and the fabric of its profile, need for jobs."""
    names = [name for driver, modules in MODULES_OF.items() if bound[driver] for name in modules]
    drivers = {*(rdma or {}).values(), *([fabric["driver"]] if fabric else [])}
    names += [RDMA_MODULES[driver] for driver in sorted(drivers) if driver in RDMA_MODULES]
    if rdma or fabric:
        names.append("ib_uverbs")
    if fabric:
        names += FABRIC_MODULES.get(fabric.get("link_layer"), FABRIC_MODULES[None])
    return list(dict.fromkeys(names))


def _module(asked: Asked, name: str, loaded: Optional[Sequence[str]]) -> Dict[str, Any]:
    live = name in (loaded or []) or asked.host.read(f"/sys/module/{name}/initstate").data.strip() == b"live"
    known = True if live or _built_in(asked, name) else None if loaded is None else False
    return {"label": f"module {name}", "name": name, "loaded": known}


def _built_in(asked: Asked, name: str) -> bool:
    """Say whether a module is a part of the kernel itself, which /proc/modules does not list."""
    text = asked.text(f"/lib/modules/{asked.host.identity().get('kernel')}/modules.builtin") or ""
    return bool(re.search(rf"(?m)/{re.sub('[_-]', '[_-]', name)}\.ko$", text))


# device nodes


def _named(name: str, device: Optional[str]) -> Need:
    return Need(name, device, f"/dev/{name}" + (f" ({device})" if device else ""))


def _counted(asked: Asked, devices: Sequence[str], folder: str, pattern: str, shown: str) -> List[Need]:
    """Return one need a device where nothing says which node is whose: the nodes that are there are counted."""
    listed = _listed(asked, f"/dev/{folder}".rstrip("/"))
    names = [name for name in listed or [] if re.fullmatch(pattern, name)]
    there = [_named(f"{folder}/{name}".lstrip("/"), None) for name in names[: len(devices)]]
    lacking = f"/dev/{shown} ({len(there)} for {len(devices)} devices)"
    state = None if listed is None else MISSING
    return there + [Need(None, None, lacking, state)] * (len(there) < len(devices))


def _nvidia(asked: Asked, gpus: Optional[List[str]]) -> Iterator[Need]:
    if not gpus:
        return
    minors = {gpu: _minor(asked, gpu) for gpu in gpus}
    if None in minors.values():
        yield from _counted(asked, gpus, "", r"nvidia\d+", "nvidiaN")
    else:
        yield from (_named(f"nvidia{minor}", gpu) for gpu, minor in minors.items())
    yield from (_named(name, None) for name in ("nvidiactl", "nvidia-uvm"))
    settings = asked.text(f"{NVIDIA}/params") or ""
    if re.search(r"(?m)^CreateImexChannel0: 1$", settings):
        yield _named(f"{NVIDIA_CHANNELS}/channel0", None)


def _minor(asked: Asked, gpu: str) -> Optional[str]:
    found = re.search(r"(?m)^Device Minor:\s*(\d+)\s*$", asked.text(f"{NVIDIA}/gpus/{gpu}/information") or "")
    return found[1] if found else None


def _of_function(asked: Asked, address: str, kinds: Sequence[Tuple[str, str, str]]) -> Optional[str]:
    """Return the node of a PCI function by what its driver made below it: (folder, names, folder in /dev)."""
    for folder, pattern, place in kinds:
        for name in _listed(asked, f"{PCI}/{address}/{folder}") or []:
            if re.fullmatch(pattern, name):
                return f"{place}/{name}".lstrip("/")
    return None


def _by_function(
    asked: Asked, devices: Sequence[str], kinds: Sequence[Tuple[str, str, str]], counted: Tuple[str, str, str]
) -> List[Need]:
    found = {address: _of_function(asked, address, kinds) for address in devices}
    if not any(found.values()):  # a kernel that does not show it there
        return _counted(asked, devices, *counted)
    return [
        _named(name, address) if name else Need(None, address, f"/dev/{counted[2]} ({address})", NO_NAME)
        for address, name in found.items()
    ]


def _amd(asked: Asked, gpus: Optional[List[str]]) -> List[Need]:
    if not gpus:
        return []
    kinds = [("drm", r"renderD\d+", "dri")]
    return [_named("kfd", None), *_by_function(asked, gpus, kinds, ("dri", r"renderD\d+", "dri/renderDN"))]


def _gaudi(asked: Asked, cards: Optional[List[str]]) -> List[Need]:
    kinds = [("accel", r"accel\d+", "accel"), ("habanalabs", r"hl\d+", "")]
    return _by_function(asked, cards, kinds, ("accel", r"accel\d+", "accel/accelN")) if cards else []


def _verbs(asked: Asked, rdma: Optional[Mapping[str, str]]) -> List[Need]:
    if not rdma:
        return []
    names = [name for name in _listed(asked, VERBS) or [] if re.fullmatch(r"uverbs\d+", name)]
    owners = {asked.text(f"{VERBS}/{name}/ibdev"): name for name in names}
    if not set(owners) & set(rdma):
        return _counted(asked, list(rdma), "infiniband", r"uverbs\d+", "infiniband/uverbsN")
    return [
        _named(f"infiniband/{owners[device]}", device)
        if device in owners
        else Need(None, device, f"/dev/infiniband/uverbsN ({device})", NO_NAME)
        for device in rdma
    ]


def _connections(rdma: Optional[Mapping[str, str]], fabric: Optional[Mapping[str, Any]]) -> List[Need]:
    """Return the connection manager's node; only for a machine whose profile names a fabric: others may do without."""
    return [_named("infiniband/rdma_cm", None)] if rdma and fabric else []


def _node(asked: Asked, need: Need) -> Dict[str, Any]:
    state, detail = (need.state, None) if need.name is None else _look(asked, need.name)
    path = f"/dev/{need.name}" if need.name else None
    return {"label": need.label, "path": path, "device": need.device, "state": state, "state_detail": detail}


def _look(asked: Asked, name: str) -> Tuple[Optional[str], Optional[str]]:
    """Return the state of a device node, ``None`` and why when it cannot be told."""
    folder, unused, leaf = f"/dev/{name}".rpartition("/")
    answer = asked.host.names(folder)
    if answer.state not in (OK, ABSENT):
        return None, f"{folder}: {answer.state}"
    if leaf not in answer.names:
        return MISSING, None
    found = asked.host.stat(f"/dev/{name}")
    if found is None:
        return None, f"/dev/{name} is listed and cannot be looked at"
    file = stat.S_ISREG(found["mode"]) and not found["size"] and asked.host.simulated  # recordings have no devices
    return (PRESENT if file or stat.S_ISCHR(found["mode"]) else NO_DEVICE), None


def _links(asked: Asked, nodes: Sequence[Mapping[str, Any]]) -> Optional[List[Dict[str, Any]]]:
    """Return, for each device node that is there, whether /dev/char leads to it.

    systemd resolves the device rules of a container's control group there; udev makes these links for what sysfs knows.
    """
    present = [node for node in nodes if node["state"] == PRESENT]
    names = _listed(asked, LINKS) if present else []
    if names is None:
        return None
    reached = {asked.host.link(f"{LINKS}/{name}") for name in names}
    return [
        {"label": node["path"], "linked": asked.host.link(node["path"]) in reached} for node in present if node["path"]
    ]
