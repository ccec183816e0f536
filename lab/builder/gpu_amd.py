# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AMD Instinct nodes: what amd-smi prints, and amdgpu in sysfs."""

from __future__ import annotations

from . import gpu_amd_faults, pcimap
from .gpu_amd_sysfs import sysfs
from .gpu_amd_tool import tool
from .node import Node
from .recording import Recording

FAULTS = gpu_amd_faults.FAULTS


def render(node: Node, rec: Recording) -> None:
    """Put everything that amdgpu and amd-smi answer."""
    if node.klass == "mi300x":
        gpus = pcimap.of(node.klass, pcimap.GPU)
        tool(node, rec, gpus)
        sysfs(node, rec, gpus)
