# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with MI300X cards, as amd-smi and amdgpu answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import pcimap
from .faults import Fault
from .gpu_amd_sysfs import KFD, MODULE, card, sysfs
from .gpu_amd_tool import Entry, measured, tool
from .node import Node
from .pcimap import GPU, Function
from .recording import Recording

Apply = Callable[[Node, Recording], None]
PARTITIONS = 8
PAGE = {"page_address": "0x7a3f1", "page_size": "4096", "status": "PENDING"}


def fault(name: str, does: str, finds: Mapping[str, str], *parts: Apply) -> Fault:
    """A fault of this class of node, planted in every place where it shows."""

    def apply(node: Node, rec: Recording) -> None:
        for part in parts:
            part(node, rec)

    return Fault(name, does, ("mi300x",), finds, apply)


def prints(subcommand: str, *numbers: int, **values: Any) -> Apply:
    """amd-smi says otherwise of some GPUs; dots of a path are written as "__"."""

    def change(entries: list[Entry]) -> None:
        for number in numbers:
            for path, value in values.items():
                here: Any = entries[number]
                *parents, last = path.split("__")
                for name in parents:
                    here = here[name]
                here[int(last) if isinstance(here, list) else last] = value

    def apply(node: Node, rec: Recording) -> None:
        before = dict(rec.document["commands"])
        tool(node, rec, pcimap.of(node.klass, GPU), **{subcommand: change})
        changed = {"xgmi_metric": "xgmi -m", "link_status": "xgmi -l"}.get(subcommand, subcommand.replace("_", "-"))
        kept = f"amd-smi {changed} --json"
        rec.document["commands"] = {**before, kept: rec.document["commands"][kept]}

    return apply


def shows(number: int, file: str, text: str) -> Apply:
    """A file of one card says otherwise."""
    return lambda node, rec: rec.file(f"{card(node, pcimap.one(node.klass, GPU, number))}/{file}", text)


def _missing(node: Node, rec: Recording) -> None:
    """The driver gave the card up: it is on the bus, and nowhere else."""
    gone = pcimap.one(node.klass, GPU, 2)
    left = [function for function in pcimap.of(node.klass, GPU) if function != gone]
    _unbind(node, rec, gone)
    rec.remove(KFD)
    tool(node, rec, left)
    sysfs(node, rec, left)


def _unbind(node: Node, rec: Recording, function: Function) -> None:
    rec.remove(f"{card(node, function)}/driver")
    rec.remove(f"/sys/bus/pci/drivers/{function.driver}/{function.address}")
    rec.remove(f"/sys/class/drm/{function.name}")


def _not_loaded(node: Node, rec: Recording) -> None:
    rec.remove(MODULE)
    rec.remove(KFD)
    for function in pcimap.of(node.klass, GPU):
        _unbind(node, rec, function)
    for call in [key for key in rec.document["commands"] if key.startswith("amd-smi ")]:
        rec.command(
            call, rc=255, stderr="ERROR:root:Unable to detect any GPU devices, check amdgpu version and module status\n"
        )


def _cpx(node: Node, rec: Recording) -> None:
    """Every card in eight: amd-smi and the compute driver count the parts."""
    parts = [function for function in pcimap.of(node.klass, GPU) for _part in range(PARTITIONS)]
    key = (
        "accelerator_partition"
        if "accelerator_partition" in rec.output("amd-smi static --json")
        else "compute_partition"
    )

    def divide(entries: list[Entry]) -> None:
        for number, entry in enumerate(entries):
            entry["bus"]["bdf"] = f"{entry['bus']['bdf'][:-1]}{number % PARTITIONS}"
            entry["partition"].update({key: "CPX", "memory_partition": "NPS4", "partition_id": number % PARTITIONS})

    def hide(entries: list[Entry]) -> None:
        for entry in entries:
            if entry["gpu"] % PARTITIONS:
                entry.update(dict.fromkeys(set(entry) - {"gpu"}, "N/A"))

    tool(node, rec, parts, static=divide, metric=hide)
    sysfs(node, rec, pcimap.of(node.klass, GPU), PARTITIONS)
    for function in pcimap.of(node.klass, GPU):
        rec.file(f"{card(node, function)}/current_compute_partition", "CPX\n")
        rec.file(f"{card(node, function)}/current_memory_partition", "NPS4\n")


