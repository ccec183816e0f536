# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What else NVIDIA accelerators, their links and their fabric can answer: each turns a check that only states."""

from __future__ import annotations

from . import pcimap
from .faults import Fault
from .gpu_nvidia_faults import BOTH, FAIL, HGX, TRAY, UNKNOWN, Apply, gpu, says
from .node import Node
from .recording import Recording

RUNNING, OLD = "580.105.08", "580.95.05"


def _no_domain(node: Node, rec: Recording) -> None:
    """Give no GPU of the tray its NVLink domain."""
    for index in range(4):
        said = f"state=3 status=0 cliqueId=2 clusterUuid={'0' * 32} healthMask=0x1aa healthSummary=1"
        rec.nvml(f"gpu.{index}.nvmlDeviceGet{FABRIC}", said)


def _no_clique(node: Node, rec: Recording) -> None:
    """Put no GPU of the tray into a clique."""
    for index in range(4):
        _again(index, FABRIC, "cliqueId=2", "cliqueId=0")(node, rec)


def _again(index: int, call: str, old: str, new: str) -> Apply:
    """Return what replaces a part of one GPU's answer."""

    def apply(node: Node, rec: Recording) -> None:
        key = f"gpu.{index}.nvmlDeviceGet{call}"
        said = rec.document["nvml"][key]
        if old not in said:
            raise ValueError(f"{key} does not say {old!r}")
        rec.nvml(key, said.replace(old, new))

    return apply


def _all(call: str, old: str, new: str) -> Apply:
    """Return what replaces a part of every GPU's answer."""

    def apply(node: Node, rec: Recording) -> None:
        for function in pcimap.of(node.klass, pcimap.GPU):
            _again(function.index, call, old, new)(node, rec)

    return apply


def _driver(version: str) -> Apply:
    """Return what makes driver, firmware and daemons one other release."""

    def apply(node: Node, rec: Recording) -> None:
        for key, value in rec.document["nvml"].items():
            rec.nvml(key, str(value).replace(RUNNING, version))
        rec.edit("/proc/driver/nvidia/version", RUNNING, version)
        rec.file("/sys/module/nvidia/version", f"{version}\n")
        for argv in [argv for argv in rec.document["commands"] if argv.endswith(" --version")]:
            rec.command(argv, rec.output(argv).replace(RUNNING, version))

    return apply


def _same_uuid(node: Node, rec: Recording) -> None:
    rec.nvml("gpu.1.nvmlDeviceGetUUID", rec.document["nvml"]["gpu.0.nvmlDeviceGetUUID"])


def _module_differs(node: Node, rec: Recording) -> None:
    rec.edit("/proc/driver/nvidia/version", RUNNING, OLD)
    rec.file("/sys/module/nvidia/version", f"{OLD}\n")


def _fabric(name: str, does: str, check: str, apply: Apply, classes: tuple[str, ...] = (TRAY,)) -> Fault:
    return Fault(name, does, classes, {f"nvlink.fabric.{check}": FAIL}, apply)


