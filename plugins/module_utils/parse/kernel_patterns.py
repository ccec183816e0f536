# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kernel messages mean trouble, as data: one row a kind of message, what it means, what to do.

A row is tried only on lines that hold its ``needle`` (or one of several, with "|" between them), which is what keeps
a scan of 20,000 lines fast. ``device`` in an expression names what the message is about, ``other`` does so in another
place. Rows stand in order: the first that fits a line wins.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Pattern, Tuple

from . import kernel_rows_accelerator, kernel_rows_fabric, kernel_rows_host, kernel_rows_storage
from .kernel_kind import ACTIONS, ADDRESS, CRITICAL, INFO, WARNING, Kind, compiled

__all__ = ["ACTIONS", "CRITICAL", "FAMILIES", "INFO", "KINDS", "RECOVERIES", "STAYS", "WARNING", "Kind", "Recovery"]

KINDS: Tuple[Kind, ...] = tuple(
    Kind(family, severity, code, ACTIONS[action], needle, meaning, pattern)
    for rows in (kernel_rows_accelerator, kernel_rows_storage, kernel_rows_fabric, kernel_rows_host)
    for family, severity, code, action, needle, meaning, pattern in rows.ROWS
)
_TABLED = tuple(kind.family for kind in KINDS)
FAMILIES = tuple(dict.fromkeys(("xid", "sxid", "spread", "rate") + _TABLED + ("host", "kernel")))

# What a restart does not cure: worn or damaged parts, lost data, what nobody can explain. "family" or "family.code".
# fmt: off
STAYS = frozenset([
    "amdgpu.bad_pages", "amdgpu.poison", "amdgpu.ras_corrected", "amdgpu.ras_deferred", "amdgpu.ras_interrupt",
    "amdgpu.ras_logged", "amdgpu.ras_uncorrected", "amdgpu.rma", "amdgpu.overheated", "aer.corrected",
    "aer.not_recovered", "block.ata_error", "block.controller", "block.integrity", "block.io_error",
    "block.medium_error", "block.past_end", "filesystem", "habanalabs.ecc", "habanalabs.overheated", "kernel", "md",
    "mce", "memory", "mlx5.power", "mlx5.temperature", "nvidia.memory_or_link", "nvidia.power", "nvme.error",
    "panic.panic", "rate", "spread", "thermal",
])
# fmt: on
# Events that are harmless now and then, and trouble when they go on: code -> how often, and what they are then.
ESCALATES: Dict[str, Tuple[int, str]] = {"hung_task.device_held": (30, WARNING)}
RECOVERED_LIMIT = 5  # trouble that went away by itself this often in one window is not over


class Recovery(NamedTuple):
    """A message that says that an event is over: which codes of a family (none: all that a restart cures)."""

    family: str
    codes: Tuple[str, ...]
    needle: str
    pattern: str

    @property
    def expression(self) -> Pattern[str]:
        """The expression, compiled when the first line asks for it."""
        return compiled(self.pattern)


_XID = r"NVRM: Xid \(PCI:(?P<device>[0-9a-fA-F:.]+)[^)]*\): "
RECOVERIES: Tuple[Recovery, ...] = (
    Recovery("xid", ("163",), "NVRM: Xid", _XID + r"162,"),
    Recovery("xid", (), "NVRM: Xid", _XID + r"154, .*to 0x0 \(None\)"),
    Recovery("amdgpu", ("reset",), "GPU reset", r"amdgpu (?P<device>" + ADDRESS + r").*GPU reset\(\d+\) succeeded"),
    Recovery("mlx5", ("health",), "mlx5_core", r"mlx5_core (?P<device>" + ADDRESS + r").*health recovery succe"),
    Recovery("netfs", ("not_responding",), ": server", r"(?:nfs\d?|lockd): server (?P<device>\S+) OK"),
    Recovery("netfs", ("lustre",), "restored", r"Lustre.*?(?P<device>[\w.-]+): Connection restored to "),
    Recovery("netfs", ("ceph",), "came back", r"ceph: .*?\b(?P<device>mds\d+) .*?came back"),
    Recovery("netfs", ("ceph",), "libceph", r"libceph: (?P<device>osd\d+) .*\bup\b"),
)


def stays(family: str, code: str) -> bool:
    """Say whether a restart leaves this as it is."""
    return family in STAYS or f"{family}.{code}" in STAYS


def escalated(family: str, code: str, severity: str, count: int) -> str:
    """Return the severity of an event that was seen ``count`` times."""
    limit, higher = ESCALATES.get(f"{family}.{code}", (0, severity))
    return higher if limit and count >= limit else severity


def matches(kind: Kind, text: str) -> Optional[Tuple[str, Optional[str]]]:
    """Return the text that a row fits and the device that it names, or ``None``."""
    if kind.needle and not any(needle in text for needle in kind.needle.split("|")):
        return None
    found = kind.expression.search(text)
    if not found:
        return None
    groups = found.groupdict()
    return found[0], groups.get("device") or groups.get("other") or None
