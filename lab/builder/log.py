# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel log of every class of node, as the journal and the ring buffer show it."""

from __future__ import annotations

from .log_faults import FAULTS
from .log_lines import BEFORE, BOOT, DMESG, HOUR, QUIET, QUIET_CLASS, SINCE, UPTIME_S, answer, boot_id, entry
from .node import Node
from .recording import Recording

__all__ = ["FAULTS", "render"]


def render(node: Node, rec: Recording) -> None:
    """Put a healthy day's journal, the ring buffer behind it and the places of crash records."""
    digits = boot_id(node)
    rec.file(
        "/proc/sys/kernel/random/boot_id",
        f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}\n",
    )
    if "/proc/uptime" not in rec.document["files"]:
        rec.file("/proc/uptime", f"{UPTIME_S} {UPTIME_S * 90:.2f}\n")
    today = sorted(QUIET + QUIET_CLASS[node.klass], reverse=True)
    rec.command(SINCE, answer([entry(node, *line) for line in today]))
    rec.command(BEFORE, entry(node, 26 * HOUR, 6, "docker0: port 2(veth91aa02b) entered disabled state"))
    stamped = [(at, level, text) for at, level, text in BOOT]
    stamped += [(UPTIME_S - ago * 60, level, text) for ago, level, text in today]
    rec.command(DMESG, "".join(f"<{level}>[{at:12.6f}] {text}\n" for at, level, text in stamped))
    rec.file(f"/var/log/journal/{node.hexdigits('machine-id', 0, 32)}/system.journal", "")
    rec.directory("/sys/fs/pstore")
