# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What amd-smi prints about MI300X cards: as of ROCm 7 on one node, of ROCm 6 on the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .node import Node
from .pcimap import Function
from .recording import Recording

Entry = dict[str, Any]
MIB = 1 << 20
VRAM_MIB = 196592
XCCS = 8
DRIVER = {7: "6.14.14", 6: "6.12.12"}
ROCM = {7: "7.0.2", 6: "6.4.3"}
FIRMWARE = {
    "CP_MEC1": "177",
    "SDMA0": "19",
    "RLC": "17",
    "PSP_SOSDRV": "00.36.01.58",
    "PM": "85.122.0",
    "TA_RAS": "1B.36.02.16",
}
BLOCKS = ("UMC", "SDMA", "GFX", "MMHUB", "PCIE_BIF", "XGMI_WAFL", "HDP")
NO_PAGES = "No bad pages found."


def rocm(node: Node) -> int:
    """The major release on a node: the rack has one of each, since a rack never upgrades in one night."""
    return 7 if node.number % 2 else 6


def measured(value: float, unit: str) -> Entry:
    """A quantity as amd-smi writes it."""
    return {"value": value, "unit": unit}


def unique_id(node: Node, gpu: int) -> str:
    """The chip's own number."""
    return node.hexdigits("mi300x", gpu)


def tool(node: Node, rec: Recording, gpus: Sequence[Function], **changes: Any) -> None:
    """Put every answer of amd-smi about these GPUs; ``changes`` (by subcommand) edit an entry before it is printed."""
    makers: dict[str, Callable[[Node, int, Function], Entry]] = {
        "list": _list, "static": _static, "metric": _metric, "firmware": _firmware, "bad-pages": _bad_pages,
        "process": _process,
    }  # fmt: skip
    for subcommand, make in makers.items():
        entries = [make(node, number, function) for number, function in enumerate(gpus)]
        _say(node, rec, subcommand, entries, changes.get(subcommand.replace("-", "_")))
    links = [_link_metric(number, function, gpus) for number, function in enumerate(gpus)]
    states = [_link_status(number, function) for number, function in enumerate(gpus)]
    _say(node, rec, "xgmi -m", links, changes.get("xgmi_metric"), "xgmi_metric")
    _say(node, rec, "xgmi -l", states, changes.get("link_status"), "link_status")
    version = {
        "tool": "AMDSMI Tool", "version": "26.0.2+39589fda", "amdsmi_library_version": "26.0.2",
        "rocm_version": ROCM[rocm(node)], "amdgpu_version": DRIVER[rocm(node)], "amd_hsmp_driver_version": "N/A",
    }  # fmt: skip
    rec.command("amd-smi version --json", json.dumps([version], indent=4))


def _say(
    node: Node, rec: Recording, subcommand: str, entries: list[Entry], change: Any = None, wrapper: str = ""
) -> None:
    if change:
        change(entries)
    wrapped = {wrapper or "gpu_data": entries}
    bare = not wrapper and (rocm(node) == 6 or subcommand in ("list", "process"))
    rec.command(f"amd-smi {subcommand} --json", json.dumps(entries if bare else wrapped, indent=4) + "\n")


def _list(node: Node, number: int, function: Function) -> Entry:
    uuid = f"{unique_id(node, function.index)[:2]}ff74a1-0000-1000-80{unique_id(node, function.index)[:14]}"
    return {
        "gpu": number, "bdf": function.address, "uuid": uuid, "kfd_id": 1000 + function.index,
        "node_id": 2 + number, "partition_id": 0,
    }  # fmt: skip


def _static(node: Node, number: int, function: Function) -> Entry:
    seven = rocm(node) == 7
    image = {
        "name": "AMD MI300X_HW_SRIOV_CVS_1VF", "build_date": "2024/05/16 19:36",
        "part_number": "113-M3000108-104", "version": "022.040.003.043.000001",
    }  # fmt: skip
    limits = {"max_power": measured(750, "W"), "min_power": measured(0, "W"), "socket_power": measured(750, "W")}
    hot = {
        "slowdown_edge_temperature": "N/A", "slowdown_hotspot_temperature": measured(100, "C"),
        "slowdown_vram_temperature": measured(105, "C"), "shutdown_edge_temperature": "N/A",
        "shutdown_hotspot_temperature": measured(110, "C"), "shutdown_vram_temperature": measured(115, "C"),
    }  # fmt: skip
    return {
        "gpu": number,
        "asic": {
            "market_name": "AMD Instinct MI300X", "vendor_id": "0x1002",
            "vendor_name": "Advanced Micro Devices Inc. [AMD/ATI]", "subvendor_id": "0x1002",
            "device_id": "0x74a1", "subsystem_id": "0x74a1", "rev_id": "0x00",
            "asic_serial": f"0x{unique_id(node, function.index).upper()}", "oam_id": (function.index * 3 + 7) % 8,
            "num_compute_units": 304, "target_graphics_version": "gfx942",
        },
        "bus": {
            "bdf": function.address, "max_pcie_width": 16, "max_pcie_speed": measured(32, "GT/s"),
            "pcie_interface_version": "Gen 5", "slot_type": "OAM",
        },
        "ifwi" if seven else "vbios": image,
        "limit": {**limits, **hot},
        "driver": {"name": "amdgpu", "version": DRIVER[rocm(node)]},
        "board": {
            "model_number": "102-G30211-0C", "product_serial": f"6924{node.serial('oam', function.index)[:8]}",
            "fru_id": "113-AMDG302110C04-100-300000082H", "product_name": "AMD Instinct MI300X OAM",
            "manufacturer_name": "AMD",
        },
        "ras": {
            "eeprom_version": "0x30000", **({"bad_page_threshold": 256} if seven else {}), "parity_schema": "DISABLED",
            "single_bit_schema": "DISABLED", "double_bit_schema": "DISABLED", "poison_schema": "ENABLED",
            "ecc_block_state": dict.fromkeys(BLOCKS[:4], "ENABLED"),
        },
        "partition": {
            "accelerator_partition" if seven else "compute_partition": "SPX",
            "memory_partition": "NPS1", "partition_id": 0 if not seven else "0",
        },
        "soc_pstate": "N/A", "process_isolation": "Disabled",
        "numa": {"node": function.numa_node, "affinity": function.numa_node},
        "vram": {"type": "HBM3", "vendor": "HYNIX", "size": measured(VRAM_MIB, "MB"), "bit_width": 8192},
    }  # fmt: skip


