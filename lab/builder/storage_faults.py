# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong with drives, arrays and mounts, one fault at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import pcimap
from .faults import Fault
from .node import Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
SCRATCH = ALL[:4]  # the head node has no scratch
MIRRORED = ("hgx_h100", "mi300x", "gaudi3", "cpu_only")
MDSTAT, MOUNTS = "/proc/mdstat", "/proc/self/mountinfo"
FUSE, LUSTRE = "/sys/fs/fuse/connections/61", "/sys/fs/lustre/health_check"
HEALTH_CHECKS = ("media_errors", "spare", "warning", "wear")


def _folder(node: Node, name: str) -> str:
    drive = next(drive for drive in pcimap.of(node.klass, pcimap.NVME) if drive.name == name)
    return f"{pcimap.path(node.klass, drive.address)}/nvme/{name}"


def _unplanned(node: Node, rec: Recording) -> None:
    """The same on every drive of the model: they agree, and are all wrong."""
    for drive in pcimap.of(node.klass, pcimap.NVME):
        path = f"{_folder(node, drive.name or '')}/firmware_rev"
        if rec.text(path).strip() == "E2MU300":
            rec.file(path, "E2MU110 \n")


def _health(name: str, **changes: Any) -> Callable[[Node, Recording], None]:
    """Return a change of the health log of a drive."""

    def apply(_node: Node, rec: Recording) -> None:
        command = f"nvme smart-log /dev/{name} -o json"
        rec.command(command, json.dumps({**json.loads(rec.output(command)), **changes}, indent=2))

    return apply


def _gone(node: Node, rec: Recording) -> None:
    rec.remove("/sys/class/nvme/nvme2")
    rec.remove("/sys/block/nvme2n1")
    rec.remove(_folder(node, "nvme2"))
    rec.command("nvme smart-log /dev/nvme2 -o json", rc=1, stderr="open: No such file or directory\n")


def _dead(node: Node, rec: Recording) -> None:
    rec.file(f"{_folder(node, 'nvme1')}/state", "dead\n")
    rec.file(f"{_folder(node, 'nvme1')}/nvme1n1/size", "0\n")
    rec.command("nvme smart-log /dev/nvme1 -o json", rc=1, stderr="identify failed: Input/output error\n")


def _hot(node: Node, rec: Recording) -> None:
    index = next(drive.index for drive in pcimap.of(node.klass, pcimap.NVME) if drive.name == "nvme0")
    rec.file(f"{_folder(node, 'nvme0')}/hwmon{index}/temp1_input", "78850\n")
    _health("nvme0", temperature=352, temperature_sensor_1=352)(node, rec)


def _filled(mount: str, percent: float, inodes_percent: float = 2) -> Callable[[Node, Recording], None]:
    """Return a change of how full a file system is."""

    def apply(_node: Node, rec: Recording) -> None:
        total = rec.document["space"][mount]["total_bytes"]
        inodes = rec.document["space"][mount]["inodes"]
        rec.space(mount, total, int(total * percent / 100), inodes, int(inodes * inodes_percent / 100))

    return apply


def _read_only_root(_node: Node, rec: Recording) -> None:
    text = rec.text(MOUNTS)
    root = next(line for line in text.splitlines() if " / / " in line)
    rec.edit(MOUNTS, root, root.replace(" rw,relatime", " ro,relatime").replace(" rw,errors", " ro,errors"))


def _unmount(target: str) -> Callable[[Node, Recording], None]:
    def apply(_node: Node, rec: Recording) -> None:
        lines = rec.text(MOUNTS).splitlines(True)
        rec.file(MOUNTS, "".join(line for line in lines if f" {target} " not in line))

    return apply


def _hang(mount: str) -> Callable[[Node, Recording], None]:
    def apply(_node: Node, rec: Recording) -> None:
        rec.document["space"][mount] = None

    return apply


def _degraded(_node: Node, rec: Recording) -> None:
    rec.edit(MDSTAT, "nvme1n1p2[1] nvme0n1p2[0]", "nvme1n1p2[1](F) nvme0n1p2[0]")
    rec.edit(MDSTAT, "[2/2] [UU]", "[2/1] [U_]")


def _ext4(_node: Node, rec: Recording) -> None:
    path = next(path for path in rec.document["files"] if path.endswith("/errors_count"))
    rec.file(path, "3\n")


def _write_protected(node: Node, rec: Recording) -> None:
    rec.file(f"{_folder(node, 'nvme2')}/nvme2n1/ro", "1\n")


def _scheduled(node: Node, rec: Recording) -> None:
    rec.file(f"{_folder(node, 'nvme0')}/nvme0n1/queue/scheduler", "none [mq-deadline]\n")


