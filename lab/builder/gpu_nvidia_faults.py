# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with NVIDIA accelerators, as their library answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import pcimap
from .faults import Fault
from .node import Node
from .pci import place
from .recording import Recording

HGX, TRAY = "hgx_h100", "gb200_tray"
BOTH = (HGX, TRAY)
# What nobody can know once the driver does not answer.
UNSEEN = """
    gpu.clocks.application gpu.clocks.held gpu.clocks.memory gpu.clocks.memory_busy gpu.clocks.performance_state
    gpu.clocks.sm_busy gpu.clocks.sm_maximum gpu.clocks.sync_boost gpu.clocks.unexplained gpu.inforom.corrupted
    gpu.ecc.sram_uncorrected
    gpu.memory.idle gpu.memory.unrepairable gpu.retired_pages.count gpu.retired_pages.pending gpu.utilization.idle
    gpu.compute_capability gpu.compute_mode gpu.confidential_compute gpu.count.driver gpu.device.state
    gpu.driver.cuda gpu.driver.gsp gpu.driver.minimum
    gpu.driver.module gpu.ecc.aggregate_uncorrected gpu.ecc.corrected gpu.ecc.enabled gpu.ecc.pending
    gpu.ecc.sram_threshold gpu.ecc.uncorrected gpu.firmware.inforom_uniform gpu.firmware.vbios_uniform
    gpu.memory.total gpu.mig.mode gpu.mig.pending gpu.model.expected gpu.model.uniform gpu.pcie.generation
    gpu.pcie.generation_possible gpu.pcie.replay gpu.pcie.width gpu.persistence gpu.power.limit gpu.processes.none
    gpu.recovery_action gpu.remap.banks gpu.remap.failed gpu.remap.pending gpu.remap.uncorrected gpu.repair.channel
    gpu.repair.tpc gpu.temperature.gpu gpu.temperature.margin gpu.temperature.memory gpu.throttle.hw_power_brake
    gpu.throttle.hw_slowdown gpu.throttle.hw_thermal gpu.throttle.sw_thermal gpu.uuid.unique nvlink.fabric.state
    nvlink.fabric.status nvlink.link.active nvlink.link.count
    nvlink.link.remote nvlink.link.speed
"""
UNSEEN_OF = {
    HGX: "nvlink.errors.crc_data nvlink.errors.crc_flit nvlink.errors.recovery nvlink.errors.replay"
    " service.accelerator.version",
    TRAY: """
        gpu.addressing_mode gpu.platform.chassis nvlink.errors.effective_ber nvlink.errors.integrity
        nvlink.errors.recovery nvlink.errors.recovery_failed nvlink.errors.symbol_ber
        nvlink.fabric.bandwidth nvlink.fabric.clique nvlink.fabric.clique_id nvlink.fabric.cluster
        nvlink.fabric.configuration nvlink.fabric.domain nvlink.fabric.health
        nvlink.fabric.routes service.on_demand.version
    """,
}
BLIND = {
    klass: {
        "gpu.driver.state": "fail",
        **dict.fromkeys((UNSEEN + more).split(), "unknown"),
    }
    for klass, more in UNSEEN_OF.items()
}
Apply = Callable[[Node, Recording], None]


def says(answers: Mapping[str, object]) -> Apply:
    """Return what makes NVML answer otherwise."""

    def apply(node: Node, rec: Recording) -> None:
        for key, value in answers.items():
            rec.nvml(key, value)

    return apply


def gpu(index: int, **answers: object) -> Apply:
    """Return what makes one GPU answer otherwise; the names are NVML's, without ``nvmlDeviceGet``."""
    return says({f"gpu.{index}.nvmlDeviceGet{call}": value for call, value in answers.items()})


def both(*parts: Apply) -> Apply:
    """Return several changes as one."""

    def apply(node: Node, rec: Recording) -> None:
        for part in parts:
            part(node, rec)

    return apply


def on_the_bus(index: int, file: str, text: str) -> Apply:
    """Return what makes the bus report a GPU's link otherwise."""

    def apply(node: Node, rec: Recording) -> None:
        rec.file(place(node, pcimap.one(node.klass, pcimap.GPU, index), file), text)

    return apply


def _mixed_module(node: Node, rec: Recording) -> None:
    rec.nvml("nvmlInit", "!18")
    rec.edit("/proc/driver/nvidia/version", "580.105.08", "580.95.05")
    rec.file("/sys/module/nvidia/version", "580.95.05\n")


def _foreign(node: Node, rec: Recording) -> None:
    rec.nvml("gpu.0.nvmlDeviceGetComputeRunningProcesses_v3", "4711/1073741824")
    rec.file("/proc/4711/comm", "python3\n")


