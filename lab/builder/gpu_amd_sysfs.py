# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MI300X cards as amdgpu shows them in sysfs: the DRM cards and the topology of the compute driver."""

from __future__ import annotations

from collections.abc import Sequence

from . import pcimap
from .gpu_amd_tool import DRIVER, MIB, ROCM, VRAM_MIB, rocm, unique_id
from .node import Node
from .pcimap import Function
from .recording import Recording

HIVE = 0x6A2FE30B1C4D5E6F
GFX = 90402
MODULE = "/sys/module/amdgpu"
KFD = "/sys/class/kfd/kfd/topology/nodes"
CPU_NODES = 2


def sysfs(node: Node, rec: Recording, gpus: Sequence[Function], partitions: int = 1) -> None:
    """Put the module, the cards and the compute topology; ``partitions`` of each card."""
    rec.file(f"{MODULE}/initstate", "live\n")
    rec.file(f"{MODULE}/version", f"{DRIVER[rocm(node)]}\n")
    rec.file("/opt/rocm/.info/version", f"{ROCM[rocm(node)]}-56\n")
    for number in range(CPU_NODES):
        rec.file(f"{KFD}/{number}/properties", "cpu_cores_count 96\nsimd_count 0\nlocation_id 0\ndomain 0\n")
    for function in gpus:
        _drm(node, rec, function)
        for partition in range(partitions):
            _kfd(node, rec, function, gpus, partition, partitions)


def card(node: Node, function: Function) -> str:
    """The directory of a card in sysfs."""
    return pcimap.path(node.klass, function.address)


def _drm(node: Node, rec: Recording, function: Function) -> None:
    place, number = card(node, function), function.index
    rec.link(f"/sys/class/drm/{function.name}", f"{place}/drm/{function.name}")
    rec.link(f"{place}/drm/{function.name}/device", place)
    serial = f"6924{node.serial('oam', number)[:8]}"
    files = {
        "unique_id": unique_id(node, number), "product_name": "AMD Instinct MI300X OAM", "serial_number": serial,
        "product_number": "102-G30211-0C", "vbios_version": "113-M3000108-104", "gpu_busy_percent": "0",
        "mem_busy_percent": "0", "pcie_replay_count": "0", "current_compute_partition": "SPX",
        "current_memory_partition": "NPS1", "mem_info_vram_total": str(VRAM_MIB * MIB),
        "mem_info_vram_used": str(283 * MIB), "xgmi_hive_info/xgmi_hive_id": str(HIVE), "ras/gpu_vram_bad_pages": "",
    }  # fmt: skip
    for block in ("umc", "sdma", "gfx", "mmhub", "xgmi_wafl", "pcie_bif"):
        files[f"ras/{block}_err_count"] = "ue: 0\nce: 0\nde: 0"
    sensors = {
        "temp2_label": "junction", "temp2_input": "38000", "temp3_label": "mem", "temp3_input": "33000",
        "power1_label": "PPT", "power1_input": "138000000", "power1_cap": "750000000", "power1_cap_max": "750000000",
        "name": "amdgpu",
    }  # fmt: skip
    files.update({f"hwmon/hwmon{number + 4}/{name}": text for name, text in sensors.items()})
    for name, text in files.items():
        rec.file(f"{place}/{name}", f"{text}\n" if text else "")


def _kfd(
    node: Node, rec: Recording, function: Function, gpus: Sequence[Function], partition: int = 0, partitions: int = 1
) -> None:
    number = CPU_NODES + function.index * partitions + partition
    bus = int(function.address[5:7], 16)
    values = {
        "cpu_cores_count": 0, "simd_count": 1216 // partitions, "gfx_target_version": GFX, "vendor_id": 4098,
        "device_id": 29857, "location_id": bus << 8, "domain": 0, "hive_id": HIVE,
        "unique_id": int(unique_id(node, function.index), 16), "num_xcc": 8 // partitions, "fw_version": 177,
        "max_engine_clk_fcompute": 2100, "local_mem_size": 0,
    }  # fmt: skip
    rec.file(f"{KFD}/{number}/properties", "".join(f"{name} {value}\n" for name, value in values.items()))
    others = [other for other in gpus if other.index != function.index]
    for place, other in enumerate(others, start=1):
        _io_link(rec, number, place, kind=11, to=CPU_NODES + other.index * partitions)
    _io_link(rec, number, 0, kind=2, to=function.numa_node)


def _io_link(rec: Recording, number: int, place: int, kind: int, to: int) -> None:
    values = {"type": kind, "node_from": number, "node_to": to, "weight": 15, "max_bandwidth": 64000}
    text = "".join(f"{name} {value}\n" for name, value in values.items())
    rec.file(f"{KFD}/{number}/io_links/{place}/properties", text)
