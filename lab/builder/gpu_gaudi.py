# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Intel Gaudi 3 nodes: what hl-smi prints, and the habanalabs driver in sysfs."""

from __future__ import annotations

from . import gpu_gaudi_faults, pcimap
from .gpu_gaudi_answers import DRIVER, kinds, links, sysfs, tables
from .node import Node
from .recording import Recording

FAULTS = gpu_gaudi_faults.FAULTS


def render(node: Node, rec: Recording) -> None:
    """Put everything that the driver and hl-smi answer."""
    if node.klass != "gaudi3":
        return
    rec.file("/sys/module/habanalabs/initstate", "live\n")
    rec.file("/sys/module/habanalabs/version", f"{DRIVER}\n")
    cards = pcimap.of(node.klass, pcimap.GPU)
    for function in cards:
        sysfs(node, rec, function)
        rec.command(f"hl-smi -n link -i {function.address}", links())
        rec.command(f"hl-smi -n ports -i {function.address}", kinds())
    tables(node, rec, cards)
