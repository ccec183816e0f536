# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mount tables: ``/proc/self/mountinfo``, ``/etc/fstab`` and ``/proc/swaps``."""

from __future__ import annotations

import re
from typing import Any, Dict, List

NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "lustre",
        "ceph",
        "gpfs",
        "beegfs",
        "glusterfs",
        "wekafs",
        "panfs",
        "9p",
        "virtiofs",
        "afs",
        "pvfs2",
        "dfuse",
    ]
)
READ_ONLY_TYPES = frozenset(["squashfs", "iso9660", "udf", "erofs", "cramfs"])  # always full, always read-only
DISK_TYPES = frozenset(
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "exfat", "zfs", "bcachefs", "jfs", "reiserfs", "ntfs3"]
)

LOCAL, NETWORK, OTHER = "local", "network", "other"


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def kind(fstype: str) -> str:
    """Say whether a file system lies on this machine's disks, on the network, or in memory and other odd places."""
    if fstype in NETWORK_TYPES or fstype.startswith("fuse."):
        return NETWORK
    return LOCAL if fstype in DISK_TYPES else OTHER


def mountinfo(text: str) -> List[Dict[str, Any]]:
    """Return the mounts in order: device (major:minor), target, source, fstype, options of mount and file system."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, rest = left.split(), right.split()
        if len(fields) < 6 or len(rest) < 2:
            continue
        options = fields[5].split(",") + (rest[2].split(",") if len(rest) > 2 else [])
        found.append(
            {
                "device": fields[2],
                "target": _unescape(fields[4]),
                "source": _unescape(rest[1]),
                "fstype": rest[0],
                "kind": kind(rest[0]),
                "options": list(dict.fromkeys(options)),
                "read_only": "ro" in options,
            }
        )
    return found


def fstab(text: str) -> List[Dict[str, Any]]:
    """Return what should be mounted at boot: target, fstype, read_only. Swap and ``noauto`` are left out."""
    found = []
    for line in text.splitlines():
        fields = line.split("#")[0].split()
        if len(fields) < 4 or not fields[1].startswith("/"):
            continue
        options = fields[3].split(",")
        if fields[2] != "swap" and not {"noauto", "x-systemd.automount"} & set(options):
            found.append({"target": _unescape(fields[1]), "fstype": fields[2], "read_only": "ro" in options})
    return found


def swaps(text: str) -> List[Dict[str, Any]]:
    """Return the swap areas of ``/proc/swaps``; its sizes are KiB."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 4 and fields[-3].isdecimal() and fields[-2].isdecimal():
            name = _unescape(fields[0])
            size, used = int(fields[-3]) * 1024, int(fields[-2]) * 1024
            found.append({"label": name, "device": name, "kind": fields[1], "size_bytes": size, "used_bytes": used})
    return found