FABRIC = "GpuFabricInfoV"
VBIOS = ["96.00.99.00.01", "97.00.B9.00.69"]
FAULTS = [
    Fault("gpu3_gsp_differs", "the system processor of GPU 3 runs another release than the driver", BOTH,
          {"gpu.driver.gsp": FAIL}, gpu(3, GspFirmwareVersion=OLD)),
    Fault("driver_old", "driver and daemons are of a release with known holes", BOTH, {"gpu.driver.minimum": FAIL},
          _driver("530.30.02")),
    Fault("driver_not_pinned", "driver and daemons are of another release than the site has pinned", BOTH,
          {"gpu.driver.version": FAIL}, _driver(OLD), {"gpu.driver_version": RUNNING}),
    Fault("driver_module_differs", "the loaded kernel module is of another release than the library", BOTH,
          {"gpu.driver.module": FAIL}, _module_differs),
    Fault("gpu3_vbios_not_listed", "GPU 3 has a VBIOS that the site has not approved", BOTH,
          {"gpu.firmware.vbios": FAIL, "gpu.firmware.vbios_uniform": FAIL}, gpu(3, VbiosVersion="96.00.30.00.01"),
          {"gpu.vbios": VBIOS}),
    Fault("gpu3_inforom_differs", "GPU 3 has another InfoROM than the others", BOTH,
          {"gpu.firmware.inforom_uniform": FAIL}, gpu(3, InforomImageVersion="G520.0200.00.03")),
    Fault("gpu3_memory_smaller", "GPU 3 shows half of its memory", BOTH, {"gpu.memory.total": FAIL},
          gpu(3, MemoryInfo_v2="total=42949672960 reserved=503316480 free=42446356480 used=0")),
    Fault("gpu0_mig_pending", "GPU 0 will be in MIG mode after the next reset", BOTH, {"gpu.mig.pending": FAIL},
          gpu(0, MigMode="0,1")),
    Fault("gpu3_other_model", "GPU 3 is another product than the others", BOTH,
          {"gpu.model.expected": FAIL, "gpu.model.uniform": FAIL}, gpu(3, Name="NVIDIA H100 PCIe")),
    Fault("gpu3_gen4_board", "GPU 3 and its slot can do no more than PCIe Gen4", BOTH,
          {"gpu.pcie.generation_possible": FAIL, "gpu.pcie.generation": FAIL},
          gpu(3, GpuMaxPcieLinkGeneration=4, MaxPcieLinkGeneration=4, CurrPcieLinkGeneration=4)),
    Fault("gpu3_other_chassis", "GPU 3 says that it sits in another chassis", (TRAY,),
          {"gpu.platform.chassis": FAIL},
          _again(3, "PlatformInfo", "chassisSerialNumber=182", "chassisSerialNumber=999")),
    Fault("gpu2_remapped_often", "600 rows of GPU 2 were remapped after uncorrectable errors", BOTH,
          {"gpu.remap.uncorrected": FAIL}, gpu(2, RemappedRows="0,600,0,0")),
    Fault("gpu0_channel_repair", "a memory channel of GPU 0 waits for its repair", BOTH, {"gpu.repair.channel": FAIL},
          gpu(0, RepairStatus="1,0")),
    Fault("gpu_uuid_twice", "two GPUs answer with one UUID", BOTH, {"gpu.uuid.unique": FAIL}, _same_uuid),
    Fault("gpu1_addressing_hmm", "GPU 1 addresses memory in software", (TRAY,), {"gpu.addressing_mode": FAIL},
          gpu(1, AddressingMode=1)),
    Fault("confidential_computing_on", "confidential computing was left on", BOTH,
          {"gpu.confidential_compute": FAIL},
          says({"nvmlSystemGetConfComputeState": "environment=2 ccFeature=1 devToolsMode=0"})),
    Fault("nvlink_gpu2_link7_crc_data", "NVLink 7 of GPU 2 receives broken data", (HGX,),
          {"nvlink.errors.crc_data": FAIL}, says({"gpu.2.nvmlDeviceGetNvLinkErrorCounter(7,3)": 5120})),
    Fault("nvlink_gpu2_link7_replays", "NVLink 7 of GPU 2 sends again and again", (HGX,),
          {"nvlink.errors.replay": FAIL}, says({"gpu.2.nvmlDeviceGetNvLinkErrorCounter(7,0)": 7001})),
    Fault("nvlink_gpu2_link7_recovers", "NVLink 7 of GPU 2 has to train anew every quarter of an hour", (HGX,),
          {"nvlink.errors.recovery": FAIL}, says({"gpu.2.nvmlDeviceGetNvLinkErrorCounter(7,1)": 1200})),
    Fault("nvlink_gpu2_link7_integrity", "NVLink 7 of GPU 2 counts integrity errors", (TRAY,),
          {"nvlink.errors.integrity": FAIL}, says({"gpu.2.nvmlDeviceGetFieldValues(211,7)": 12})),
    Fault("nvlink_gpu2_link7_no_switch", "NVLink 7 of GPU 2 ends at a GPU instead of a switch", BOTH,
          {"nvlink.link.remote": FAIL}, says({"gpu.2.nvmlDeviceGetNvLinkRemoteDeviceType(7)": 0})),
    _fabric("fabric_bandwidth_degraded", "the fabric of GPU 3 runs at less bandwidth", "bandwidth",
            _again(3, FABRIC, "healthMask=0x1aa", "healthMask=0x1a9")),
    _fabric("fabric_misconfigured", "the fabric of GPU 3 is configured wrongly", "configuration",
            _again(3, FABRIC, "healthMask=0x1aa", "healthMask=0x2aa")),
    _fabric("fabric_other_cluster", "GPU 3 belongs to another fabric than the rest of the node", "cluster",
            _again(3, FABRIC, "clusterUuid=", "clusterUuid=f")),
    Fault("fabric_no_domain", "no GPU of the tray was given its NVLink domain", (TRAY,),
          {"nvlink.fabric.domain": FAIL, "nvlink.fabric.cluster": UNKNOWN}, _no_domain),
    Fault("fabric_no_clique", "no GPU of the tray was put into a clique", (TRAY,),
          {"nvlink.fabric.clique_id": FAIL, "nvlink.fabric.clique": UNKNOWN}, _no_clique),
    _fabric("fabric_join_failed", "GPU 3 ended joining the fabric with an error", "status",
            _again(3, FABRIC, "status=0", "status=1"), BOTH),
]  # fmt: skip
