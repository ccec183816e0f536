# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel says of storage, file systems, IOMMUs, clocks and limits in trouble, one kind of message a fault."""

from __future__ import annotations

from .faults import Fault
from .log_faults import ALL
from .log_lines import says

_HEAD, _X86 = ("cpu_only",), ("hgx_h100",)


def _fault(name: str, does: str, check: str, *lines: str, level: int = 3, classes: tuple[str, ...] = _HEAD) -> Fault:
    return Fault(name, does, classes, {f"log.{check}": "fail"}, says(*lines, level=level))


FAULTS = [
    _fault("nvme_no_path", "the last path to a drive is gone", "nvme.controller",
           "block nvme1n1: no available path - failing I/O", level=4, classes=ALL),
    _fault("nvme_path_waits", "no path to a drive works at the moment", "nvme.errors",
           "block nvme1n1: no usable path - requeuing I/O", level=4),
    _fault("nvme_probe_failed", "the driver refused a drive", "nvme.controller",
           "nvme 0000:0a:00.0: probe with driver nvme failed with error -12"),
    _fault("host_unexplained", "a storage driver reports an error that no table knows", "host.unexplained",
           "nvme nvme1: the submission queue moved", classes=ALL),
    _fault("iommu_unexplained", "the IOMMU reports an error that no table knows", "host.unexplained",
           "AMD-Vi: the command buffer moved"),
    _fault("adapter_unexplained", "an adapter's driver reports an error that no table knows", "fabric.unexplained",
           "pds_core 0000:41:00.0: the admin queue moved"),
    _fault("array_unreadable", "an array could not read its data from any member", "md.failed",
           "md/raid1:md0: sda1: unrecoverable I/O read error for block 5"),
    _fault("adapter_detached", "an adapter is gone from the bus", "fabric.fault",
           "igb 0000:41:00.0 eth0: PCIe link lost, device now detached"),
    _fault("nvme_reset", "the controller of a drive was reset after an error", "nvme.errors",
           "nvme nvme1: frozen state error detected, reset controller", level=4),
    _fault("scsi_offline", "a drive went offline", "block.errors", "sd 0:0:3:0: rejecting I/O to offline device"),
    _fault("raid_controller_fault", "a storage controller stopped working", "block.errors",
           "mpt3sas_cm0: fault_state(0x5854)!"),
    _fault("thin_pool_full", "a thin pool takes no more writes", "block.errors",
           "device-mapper: thin: 253:4: switching pool to read-only mode"),
    _fault("multipath_failed", "a path to a drive failed", "block.warning",
           "device-mapper: multipath: 253:0: Failing path 8:16.", level=4),
    _fault("member_kicked", "an array dropped a stale member", "md.kicked",
           "md: kicking non-fresh nvme1n1p2 from array!", level=4),
    _fault("ext4_data_lost", "a file system lost data", "filesystem.errors",
           "EXT4-fs (md0): This should not happen!! Data will be lost", classes=ALL),
    _fault("journal_io_error", "the journal of a file system met I/O errors", "filesystem.errors",
           "JBD2: Detected IO errors while flushing file data on md0-8"),
    _fault("btrfs_checksum", "a file system gave back data with a wrong checksum", "filesystem.errors",
           "BTRFS warning (device sdb1): csum failed root 5 ino 257 off 0 csum 0x1 expected csum 0x2 mirror 1",
           level=4),
    _fault("xfs_writeback", "a file system could not write data back", "filesystem.errors",
           "XFS (md1): writeback error on inode 133, offset 0, sector 64", level=1),
    _fault("efi_damage", "the EFI partition is damaged", "filesystem.errors",
           "FAT-fs (nvme0n1p1): error, fat_get_cluster: invalid cluster chain"),
    _fault("zfs_suspended", "a ZFS pool was suspended", "filesystem.errors",
           "WARNING: Pool 'tank' has encountered an uncorrectable I/O failure and has been suspended.", level=4),
    _fault("lustre_evicted", "a Lustre server evicted this client", "netfs.lost",
           "LustreError: 167-0: scratch-MDT0000-mdc-ffff8: This client was evicted by scratch-MDT0000; in progress "
           "operations using this service will fail."),
    _fault("nfs_lock_lost", "an NFS lock could not be taken again", "netfs.lost",
           "NFS: __nfs4_reclaim_open_state: Lock reclaim failed!"),
    _fault("cifs_stalled", "an SMB server does not answer", "netfs.stuck",
           r"CIFS: VFS: \\\\nas02 has not responded in 180 seconds. Reconnecting...", level=4),
    _fault("dmar_fault", "GPU 3 reached for memory that is not its own", "iommu.fault",
           "DMAR: [DMA Read NO_PASID] Request device [{BUS_gpu3}] fault addr 0xffbc0000 [fault reason 0x06] PTE Read "
           "access is not set", classes=_X86),
    _fault("amdvi_fault", "GPU 3 reached for memory that is not its own (AMD-Vi)", "iommu.fault",
           "amdgpu {gpu3}: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0013 address=0x1000 flags=0x0000]",
           classes=("mi300x",)),
    _fault("smmu_fault", "GPU 3 reached for memory that is not its own (SMMU)", "iommu.fault",
           "arm-smmu-v3 arm-smmu-v3.5.auto: event: F_TRANSLATION client: {gpu3} sid: 0x20600 ssid: 0x0 iova: 0xff9b",
           classes=("gb200_tray",)),
    _fault("dmar_fault_bmc", "the console's graphics reached for memory that is not its own", "history.notes",
           "DMAR: [DMA Read NO_PASID] Request device [02:00.0] fault addr 0xffbc0000 [fault reason 0x06] PTE Read",
           classes=_X86),
    _fault("iommu_stuck", "the IOMMU does not keep up", "iommu.fault",
           "DMAR: VT-d detected Invalidation Time-out Error: SID ffff", classes=_X86),
    _fault("clocksource_unstable", "the kernel gave up the CPU's own clock", "clock.unstable",
           "clocksource: timekeeping watchdog on CPU3: Marking clocksource 'tsc' as unstable because the skew is too "
           "large:", level=4),
    _fault("file_handles_used_up", "the machine ran out of file handles", "limits.reached",
           "VFS: file-max limit 65536 reached", level=6),
    _fault("conntrack_full", "the connection tracking table is full", "limits.reached",
           "nf_conntrack: nf_conntrack: table full, dropping packet", level=4),
    _fault("neighbours_full", "the neighbour table is full", "limits.reached",
           "neighbour: arp_cache: neighbor table overflow!", level=6),
    _fault("tcp_memory_full", "TCP ran out of memory", "limits.reached",
           "TCP: out of memory -- consider tuning tcp_mem", level=6),
    _fault("pids_limit", "a service ran into its limit of processes", "history.notes",
           "cgroup: fork rejected by pids controller in /system.slice/docker-1.scope", level=6),
    _fault("rt_throttled", "a real-time task took the whole CPU", "lockup.throttled",
           "sched: RT throttling activated", level=6),
    _fault("io_wait_hung", "a program has waited for a drive for two minutes", "hung_task.blocked",
           "INFO: task python:1234 blocked in I/O wait for more than 122 seconds."),
    _fault("raw_machine_check", "a processor met an error that it could not correct (raw line)", "mce.uncorrected",
           "mce: [Hardware Error]: CPU 12: Machine Check: 0 Bank 7: be00000000800400",
           "mce: [Hardware Error]: TSC 0 ADDR 3f8e4c1040 MISC 86",
           "mce: [Hardware Error]: PROCESSOR 0:606a6 TIME 1795000000 SOCKET 0 APIC 18 microcode d0003e7", level=0),
    _fault("raw_machine_check_corrected", "a processor corrected an error (raw line)", "mce.corrected",
           "mce: [Hardware Error]: CPU 12: Machine Check: 0 Bank 7: 8c00004000010092", level=4),
    _fault("aer_not_recovered", "a PCIe device did not recover from an error", "aer.uncorrected",
           "pcieport 0000:97:01.0: AER: device recovery failed", level=6, classes=_X86),
    _fault("pcie_inaccessible", "GPU 3 does not answer on PCIe any more", "aer.uncorrected",
           "nvidia {gpu3}: Unable to change power state from D3cold to D0, device inaccessible", classes=_X86),
    _fault("dpc_fatal", "a PCIe port was shut to contain an error", "aer.uncorrected",
           "pcieport 0000:97:01.0: DPC: unmasked uncorrectable error detected", level=4, classes=_X86),
]  # fmt: skip
