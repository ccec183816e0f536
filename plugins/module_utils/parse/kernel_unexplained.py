# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines that a driver of accelerators, adapters, drives, file systems or IOMMUs calls an error and no row knows.

Drivers of good machines print errors, too: assertions and failed reads while they start, sensors that a board lacks,
the lines that follow one that is known. ``NOISE`` lists those, by driver; all else is shown.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Pattern, Tuple

from .kernel_kind import ADDRESS, compiled
from .kernel_rows_fabric import OTHER_ADAPTERS

LEVEL = 3  # syslog: err
# Families whose unknown lines only their level shows.
LEVELLED = ("nvidia", "amdgpu", "habanalabs", "fabric", "host", "kernel")

DRIVERS: Dict[str, str] = {
    "nvidia": r"(?:NVRM\b|nvidia[\w-]*\b|nv_peer_mem\b|gdrdrv\b|\[drm:\w+ \[nvidia)",
    "amdgpu": r"(?:amdgpu\b|kfd kfd\b|\[drm:\w+ \[amdgpu\])",
    "habanalabs": r"(?:habanalabs\w*\b|hbl_\w+\b|accel accel\d)",
    "fabric": (
        r"(?:mlx[45]_\w+\b|mlx5\b|infiniband\b|ib_\w+\b|rdma_\w+\b|nvme_rdma\b|"
        r"(?:pds_core|gve|tg3|bnx2x?|ixgbe|igb|igc)\b|" + OTHER_ADAPTERS + r"\b)"
    ),
    "host": (
        r"(?:arm-smmu\S*|(?:\S+ " + ADDRESS + r": )?AMD-Vi|DMAR|EXT4-fs|JBD2|XFS|BTRFS|FAT-fs|ZFS|SPL|PANIC:|"
        r"device-mapper|md(?:/\S+)?:|nvme[\w-]*|sd|Lustre(?:Error)?|LNet(?:Error)?|(?:lib)?ceph|rbd|NFS)(?![\w-])"
    ),
}
# A read of something that a board may lack: no driver works the worse for it.
_FAILED_READ = (
    r"(?i)(?:failed|unable|could ?n[o']t|can(?:no|')t) (?:to )?(?:read|query|get|retrieve|find) (?:\w+[ -])*?"
    r"(?:temperature|voltage|current|fan|pwm|power|sensor|clock|clk|eeprom|vpd|fru|serial|board|gpio|i2c|smbus|hwmon|"
    r"acpi|vddgfx|srat|crat|vfct|edid|inforom)\b"
)
_HARMLESS_STATUS = (
    r"NOT_SUPPORTED|INVALID_\w+|OBJECT_NOT_FOUND|OBJECT_TYPE_MISMATCH|NO_MEMORY|OPERATING_SYSTEM|"
    r"INSUFFICIENT_RESOURCES|STATE_IN_USE|IN_USE|MISSING_TABLE_ENTRY|NOT_COMPATIBLE|NOT_READY|BUSY_RETRY|"
    r"MODULE_LOAD_FAILED|ILLEGAL_ACTION|STREAM_NOT_ENABLED|BUFFER_TOO_SMALL"
)
# No noise, whatever else the line says; that memory is lost is what every reset says.
_WORSE = r"(?i)(?<!vram is )\blost\b|\bdead\b|time(?:d[ -]?)?out|-110\b"
# Statuses of the resource manager that tell of a broken GPU, lost resource, timeout, memory or link.
_BAD_STATUS = r"status[ =:]+0x0*(?:[59fF]|6[256eE]|7[0-24-9])\b"
# fmt: off
NOISE: Dict[str, Tuple[str, ...]] = {
    "nvidia": (
        # banners, which the driver prints as errors so that they are seen
        r"NVRM: (?:loading NVIDIA|GPU at PCI:|GPU Board Serial|Persistence mode is deprecated)",
        r"^nvidia[\w-]*: (?:loading out-of-tree|module (?:license|verification)|Loading NVIDIA|Nvlink |Unregistered )",
        r"^nvidia-nvswitch\d*: (?:Probing device|using MSI|open \(|release \(|enabling device)",
        # what follows an Xid or SXid: the calls before it, and what its first line told already
        r"NVRM: Rate limiting GSP RPC|NVRM: GPU\d+ RPC event",
        r"NVRM: +(?:entry +function|-?\d+ +\d+ +[A-Z]|GPU\d+ (?:RPC|GSP RPC) )",
        r"SXid \([^)]*\): \d+, (?:Severity|Data)",
        # assertions and checks without a status that tells of a broken device
        r"NVRM:?.*(?:Assertion|Check) failed: (?!.*\[NV_ERR_)(?!.*(?i:reset|lost|fatal|ecc))",
        r"NVRM:?.*(?:Assertion|Check) failed: .*\[NV_ERR_(?:" + _HARMLESS_STATUS + r")\]",
        # reads and calls that a board, chipset or firmware does not answer
        r"NVRM:?.*(?:cpuidInfoAMD|Unrecognized AMD processor|objClInitPcieChipset|nvlogAllocBuffer)",
        r"NVRM:?.*(?:[Ll]eft-over mapping|failed to allocate vmap|can't alloc VA space|CC secret cleanup)",
        r"NVRM:?.*Possible bad register read(?!.*0xf{8}\b)",
        r"NVRM:?(?!.*" + _BAD_STATUS + r").*(?:GspRmControl failed|rpcRmApi\w+: .*failed|Power Source change)",
        # the rest of a sentence that several lines tell
        r"NVRM:? +(?:installed in this system|in this system|nvidia\.ko|System Processor|Please |Firmware' )",
        r"NVRM:? +(?:www\.|the Linux|Supported NVIDIA|graphics driver)",
    ),
    "amdgpu": (
        r"SRAT table not found|\bta ucode is not available|runtime database doesn't",
        r"(?i)secure ?display|SMU driver if version not matched|Runtime PM not available|Direct firmware load",
        # what follows a page fault, a hung ring, a reset or a RAS error: whose it was
        r": +in (?:page starting at address|process )| for process \S+ pid \d+|Process information",
        r"VM_L2_PROTECTION_FAULT_STATUS|Faulty UTCL2 client|MORE_FAULTS|WALKER_ERROR|PERMISSION_FAULTS|MAPPING_ERROR",
        r"\bRW: 0x|cookie node_id|aca entry|VRAM is lost due to GPU reset|Starting \S+ ring reset",
        r"\b(?:no|0) (?:new )?(?:un)?correctable hardware errors",
    ),
    "habanalabs": (r"(?i)loading (?:firmware|secured fw)|user released device without",),
    "fabric": (
        # registers that monitors ask for and that a port or board lacks
        r"ACCESS_REG\(0x[0-9a-f]+\) .*failed, status bad|query_mcia_reg failed|mlx5e_get_module_eeprom",
        r"query_module_(?:id|eeprom).* failed|Port module event: |Missing SyncE|is_dpll_supported",
        r"profile is \d+, changing it to HCA capability|(?i:ptp .*not supported)",
        r"hwrm req_type 0x[0-9a-f]+ seq id 0x[0-9a-f]+ error 0x(?:[2-79]|ffff)\b",
    ),
    "host": (
        # what firmware and boards leave out, and drives that lack a feature
        r"\[Firmware (?:Bug|Warn|Info)\]|IRQ domain is empty|failed to set APST",
        r"No Caching mode page|Assuming drive cache|Asking for cache data failed|Incomplete mode parameter",
        r"^nvme\d+: .*\(sct 0x[01] / sc 0x[1-9]\)",
        # a volume that was tried as another kind of file system, and claimed by somebody else
        r"Can't find (?:an? )?(?:valid )?(?:ext[234]|FAT) filesystem|couldn't mount as ext[23]",
        r"Invalid superblock magic number|bogus number of|invalid media value",
        r"multipath: error getting device|error adding target to table",
        r"doesn't appear to be in the dev hash table|not clean -- starting background reconstruction",
        # what comes with another line
        r"handling fault status reg|\bDTE\[|Device table\[|QI (?:HEAD|PRIOR)|Skipped \d+ previous similar",
    ),
}
# fmt: on


def unexplained(text: str, level: Optional[int]) -> Optional[str]:
    """Return the family of a driver whose error this line is, when its noise does not account for it."""
    if level is None or level > LEVEL:
        return None
    for family, names in DRIVERS.items():
        if compiled(names).match(text):
            return None if noise(family, text) else family
    return None


def noise(family: str, text: str) -> bool:
    """Say whether good machines print this line, too."""
    return not compiled(_WORSE).search(text) and any(each.search(text) for each in _noise(family))


def _noise(family: str) -> List[Pattern[str]]:
    return [compiled(pattern) for pattern in (_FAILED_READ, *NOISE.get(family, ()))]


# What accompanies a machine check that another line has told already.
DETAILS = re.compile(
    r"\[Hardware Error\]: *(?:TSC |RIP|PROCESSOR |Run the above|IPID|SYND|PPIN|ADDR |MISC |Corrupt|This system|In CPU)"
)

# Lines that repeat what people wrote: options of the boot loader, names of programs.
QUOTED = re.compile(
    r"(?:Unknown )?(?:[Kk]ernel )?[Cc]ommand line\b|audit: |type=\d+ audit\(|"
    r"[\w-]+\[\d+\]: .*command line parameters:"
)