def _hangs(node: Node, rec: Recording) -> None:
    for call in [key for key in rec.document["commands"] if key.startswith("amd-smi ")]:
        rec.command(call, state="timeout", duration_s=60)


def _garbage(node: Node, rec: Recording) -> None:
    for call in ("amd-smi static --json", "amd-smi metric --json"):
        rec.command(call, b'\xff\xfe[{"gpu": 0, "asic": {"market_na')


HANGS = {  # the kernel still tells the rest
    "gpu.driver.state": "fail",
    **dict.fromkeys(
        (
            "amd.bad_pages.threshold", "amd.clocks.locked", "amd.firmware.smu_uniform", "amd.firmware.uniform",
            "amd.throttle.power_brake", "amd.throttle.thermal", "gpu.clocks.sm_maximum", "gpu.clocks.unexplained",
            "gpu.ecc.enabled", "gpu.memory.idle", "gpu.temperature.margin", "gpu.utilization.idle", "gpu.uuid.unique",
            "xgmi.link.active", "xgmi.link.count", "xgmi.link.speed",
        ),
        "unknown",
    ),
}  # fmt: skip
GARBAGE = {
    "gpu.driver.state": "fail",
    **dict.fromkeys(
        (
            "amd.bad_pages.threshold",
            "amd.clocks.locked",
            "amd.throttle.power_brake",
            "amd.throttle.thermal",
            "gpu.clocks.sm_maximum",
            "gpu.clocks.unexplained",
            "gpu.ecc.enabled",
            "gpu.temperature.margin",
        ),
        "unknown",
    ),
}
NOT_LOADED = {
    **dict.fromkeys(("amd.driver.module_state", "gpu.count.driver", "gpu.driver.state", "pci.gpu.driver"), "fail"),
    **dict.fromkeys(
        (
            "amd.bad_pages.pending", "amd.bad_pages.retired", "amd.bad_pages.unreservable", "amd.firmware.smu_uniform",
            "amd.bad_pages.threshold", "amd.clocks.locked", "amd.firmware.uniform", "amd.ras.unexplained",
            "gpu.clocks.sm_maximum",
            "gpu.clocks.unexplained", "gpu.memory.idle", "gpu.utilization.idle",
            "amd.kfd.nodes", "amd.partition.compute", "amd.partition.memory", "amd.ras.deferred",
            "amd.throttle.power_brake", "amd.throttle.thermal", "gpu.device.state", "gpu.ecc.corrected",
            "gpu.ecc.enabled", "gpu.ecc.uncorrected", "gpu.firmware.vbios_uniform", "gpu.memory.total",
            "gpu.model.expected", "gpu.model.uniform", "gpu.pcie.generation", "gpu.pcie.generation_possible",
            "gpu.pcie.replay", "gpu.pcie.width", "gpu.power.limit", "gpu.temperature.gpu", "gpu.temperature.margin",
            "gpu.temperature.memory", "gpu.uuid.unique", "xgmi.hive.single", "xgmi.link.active", "xgmi.link.count",
            "xgmi.link.errors", "xgmi.link.speed", "xgmi.peers",
        ),
        "unknown",
    ),
}  # fmt: skip

