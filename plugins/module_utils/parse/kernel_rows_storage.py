# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What drives, arrays, file systems and network file systems say when data is lost or out of reach."""

from __future__ import annotations

from .kernel_kind import CRITICAL as _C
from .kernel_kind import WARNING as _W
from .kernel_kind import Rows, probe

_ON = r"(?P<device>[\w.!-]+)"
_RAID = r"(?:megaraid_sas|mpt[23]sas|mpt3sas|mpi3mr|smartpqi|hpsa|aacraid|arcmsr|mvsas)"

# fmt: off
ROWS: Rows = [
    ("nvme", _C, "no_path", "drive", "no available path", "the last path to an NVMe namespace is gone",
     r"(?:block )?(?P<device>nvme\d+(?:c\d+)?n\d+): no available path"),
    ("nvme", _W, "no_path", "drive", "no usable path", "no path to an NVMe namespace works; requests wait",
     r"(?:block )?(?P<device>nvme\d+(?:c\d+)?n\d+): no usable path"),
    ("nvme", _C, "controller_down", "drive", "nvme", "an NVMe controller is gone",
     (r"nvme (?P<device>nvme\d+): (?:controller is down|Removing after probe failure|Identify Controller failed|"
     r"Disabling (?:device|controller) after reset failure|Device not ready; aborting|Device shutdown incomplete)")),
    *probe("nvme", "controller_down", "nvme", "an NVMe controller is gone"),
    ("nvme", _W, "reset", "drive", "nvme", "an NVMe controller was reset, or the way to it was lost",
     (r"nvme (?P<device>nvme\d+): (?:resetting controller|frozen state error|permanent failure|restart after slot|"
      r"starting error recovery|Reconnecting in|Connect command failed|keep-alive|failed nvme_keep_alive)")),
    ("nvme", _W, "timeout", "drive", "timeout", "an NVMe command timed out",
     r"nvme (?P<device>nvme\d+): I/O .*timeout"),
    ("nvme", _W, "error", "drive", "nvme", "an NVMe command failed",
     r"(?P<device>nvme\d+n\d+): .*\(sct 0x[0-9a-f]+ / sc 0x[0-9a-f]+\)"),
    ("md", _C, "disk_failed", "drive", "Disk failure", "an array lost a member",
     r"md/\S+:(?P<device>md\d+): Disk failure"),
    ("md", _C, "unreadable", "drive", "unrecoverable I/O", "an array could not read its data from any member",
     r"md/\S+:(?P<device>md\d+): .*unrecoverable I/O"),
    ("md", _W, "kicked", "drive", "md:", "a stale member was dropped from an array",
     r"md: kicking non-fresh \S+"),
    ("block", _C, "io_error", "drive", "I/O error", "a block device failed to read or write",
     r"(?:Buffer )?I/O error(?:,| on) dev(?:ice)? (?P<device>[\w-]+)"),
    ("block", _C, "medium_error", "drive", "critical", "a block device reports bad media",
     r"critical (?:medium|target|space allocation) error, dev (?P<device>\w+)"),
    ("block", _C, "offline", "drive", "", "a block device went offline",
     (r"^(?:sd|sr|st|scsi) (?P<device>\d+:\d+:\d+:\d+): (?:\[\w+\] )?"
      r"(?:rejecting I/O to (?:offline|dead) device|Device offlined)")),
    ("block", _C, "controller", "array", "", "a storage controller stopped working",
     (r"^" + _RAID + r"(?:_cm\d+)?\b.*(?i:fault[ _]state|is dead|lockup|\boffline\b|non-operational|not responding|"
      r"fatal|failed with error)")),
    ("block", _W, "path_failed", "drive", "multipath", "a path to a block device failed",
     r"device-mapper: multipath: (?P<device>[\w:.-]+): Failing path"),
    ("block", _C, "integrity", "fs", "device-mapper", "a mapped device lost data or stopped taking writes",
     r"device-mapper: \w+: (?P<device>[\w:.-]+): .*(?i:checksum failed|read-only mode|out-of-data-space|data loss)"),
    ("block", _W, "past_end", "fs", "beyond end", "an access past the end of a device",
     r"attempt to access beyond end of device"),
    ("block", _W, "ata_error", "drive", "ata", "a SATA command failed",
     r"(?P<device>ata\d+)(?:\.\d+)?: (?:failed command|exception Emask)"),
    ("filesystem", _C, "readonly", "fs", "emounting filesystem read-only", "a file system went read-only",
     r"\((?P<device>[\w.-]+)\): Remounting filesystem read-only"),
    ("filesystem", _C, "ext4", "fs", "EXT4-fs error", "ext4 found damage",
     r"EXT4-fs error \(device (?P<device>[\w.-]+)\)"),
    ("filesystem", _C, "data_lost", "fs", "EXT4-fs", "ext4 lost data that a program had written",
     (r"EXT4-fs (?:warning )?\((?:device )?" + _ON + r"\): .*(?:[Dd]ata (?:will be|may be|is) lost|data loss|"
      r"I/O error|failed to convert unwritten|block allocation failed)")),
    ("filesystem", _C, "journal", "fs", "Aborting journal", "a file system journal was aborted",
     r"Aborting journal on device (?P<device>[\w.-]+)"),
    ("filesystem", _C, "journal", "fs", "JBD2", "a file system journal met an I/O error",
     (r"JBD2: (?:.*(?i:i/?o errors?|error -\d+).* (?:on|for|of|device) (?P<device>[\w.-]*\w)|"
      r".*(?i:i/?o error|recovery failed|corrupt))")),
    ("filesystem", _C, "xfs", "fs", "XFS", "xfs found damage",
     (r"XFS \((?P<device>[\w.-]+)\): .*(?:[Cc]orruption|CRC error|(?i:metadata i/o error|log i/o error)|"
     r"writeback error|page discard|Internal error|has been shut down|Shutting down filesystem|"
     r"xfs_do_force_shutdown|xfs_log_force: error|run xfs_repair|log mount/recovery failed)")),
    ("filesystem", _C, "btrfs", "fs", "BTRFS", "btrfs found damage",
     r"BTRFS:? (?:error|critical) \(device (?P<device>[\w.-]+)"),
    ("filesystem", _C, "btrfs", "fs", "BTRFS", "btrfs found damage",
     (r"BTRFS (?:warning|info) \(device (?P<device>[\w.-]+)[^)]*\): .*(?:csum failed|checksum (?:error|verify failed)|"
      r"transid verify failed|lost page write|forced readonly|errs: (?=.*\b[a-z]+ [1-9])|unable to fixup)")),
    ("filesystem", _C, "fat", "fs", "FAT-fs", "a FAT file system (EFI) found damage",
     r"FAT-fs \((?P<device>[\w.-]+)\): error"),
    ("filesystem", _C, "zfs", "fs", "WARNING: Pool", "a ZFS pool was suspended",
     r"WARNING: Pool '(?P<device>[^']+)' has encountered an uncorrectable I/O failure"),
    ("filesystem", _C, "zfs", "fs", "PANIC", "ZFS met damage and stopped",
     r"\bPANIC(?: at [\w./-]+\.c:\d+|: (?:zfs|blkptr)\b)"),
    ("netfs", _C, "evicted", "server", "victed", "a Lustre server evicted this client: what it wrote is lost",
     r"Lustre\w*:.*(?:[Tt]his client was evicted by (?P<device>[\w.-]*\w)|\bEvicted from (?P<other>[\w.-]+))"),
    ("netfs", _C, "lock_lost", "server", "reclaim failed", "an NFS lock could not be taken again",
     r"NFS: .*(?i:reclaim failed)"),
    ("netfs", _W, "not_responding", "server", "not responding", "an NFS server did not answer",
     r"(?:nfs\d?|lockd): server (?P<device>\S+) not responding"),
    ("netfs", _W, "cifs", "server", "has not responded", "an SMB server did not answer",
     r"CIFS: .*\\\\(?P<device>[\w.-]+)\S* has not responded"),
    ("netfs", _W, "lustre", "server", "Lustre", "a Lustre server did not answer",
     r"Lustre.*?(?P<device>[\w.-]+): Connection to \S+.*(?:was lost)"),
    ("netfs", _W, "lustre", "server", "Lustre", "a Lustre server did not answer",
     r"Lustre.*(?:was lost|has failed due to network|timed out for slow reply)"),
    ("netfs", _W, "ceph", "server", "ceph", "a Ceph server did not answer",
     r"(?:ceph: .*?\b(?P<device>mds\d+) .*?\bhung|libceph: (?P<other>osd\d+) .*down)"),
]
# fmt: on
