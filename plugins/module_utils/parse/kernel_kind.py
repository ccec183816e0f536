# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a row of the tables of kernel messages is, and the pieces that their expressions share."""

from __future__ import annotations

import functools
import re
from typing import List, NamedTuple, Pattern, Tuple

CRITICAL, WARNING, INFO = "critical", "warning", "info"

Row = Tuple[str, str, str, str, str, str, str]  # family, severity, code, action, needle, meaning, expression
Rows = List[Row]

# A PCI address as drivers print it; five and more digits are the domains of Intel VMD and of big machines.
ADDRESS = r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]"
PCI = r"(?P<device>" + ADDRESS + r")"
SHORT_PCI = r"(?P<device>(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])"  # IOMMUs leave the domain out
NETDEV = r"(?P<device>[\w.-]+)"

ACTIONS = {
    "accelerator": "Drain the node and reset the accelerator; test it before it takes work again.",
    "application": "Look at the application first.",
    "array": "Replace the failed member; look at the controller's own log before anything is written.",
    "cooling": "Check fans, air flow and inlet temperature.",
    "clock": "Compare BIOS and kernel with the profile; tell the vendor when it comes again after a power cycle.",
    "drive": "Check the drive's health and its slot; replace it when it repeats.",
    "driver": "Compare driver, firmware and kernel with the profile; reload the driver.",
    "fs": "Stop writers, check the file system offline, then look at the drive below.",
    "iommu": "Compare driver, firmware and IOMMU settings with the profile; test the device that the message names.",
    "kernel": "Keep the trace, compare kernel and drivers with the profile, look for hardware errors before it.",
    "limit": "Raise the limit with sysctl, or find who uses it up.",
    "link": "Reseat the card, riser or cable; compare with the slot's error counters.",
    "memory": "Find the DIMM by its location, test it, replace it.",
    "nic": "Read the adapter's health and firmware; power-cycle the node when it does not recover.",
    "note": "Nothing by itself.",
    "oom": "Find who used the memory; set limits or give the job more.",
    "peermem": "Restart the jobs that use GPUDirect RDMA; compare nvidia-peermem, driver and OFED with the profile.",
    "power": "Check the power cables and supplies of the board.",
    "replace": "Open a case with the vendor and replace the accelerator; no reset or reboot cures this.",
    "server": "Check the storage server and the way to it.",
    "watch": "Watch the rate; plan a replacement when it grows.",
}


class Kind(NamedTuple):
    """A kind of message."""

    family: str
    severity: str
    code: str
    action: str
    needle: str
    meaning: str
    pattern: str

    @property
    def expression(self) -> Pattern[str]:
        """The expression, compiled when the first line asks for it: most machines show few kinds."""
        return compiled(self.pattern)


@functools.cache
def compiled(pattern: str) -> Pattern[str]:
    """Return an expression, compiled once."""
    return re.compile(pattern)


def probe(family: str, code: str, drivers: str, meaning: str) -> Rows:
    """Return the rows for "probe of … failed" of some drivers, in the words of old and of newer kernels."""
    said = r"probe (?:of|with driver \S+) ?(?P<{}>\S*) ?failed with error -?\d+"
    return [
        (family, CRITICAL, code, "driver", "failed with error", meaning,
         r"^(?:" + drivers + r")(?:\.\w+)?(?: (?P<device>\S+?))?: " + said.format("other")),
    ]  # fmt: skip