def _fabric(old: str, new: str) -> Apply:
    """Return what changes the fabric of GPU 3."""

    def apply(node: Node, rec: Recording) -> None:
        key = "gpu.3.nvmlDeviceGetGpuFabricInfoV"
        rec.nvml(key, rec.document["nvml"][key].replace(old, new))

    return apply


UNCORRECTED = ("TotalEccErrors(1,0)", "TotalEccErrors(1,1)", "MemoryErrorCounter(1,0,2)", "MemoryErrorCounter(1,1,2)")
FAIL, UNKNOWN = "fail", "unknown"
FAULTS = [
    Fault("gpu3_pcie_x8", "GPU 3 trained at x8", BOTH, {"gpu.pcie.width": FAIL, "pci.gpu.width": FAIL},
          both(gpu(3, CurrPcieLinkWidth=8), on_the_bus(3, "current_link_width", "8\n"))),
    Fault("gpu3_pcie_gen3", "GPU 3 trained at PCIe Gen3", BOTH, {"gpu.pcie.generation": FAIL, "pci.gpu.speed": FAIL},
          both(gpu(3, CurrPcieLinkGeneration=3), on_the_bus(3, "current_link_speed", "8.0 GT/s PCIe\n"))),
    Fault("gpu3_pcie_replays", "GPU 3 resends PCIe packets by the thousand", BOTH, {"gpu.pcie.replay": FAIL},
          gpu(3, PcieReplayCounter=70211)),
    Fault("gpu5_lost", "GPU 5 has fallen off the bus while in use", (HGX,), {"gpu.device.state": FAIL},
          says({"gpu.5.*": "!15"})),
    Fault("gpu2_missing", "the driver could not start GPU 2 and leaves it out", BOTH, {"gpu.count.driver": FAIL},
          says({"gpu.2.absent": 1})),
    Fault("gpu7_hung", "GPU 7 hangs whoever asks for its persistence mode", (HGX,), {"gpu.device.state": FAIL},
          gpu(7, PersistenceMode="hang 30000")),
    Fault("gpu1_reset_required", "GPU 1 asks for a reset", BOTH, {"gpu.device.state": FAIL},
          both(gpu(1, RemappedRows="!16"), says({"gpu.1.nvmlDeviceGetFieldValues(230)": 1}))),
    Fault("gpu1_recovery_action", "GPU 1 has seen a fault and asks to be reset", BOTH, {"gpu.recovery_action": FAIL},
          says({"gpu.1.nvmlDeviceGetFieldValues(230)": 1})),
    Fault("gpu1_ecc_uncorrected", "GPU 1 met an uncorrectable memory error", BOTH,
          {"gpu.ecc.uncorrected": FAIL, "gpu.ecc.aggregate_uncorrected": FAIL},
          says({f"gpu.1.nvmlDeviceGet{call}": 4 for call in UNCORRECTED})),
    Fault("gpu1_ecc_flood", "GPU 1 corrects memory errors by the thousand", BOTH, {"gpu.ecc.corrected": FAIL},
          says({"gpu.1.nvmlDeviceGetTotalEccErrors(0,0)": 51200,
                "gpu.1.nvmlDeviceGetMemoryErrorCounter(0,0,2)": 51200})),
    Fault("gpu1_sram_threshold", "GPU 1 has had too many errors of its on-chip memory", BOTH,
          {"gpu.ecc.sram_threshold": FAIL}, gpu(1, SramEccErrorStatus="bThresholdExceeded=1")),
    Fault("gpu2_remap_pending", "a row remapping of GPU 2 waits for a reset", BOTH, {"gpu.remap.pending": FAIL},
          gpu(2, RemappedRows="0,1,1,0")),
    Fault("gpu2_remap_failed", "GPU 2 could not remap a row: the bank has no spare left", BOTH,
          {"gpu.remap.failed": FAIL, "gpu.remap.banks": FAIL},
          both(gpu(2, RemappedRows="1,8,0,1"), gpu(2, RowRemapperHistogram="max=2559 high=0 partial=0 low=0 none=1"))),
    Fault("gpu0_tpc_repair", "a processing cluster of GPU 0 waits for its repair", BOTH, {"gpu.repair.tpc": FAIL},
          gpu(0, RepairStatus="0,1")),
    Fault("gpu6_hw_slowdown", "the power brake slows GPU 6 down", (HGX,),
          {"gpu.throttle.hw_slowdown": FAIL, "gpu.throttle.hw_power_brake": FAIL},
          gpu(6, CurrentClocksEventReasons="0x88")),
    Fault("gpu6_hot", "GPU 6 is hot and slows down", (HGX,),
          {"gpu.temperature.gpu": FAIL, "gpu.temperature.margin": FAIL, "gpu.throttle.hw_slowdown": FAIL,
           "gpu.throttle.hw_thermal": FAIL, "gpu.throttle.sw_thermal": FAIL},
          both(gpu(6, CurrentClocksEventReasons="0x68", MarginTemperature=-2),
               says({"gpu.6.nvmlDeviceGetTemperatureV(0)": 89}))),
    Fault("gpu6_memory_hot", "the memory of GPU 6 is hot", (HGX,), {"gpu.temperature.memory": FAIL},
          says({"gpu.6.nvmlDeviceGetFieldValues(82)": 99})),
    Fault("gpu4_persistence_off", "persistence mode is off on GPU 4", (HGX,), {"gpu.persistence": FAIL},
          gpu(4, PersistenceMode=0)),
    Fault("gpu0_ecc_off", "ECC is off on GPU 0", BOTH, {"gpu.ecc.enabled": FAIL}, gpu(0, EccMode="0,0")),
    Fault("gpu0_ecc_pending", "somebody has asked GPU 0 to switch ECC off", BOTH, {"gpu.ecc.pending": FAIL},
          gpu(0, EccMode="1,0")),
    Fault("gpu0_mig_on", "GPU 0 was left in MIG mode", BOTH, {"gpu.mig.mode": FAIL}, gpu(0, MigMode="1,1")),
    Fault("gpu0_compute_prohibited", "nobody may compute on GPU 0", BOTH, {"gpu.compute_mode": FAIL},
          gpu(0, ComputeMode=2)),
    Fault("gpu3_lesser_capability", "GPU 3 computes as a board of the last generation", BOTH,
          {"gpu.compute_capability": FAIL}, gpu(3, CudaComputeCapability="8,0")),
    Fault("cuda_old", "the driver serves an old CUDA only", BOTH, {"gpu.driver.cuda": FAIL},
          says({"nvmlSystemGetCudaDriverVersion_v2": 11080})),
    Fault("gpu_vbios_mixed", "GPU 3 has an older VBIOS than the others", BOTH, {"gpu.firmware.vbios_uniform": FAIL},
          gpu(3, VbiosVersion="96.00.30.00.01")),
    Fault("gpu_power_capped", "all GPUs are capped at 500 W", BOTH, {"gpu.power.limit": FAIL},
          says({"gpu.*.nvmlDeviceGetEnforcedPowerLimit": 500000})),
    Fault("gpu_foreign_process", "a process was left on GPU 0", BOTH, {"gpu.processes.none": FAIL}, _foreign),
    Fault("nvlink_gpu2_link7_down", "NVLink 7 of GPU 2 is down", BOTH,
          {"nvlink.link.active": FAIL, "nvlink.link.speed": FAIL},
          says({"gpu.2.nvmlDeviceGetNvLinkState(7)": 0, "gpu.2.nvmlDeviceGetFieldValues(164,7)": 0})),
    Fault("nvlink_gpu2_link7_errors", "NVLink 7 of GPU 2 drops flits", (HGX,), {"nvlink.errors.crc_flit": FAIL},
          says({"gpu.2.nvmlDeviceGetNvLinkErrorCounter(7,2)": 90233})),
    Fault("nvlink_gpu2_link7_lost", "NVLink 7 of GPU 2 failed to recover", (TRAY,),
          {"nvlink.errors.recovery_failed": FAIL}, says({"gpu.2.nvmlDeviceGetFieldValues(214,7)": 1})),
    Fault("nvlink_gpu0_fewer", "GPU 0 shows 17 of its NVLinks", BOTH, {"nvlink.link.count": FAIL},
          says({"gpu.0.nvmlDeviceGetNvLinkState(17)": "!2"})),
    Fault("fabric_gpu6_in_progress", "GPU 6 has not joined the fabric", (HGX,), {"nvlink.fabric.state": FAIL},
          gpu(6, GpuFabricInfoV=f"state=2 status=0 cliqueId=0 clusterUuid={'0' * 32} healthMask=0 healthSummary=0")),
    Fault("fabric_other_clique", "GPU 3 was put into another clique than the rest of the tray", (TRAY,),
          {"nvlink.fabric.clique": FAIL}, _fabric("cliqueId=2", "cliqueId=3")),
    Fault("fabric_route_unhealthy", "GPU 3 has lost routes although its fabric reads completed", (TRAY,),
          {"nvlink.fabric.health": FAIL, "nvlink.fabric.routes": FAIL},
          _fabric("healthMask=0x1aa healthSummary=1", "healthMask=0x19a healthSummary=2")),
    Fault("nvml_mismatch", "the driver was updated and the machine not restarted", BOTH,
          BLIND, _mixed_module),
    Fault("nvml_no_library", "the driver's management library is not installed", BOTH,
          BLIND,
          says({"nvmlInit": "!12"})),
]  # fmt: skip
