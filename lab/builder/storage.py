# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drives, arrays and mounts of every class of node: a mirrored system, striped scratch, a shared file server."""

from __future__ import annotations

import json
from typing import Any

from . import pcimap
from .node import Node
from .pcimap import NVME, Function
from .recording import Recording
from .storage_faults import FAULTS, FUSE, LUSTRE

__all__ = ["FAULTS", "render"]

GB, TB = 10**9, 10**12
SYSTEM_SECTORS, SCRATCH_SECTORS = 3_750_748_848, 7_501_476_528  # 1.92 TB and 3.84 TB
SYSTEM_PART = "pm9a3"
SHARED = "/mnt/shared"


def render(node: Node, rec: Recording) -> None:
    """Put the drives, what is made of them and what is mounted."""
    drives = pcimap.of(node.klass, NVME)
    system = sorted(drive.name or "" for drive in drives if _is_system(drive))
    scratch = sorted(drive.name or "" for drive in drives if not _is_system(drive))
    for drive in drives:
        _drive(rec, node, drive)
    _arrays(rec, system, scratch)
    _mounts(rec, node, "md0" if len(system) > 1 else f"{system[0]}n1p2", system[0], bool(scratch))


def folder(node: Node, name: str) -> str:
    """Return where the controller ``name`` lies in sysfs."""
    drive = next(drive for drive in pcimap.of(node.klass, NVME) if drive.name == name)
    return f"{pcimap.path(node.klass, drive.address)}/nvme/{name}"


def health(**changes: Any) -> str:
    """Return what ``nvme smart-log -o json`` prints for a drive that is well but for ``changes``; kelvin."""
    log = {
        "critical_warning": 0,
        "temperature": 311,
        "avail_spare": 100,
        "spare_thresh": 10,
        "percent_used": 2,
        "endurance_grp_critical_warning_summary": 0,
        "data_units_read": 812440121,
        "data_units_written": 499120733,
        "host_read_commands": 7991240012,
        "host_write_commands": 5120044981,
        "controller_busy_time": 2113,
        "power_cycles": 31,
        "power_on_hours": 9120,
        "unsafe_shutdowns": 12,
        "media_errors": 0,
        "num_err_log_entries": 4,
        "warning_temp_time": 0,
        "critical_comp_time": 0,
        "temperature_sensor_1": 311,
        **changes,
    }
    return json.dumps(log, indent=2) + "\n"


def _is_system(drive: Function) -> bool:
    return pcimap.PARTS[SYSTEM_PART].vendor == drive.vendor


def _drive(rec: Recording, node: Node, drive: Function) -> None:
    name = drive.name or ""
    base, block = folder(node, name), f"{folder(node, name)}/{name}n1"
    rec.link(f"/sys/class/nvme/{name}", base)
    rec.link(f"{base}/device", pcimap.path(node.klass, drive.address))
    rec.file(f"{base}/numa_node", f"{drive.numa_node}\n")
    rec.file(f"{base}/hwmon{drive.index}/temp1_input", "37850\n")
    rec.command(f"nvme smart-log /dev/{name} -o json", health())
    rec.link(f"/sys/block/{name}n1", block)
    rec.link(f"{block}/device", base)
    values = {
        "size": SYSTEM_SECTORS if _is_system(drive) else SCRATCH_SECTORS,
        "removable": 0,
        "ro": 0,
        "queue/rotational": 0,
        "queue/scheduler": "[none] mq-deadline",
    }
    for file, value in values.items():
        rec.file(f"{block}/{file}", f"{value}\n")


def _arrays(rec: Recording, system: list[str], scratch: list[str]) -> None:
    lines = ["Personalities : [raid0] [raid1] [raid6] [raid5] [raid4] [raid10]"]
    if scratch:
        members = " ".join(f"{name}n1[{number}]" for number, name in reversed(list(enumerate(scratch))))
        lines += [f"md1 : active raid0 {members}", "      15002423296 blocks super 1.2 512k chunks", ""]
    if len(system) > 1:
        members = " ".join(f"{name}n1p2[{number}]" for number, name in reversed(list(enumerate(system))))
        lines += [f"md0 : active raid1 {members}", "      1873875904 blocks super 1.2 [2/2] [UU]"]
        lines += ["      bitmap: 3/14 pages [12KB], 65536KB chunk", ""]
    rec.file("/proc/mdstat", "\n".join([*lines, "unused devices: <none>", ""]))


def _mounts(rec: Recording, node: Node, root: str, first: str, scratch: bool) -> None:
    server = "nas01:/export/shared"
    table = [
        "22 1 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw",
        "23 1 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw",
        f"29 1 9:0 / / rw,relatime shared:1 - ext4 /dev/{root} rw,errors=remount-ro",
        "31 29 0:26 / /dev/shm rw,nosuid,nodev shared:3 - tmpfs tmpfs rw,inode64",
        "40 29 7:0 / /snap/core22/1963 ro,nodev,relatime shared:30 - squashfs /dev/loop0 ro,errors=continue",
        f"44 29 259:1 / /boot/efi rw,relatime shared:31 - vfat /dev/{first}n1p1 rw,fmask=0022,errors=remount-ro",
        f"51 29 0:61 / {SHARED} rw,relatime shared:40 - nfs4 {server} rw,vers=4.2,hard,proto=tcp,timeo=600",
        "60 29 0:70 / /var/lib/docker/overlay2/7d1f/merged rw,relatime - overlay overlay rw,lowerdir=/a:/b",
        f"61 29 9:0 /srv/cache /var/cache/models rw,relatime shared:1 - ext4 /dev/{root} rw,errors=remount-ro",
    ]
    fstab = [
        "# <file system> <mount point> <type> <options> <dump> <pass>",
        f"/dev/{root} / ext4 errors=remount-ro 0 1",
        f"/dev/{first}n1p1 /boot/efi vfat umask=0077 0 1",
        f"{server} {SHARED} nfs4 hard,_netdev 0 0",
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0",
    ]
    if scratch:
        table.append("55 29 9:1 / /scratch rw,noatime shared:41 - xfs /dev/md1 rw,attr2,inode64,noquota")
        fstab.append("/dev/md1 /scratch xfs noatime,nofail 0 0")
        rec.space("/scratch", 15_362 * GB, 4_113 * GB, 1_536_000_000, 2_204_118)
    rec.file(f"{FUSE}/waiting", "0\n")
    rec.file(f"{FUSE}/congestion_threshold", "9\n")
    if node.klass == "hgx_h100":
        rec.file(LUSTRE, "healthy\n")
    rec.file("/proc/self/mountinfo", "\n".join(table) + "\n")
    rec.file("/etc/fstab", "\n".join(fstab) + "\n")
    rec.space("/", 1_887 * GB, 402 * GB, 117_120_000, 1_733_009)
    rec.space("/boot/efi", 1_124 * GB // 1000, 6_340_608, 0, 0)
    rec.space(SHARED, 480 * TB, 291 * TB, 4_000_000_000, 88_121_005)
    rec.file(f"/sys/fs/ext4/{root}/errors_count", "0\n")
    rec.file(f"/sys/fs/ext4/{root}/warning_count", "0\n")
    rec.file("/sys/fs/ext4/features/lazy_itable_init", "supported\n")
    if "/proc/swaps" not in rec.document["files"]:
        rec.file("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
