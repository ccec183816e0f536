# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What else a machine tells about its kernel log: whether it outlives a reboot, what crashes left, whom it names."""

from __future__ import annotations

import re
from typing import List, Optional

from ..host import ABSENT, OK, Asked
from ..parse import kernel_events

CRASH_RECORDS = {
    "/sys/fs/pstore": r".+",
    "/var/lib/systemd/pstore": r".+",
    "/var/crash": r"\d{12}|[\w.:-]+-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d",  # kdump's; reports on programs lie here too
}
DEVICES = "/sys/bus/pci/devices"
ACCELERATOR_VENDORS = ("0x10de", "0x1002", "0x1da3")


def persistent(asked: Asked) -> Optional[bool]:
    """Say whether the journal is kept on disk, so that it outlives a reboot."""
    answer = asked.host.names("/var/log/journal")
    if answer.state in (OK, ABSENT):
        return bool(answer.names)
    asked.fail("/var/log/journal", answer.state)
    return None


def crash_records(asked: Asked) -> Optional[List[str]]:
    """Return what earlier crashes left behind; ``None`` when no place for it can be listed."""
    answers = {place: asked.host.names(place) for place in CRASH_RECORDS}
    for place, answer in answers.items():
        if answer.state not in (OK, ABSENT):
            asked.fail(place, answer.state)
    if any(answer.state not in (OK, ABSENT) for answer in answers.values()):
        return None
    if all(answer.state == ABSENT for answer in answers.values()):
        asked.fail("/sys/fs/pstore", "no place for crash records exists")
        return None
    return [
        f"{place}/{name}"
        for place, answer in answers.items()
        for name in answer.names
        if re.fullmatch(CRASH_RECORDS[place], name)
    ]


def spare_others(asked: Asked, events: List[kernel_events.Event]) -> None:
    """Make IOMMU faults information where they name neither an accelerator nor an adapter nor a drive.

    A device that does not say what it is may be the one that fell off the bus: its fault counts.
    """
    for event in events:
        if event["family"] == "iommu" and event["pci_address"] and not _of_interest(asked, event["pci_address"]):
            event["severity"] = kernel_events.INFO


def _of_interest(asked: Asked, address: str) -> bool:
    said = asked.host.read(f"{DEVICES}/{address}/class")
    vendor = asked.host.read(f"{DEVICES}/{address}/vendor")
    if said.state != OK or not said.data.strip():
        return True
    kind = said.data.decode("ascii", "replace").strip()[2:6]
    if kind.startswith("03"):
        return vendor.state != OK or vendor.data.decode("ascii", "replace").strip() in ACCELERATOR_VENDORS
    return kind.startswith(("02", "12")) or kind == "0108"