FAULTS = [
    fault("mi_gpu2_missing", "the driver has given up GPU 2",
          {"gpu.count.driver": "fail", "pci.gpu.driver": "fail", "amd.kfd.nodes": "fail", "xgmi.peers": "fail"},
          _missing),
    fault("mi_gpu4_ras_uncorrected", "GPU 4 has an uncorrected memory error", {"gpu.ecc.uncorrected": "fail"},
          prints("metric", 4, ecc__total_uncorrectable_count=1, ecc_blocks__UMC__uncorrectable_count=1),
          shows(4, "ras/umc_err_count", "ue: 1\nce: 0\nde: 0")),
    fault("mi_gpu4_poison", "GPU 4 holds poisoned data", {"amd.ras.deferred": "fail"},
          prints("metric", 4, ecc__total_deferred_count=3, ecc_blocks__UMC__deferred_count=3),
          shows(4, "ras/umc_err_count", "ue: 0\nce: 0\nde: 3")),
    fault("mi_bad_pages_pending", "two bad pages of GPU 6 wait for a reset", {"amd.bad_pages.pending": "fail"},
          prints("bad_pages", 6, pending=[PAGE, PAGE]),
          shows(6, "ras/gpu_vram_bad_pages", "0x0007a3f1 : 0x00001000 : P\n0x0007a3f2 : 0x00001000 : P\n")),
    fault("mi_xgmi_link_down", "the xGMI link between GPU 1 and GPU 4 is down", {"xgmi.link.active": "fail"},
          prints("link_status", 1, 4, link_status__3="D")),
    fault("mi_xgmi_link_disabled", "GPU 1 has an xGMI link disabled", {"xgmi.link.count": "fail"},
          prints("link_status", 1, link_status__3="X")),
    fault("mi_xgmi_link_slow", "the xGMI links of GPU 3 trained at half speed", {"xgmi.link.speed": "fail"},
          prints("xgmi_metric", 3, link_metrics__bit_rate=measured(16, "Gb/s"))),
    fault("mi_xgmi_errors", "GPU 3 has an uncorrected xGMI error",
          {"xgmi.link.errors": "fail", "gpu.ecc.uncorrected": "fail"},
          prints("metric", 3, ecc__total_uncorrectable_count=1, ecc_blocks__XGMI_WAFL__uncorrectable_count=1),
          shows(3, "ras/xgmi_wafl_err_count", "ue: 1\nce: 0\nde: 0")),
    fault("mi_partition_cpx", "every card was left in CPX and NPS4",
          {"amd.partition.compute": "fail", "amd.partition.memory": "fail", "amd.kfd.nodes": "fail"}, _cpx),
    fault("mi_gpu_hot", "GPU 5 is hot and slows down",
          {"gpu.temperature.gpu": "fail", "gpu.temperature.margin": "fail", "amd.throttle.thermal": "fail"},
          prints("metric", 5, temperature__hotspot=measured(101, "C"),
                 throttle__socket_thermal_violation_status="ACTIVE"),
          shows(5, "hwmon/hwmon9/temp2_input", "101000\n")),
    fault("mi_memory_hot", "the memory of GPU 5 is hot", {"gpu.temperature.memory": "fail"},
          prints("metric", 5, temperature__mem=measured(98, "C")),
          shows(5, "hwmon/hwmon9/temp3_input", "98000\n")),
    fault("mi_power_brake", "the power brake holds GPU 0 back", {"amd.throttle.power_brake": "fail"},
          prints("metric", 0, throttle__prochot_violation_status="ACTIVE")),
    fault("mi_power_capped", "GPU 7 is capped at 550 W", {"gpu.power.limit": "fail"},
          prints("static", 7, limit__socket_power=measured(550, "W")),
          shows(7, "hwmon/hwmon11/power1_cap", "550000000\n")),
    fault("mi_smu_firmware_odd", "GPU 6 has other power management firmware", {"amd.firmware.smu_uniform": "fail"},
          prints("firmware", 6, fw_list__4={"fw_id": "PM", "fw_version": "85.119.0"})),
    fault("mi_gpu3_pcie_x8", "GPU 3 trained at x8", {"gpu.pcie.width": "fail", "pci.gpu.width": "fail"},
          prints("metric", 3, pcie__width=8), shows(3, "current_link_width", "8\n")),
    fault("amd_smi_hangs", "amd-smi hangs", HANGS, _hangs),
    fault("amd_smi_garbage", "amd-smi prints half a document", GARBAGE, _garbage),
    fault("amdgpu_not_loaded", "the amdgpu module is not loaded", NOT_LOADED, _not_loaded),
]  # fmt: skip
