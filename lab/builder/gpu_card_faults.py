# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What AMD Instinct and Gaudi cards can answer beside their common faults."""

from __future__ import annotations

from . import gpu_amd_faults as amd
from . import gpu_gaudi_faults as gaudi
from .faults import Fault
from .gpu_amd_sysfs import KFD
from .node import Node
from .recording import Recording

PAGES = 80
THRESHOLD = 256


def _old_rocm(node: Node, rec: Recording) -> None:
    for path in ("/opt/rocm/.info/version",):
        rec.file(path, "5.7.1-98\n")
    said = rec.output("amd-smi version --json")
    version = next(text for text in ("7.0.2", "6.4.3", "7.0.0", "6.4.1", "6.3.0") if text in said)
    rec.command("amd-smi version --json", said.replace(version, "5.7.1"))


def _second_hive(node: Node, rec: Recording) -> None:
    path = f"{KFD}/9/properties"
    hive = next(line for line in rec.text(path).splitlines() if line.startswith("hive_id "))
    rec.edit(path, hive, "hive_id 77")


FAULTS = [
    Fault("rocm_old", "ROCm is older than the site asks for", ("mi300x",), {"amd.rocm.version": "fail"}, _old_rocm,
          {"gpu.rocm_min": "6.2.0"}),
    amd.fault("mi_bad_pages_many", "80 bad pages of GPU 6 were retired", {"amd.bad_pages.retired": "fail"},
              amd.prints("bad_pages", 6, retired=[{**amd.PAGE, "status": "RESERVED"}] * PAGES),
              amd.shows(6, "ras/gpu_vram_bad_pages",
                        "".join(f"0x{number:08x} : 0x00001000 : R\n" for number in range(PAGES)))),
    amd.fault("mi_bad_page_in_use", "a bad page of GPU 6 cannot be taken out of use",
              {"amd.bad_pages.unreservable": "fail"},
              amd.prints("bad_pages", 6, un_res=[{**amd.PAGE, "status": "UNRESERVABLE"}]),
              amd.shows(6, "ras/gpu_vram_bad_pages", "0x0007a3f1 : 0x00001000 : F\n")),
    amd.fault("mi_bad_pages_threshold", "the retired pages of GPU 6 reach the threshold of its EEPROM",
              {"amd.bad_pages.threshold": "fail", "amd.bad_pages.retired": "fail"},
              amd.prints("bad_pages", 6, retired=[{**amd.PAGE, "status": "RESERVED"}] * THRESHOLD),
              amd.shows(6, "ras/gpu_vram_bad_pages",
                        "".join(f"0x{number:08x} : 0x00001000 : R\n" for number in range(THRESHOLD)))),
    amd.fault("mi_clock_locked", "the clock of GPU 2 is locked", {"amd.clocks.locked": "fail"},
              amd.prints("metric", 2, clock__gfx_0__clk_locked="ENABLED")),
    amd.fault("mi_clock_capped", "GPU 2 may reach 1400 MHz only", {"gpu.clocks.sm_maximum": "fail"},
              amd.prints("metric", 2, clock__gfx_0__max_clk=amd.measured(1400, "MHz"))),
    amd.fault("mi_firmware_mixed", "GPU 6 has another RLC firmware", {"amd.firmware.uniform": "fail"},
              amd.prints("firmware", 6, fw_list__2={"fw_id": "RLC", "fw_version": "15"})),
    amd.fault("mi_engine_hot", "one engine of GPU 5 clocks down for heat", {"amd.throttle.thermal": "fail"},
              amd.prints("metric", 5, throttle__gfx_clk_below_host_limit_thermal_violation_status={
                  "xcp_0": ["NOT ACTIVE"] * 6 + ["ACTIVE", "NOT ACTIVE"]})),
    amd.fault("mi_engine_silent", "one engine of GPU 5 does not say whether it is hot",
              {"amd.throttle.thermal": "unknown"},
              amd.prints("metric", 5, throttle__gfx_clk_below_host_limit_thermal_violation_status={
                  "xcp_0": ["NOT ACTIVE"] * 7 + ["N/A"]})),
    amd.fault("mi_unknown_reason", "the firmware holds the clock of GPU 5 for a reason that is new",
              {"gpu.clocks.unexplained": "fail"},
              amd.prints("metric", 5, throttle__moonlight_violation_status={"xcp_0": ["ACTIVE"] * 8})),
    amd.fault("mi_ras_unknown_kind", "GPU 5 counts errors of a kind that is new", {"amd.ras.unexplained": "fail"},
              amd.prints("metric", 5, ecc_blocks__UMC={
                  "correctable_count": 0, "uncorrectable_count": 0, "deferred_count": 0, "moonlit_count": 3})),
    amd.fault("mi_memory_held", "20 GB of GPU 1 are held and no process is listed", {"gpu.memory.idle": "fail"},
              amd.prints("metric", 1, mem_usage__used_vram=amd.measured(20480, "MB")),
              amd.shows(1, "mem_info_vram_used", f"{20480 << 20}\n")),
    amd.fault("mi_busy_without_process", "GPU 1 is busy and no process is listed", {"gpu.utilization.idle": "fail"},
              amd.prints("metric", 1, usage__gfx_activity=amd.measured(100, "%")),
              amd.shows(1, "gpu_busy_percent", "100\n")),
    amd.fault("mi_second_hive", "one card stands outside the xGMI hive of the others", {"xgmi.hive.single": "fail"},
              _second_hive),
    gaudi.fault("hl_module_twice", "two cards answer with one module number", {"gaudi.module_id.unique": "fail"},
                gaudi._both(gaudi.shows(3, module_id="3"), gaudi.prints(3, module_id="3"))),
    gaudi.fault("hl_card2_unsecured", "card 2 runs firmware that is not secured", {"gaudi.security.enabled": "fail"},
                gaudi.shows(2, security_enabled="0")),
]  # fmt: skip