FAULTS = [
    Fault(
        "nvme2_missing",
        "drive nvme2 failed at start: on the bus, unknown to the driver",
        SCRATCH,
        {"storage.nvme.bound": "fail", "storage.nvme.count": "fail"},
        _gone,
    ),
    Fault(
        "nvme_dead",
        "the controller of nvme1 is dead",
        ALL,
        {"storage.nvme.state": "fail", "storage.device.responds": "fail"}
        | {f"storage.nvme.{name}": "unknown" for name in HEALTH_CHECKS},
        _dead,
    ),
    Fault(
        "nvme_worn",
        "nvme0 has used more than its endurance",
        ALL,
        {"storage.nvme.wear": "fail"},
        _health("nvme0", percent_used=104),
    ),
    Fault(
        "nvme_spare_low",
        "nvme0 has hardly any spare cells left and says so",
        ALL,
        {"storage.nvme.spare": "fail", "storage.nvme.warning": "fail"},
        _health("nvme0", avail_spare=4, critical_warning=1),
    ),
    Fault(
        "nvme_media_errors",
        "nvme1 could not put right what it read",
        ALL,
        {"storage.nvme.media_errors": "fail"},
        _health("nvme1", media_errors=17, num_err_log_entries=21),
    ),
    Fault("nvme_hot", "nvme0 is too hot", ALL, {"storage.nvme.temperature": "fail"}, _hot),
    Fault(
        "nvme_tool_missing",
        "no program that reads drive health is installed",
        ALL,
        {f"storage.nvme.{name}": "unknown" for name in HEALTH_CHECKS},
        lambda _node, rec: rec.no_command("nvme"),
    ),
    Fault(
        "nvme_read_only",
        "drive nvme2 turned itself read-only",
        SCRATCH,
        {"storage.device.writable": "fail"},
        _write_protected,
    ),
    Fault("nvme_scheduler", "nvme0 has a scheduler", ALL, {"storage.nvme.scheduler": "fail"}, _scheduled),
    Fault(
        "root_full",
        "the root file system is full",
        ALL,
        {"storage.space.used": "fail", "storage.space.alert": "fail"},
        _filled("/", 98.4),
    ),
    Fault("root_filling", "the root file system fills up", ALL, {"storage.space.alert": "fail"}, _filled("/", 84)),
    Fault(
        "root_inodes_full",
        "the root file system has no inodes left",
        ALL,
        {"storage.space.inodes": "fail"},
        _filled("/", 30, 99.7),
    ),
    Fault(
        "root_readonly",
        "the root file system went read-only",
        ALL,
        {"storage.mount.writable": "fail", "storage.mount.fstab": "fail"},
        _read_only_root,
    ),
    Fault(
        "scratch_unmounted",
        "the scratch file system of fstab is not mounted",
        SCRATCH,
        {"storage.mount.fstab": "fail"},
        _unmount("/scratch"),
    ),
    Fault(
        "nfs_hangs",
        "the shared file system does not answer",
        ALL,
        {"storage.mount.responds": "fail"},
        _hang("/mnt/shared"),
    ),
    Fault(
        "md_degraded",
        "the system mirror lost a drive",
        MIRRORED,
        {"storage.array.healthy": "fail"},
        _degraded,
    ),
    Fault("ext4_errors", "the root file system counted errors", ALL, {"storage.filesystem.errors": "fail"}, _ext4),
    Fault(
        "fuse_congested",
        "the daemon behind a FUSE mount does not keep up",
        ALL,
        {"storage.fuse.waiting": "fail"},
        lambda node, rec: rec.file(f"{FUSE}/waiting", "12\n"),
    ),
    Fault(
        "lustre_unhealthy",
        "a Lustre target is not healthy",
        ("hgx_h100",),
        {"storage.lustre.health": "fail"},
        lambda node, rec: rec.file(LUSTRE, "device scratch-OST0001-osc reported unhealthy\nNOT HEALTHY\n"),
    ),
    Fault(
        "nvme_model_other",
        "a drive was replaced by one of another model",
        ALL[:1],
        {"storage.nvme.model": "fail"},
        lambda node, rec: rec.file(f"{_folder(node, 'nvme2')}/model", "ACME Consumer 4TB\n"),
        {"storage.nvme_model": "^(SAMSUNG|Micron)"},
    ),
    Fault(
        "nvme_firmware_unplanned",
        "all drives of a model have firmware that nobody planned",
        ALL[:1],
        {"storage.nvme.firmware": "fail"},
        _unplanned,
        {"storage.nvme_firmware": ["GDC7502Q", "E2MU300"]},
    ),
]