def _clock_limits() -> Entry:
    """Why the clock is low, as ROCm 7 says it for each partition (XCP) and each of its engines (XCC)."""
    said = {"power": "NOT ACTIVE", "thermal": "NOT ACTIVE"}
    found: Entry = {
        f"gfx_clk_below_host_limit_{name}_violation_status": {"xcp_0": [word] * XCCS} for name, word in said.items()
    }
    for name in ("total_gfx_clk_below_host_limit", "low_utilization"):  # an idle card rests
        found[f"{name}_violation_status"] = {"xcp_0": ["ACTIVE"] * XCCS}
    return {**found, "gfx_clk_below_host_limit_violation_status": "N/A"}


def _metric(node: Node, number: int, function: Function) -> Entry:
    calm = {
        f"{name}_violation_status": "NOT ACTIVE"
        for name in ("prochot", "ppt", "socket_thermal", "vr_thermal", "hbm_thermal")
    }
    if rocm(node) == 7:
        calm.update(_clock_limits())
    counts = {"correctable_count": 0, "uncorrectable_count": 0, "deferred_count": 0}
    gfx = {"clk": measured(132, "MHz"), "min_clk": measured(500, "MHz"), "max_clk": measured(2100, "MHz")}
    mem = {"clk": measured(900, "MHz"), "min_clk": measured(900, "MHz"), "max_clk": measured(1300, "MHz")}
    return {
        "gpu": number,
        "usage": {"gfx_activity": measured(0, "%"), "umc_activity": measured(0, "%"), "mm_activity": "N/A"},
        "power": {
            "socket_power": measured(138 + function.index, "W"), "gfx_voltage": "N/A", "throttle_status": "N/A",
            "power_management": "ENABLED",
        },
        "clock": {"gfx_0": {**gfx, "clk_locked": "DISABLED", "deep_sleep": "ENABLED"}, "mem_0": mem},
        "temperature": {
            "edge": "N/A", "hotspot": measured(38 + function.index % 4, "C"),
            "mem": measured(33 + function.index % 3, "C"),
        },
        "pcie": {
            "width": 16, "speed": measured(32, "GT/s"), "bandwidth": "N/A", "replay_count": 0,
            "l0_to_recovery_count": 1, "replay_roll_over_count": 0, "nak_sent_count": 0, "nak_received_count": 0,
        },
        "ecc": {**{f"total_{name}": count for name, count in counts.items()}, "cache_correctable_count": 0},
        "ecc_blocks": {block: dict(counts) for block in BLOCKS},
        "fan": {"speed": "N/A", "max": "N/A", "rpm": "N/A", "usage": "N/A"},
        "throttle": {"accumulation_counter": 8142, **calm},
        "mem_usage": {
            "total_vram": measured(VRAM_MIB, "MB"), "used_vram": measured(283, "MB"),
            "free_vram": measured(VRAM_MIB - 283, "MB"),
        },
    }  # fmt: skip


def _firmware(node: Node, number: int, function: Function) -> Entry:
    return {"gpu": number, "fw_list": [{"fw_id": name, "fw_version": text} for name, text in FIRMWARE.items()]}


def _bad_pages(node: Node, number: int, function: Function) -> Entry:
    return {"gpu": number, "retired": NO_PAGES, "pending": NO_PAGES, "un_res": NO_PAGES}


def _process(node: Node, number: int, function: Function) -> Entry:
    return {"gpu": number, "process_list": [{"process_info": "No running processes detected"}]}


def _link_metric(number: int, function: Function, gpus: Sequence[Function]) -> Entry:
    peers = [
        {"gpu": other, "bdf": peer.address, "read": measured(0, "KB"), "write": measured(0, "KB")}
        for other, peer in enumerate(gpus)
    ]
    peers[number].update(read="N/A", write="N/A")
    metrics = {"bit_rate": measured(32, "Gb/s"), "max_bandwidth": measured(512, "Gb/s"), "link_type": "XGMI"}
    return {"gpu": number, "bdf": function.address, "link_metrics": {**metrics, "links": peers}}


def _link_status(number: int, function: Function) -> Entry:
    return {"gpu": number, "bdf": function.address, "link_status": ["U"] * 7 + ["X"]}
