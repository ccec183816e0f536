# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a planted fault shows beside other hosts: the checks between hosts that must find it, by the fault's name.

It shows where enough healthy peers of its class are compared with it; a fault that is not named shows nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping

BESIDE: Mapping[str, Mapping[str, str]] = {
    name: {f"fleet.{check}": "fail"}
    for name, check in {
        "bios_version_old": "peers.bios_version",
        "dimm_missing": "peers.memory_size",
        "ecc_memory_corrected": "outlier.memory_corrected",
        "gpu3_pcie_replays": "outlier.gpu_pcie_replays",
        "gpu6_hot": "outlier.gpu_temperature",
        "gpu6_memory_hot": "outlier.gpu_memory_temperature",
        "gpu_power_capped": "peers.gpu_power_limit",
        "gpu_vbios_mixed": "peers.gpu_firmware",
        "hl_card6_hot": "outlier.gpu_temperature",
        "ib1_link_flaps": "outlier.link_flaps",
        "ib3_firmware_old": "peers.nic_firmware",
        "kernel_wrong": "peers.kernel",
        "mi_gpu_hot": "outlier.gpu_temperature",
        "mi_memory_hot": "outlier.gpu_memory_temperature",
        "mi_power_capped": "peers.gpu_power_limit",
        "nvme_firmware_old": "peers.drive_firmware",
        "nvme_hot": "outlier.drive_temperature",
        "nvme_worn": "outlier.drive_wear",
        "os_wrong": "peers.os_version",
        "time_offset_large": "outlier.clock_offset",
    }.items()
}
