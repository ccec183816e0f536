# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NVIDIA accelerators that answer everything and are slow, worn out, or in use by nobody who is known."""

from __future__ import annotations

from .faults import Fault
from .gpu_nvidia_faults import BOTH, FAIL, TRAY, Apply, both, gpu, says
from .node import Node
from .recording import Recording

BUSY, TOP_MHZ = "0x0", {"hgx_h100": 1980, "gb200_tray": 2062}
WHOLE = 206158430208
HELD = 21474836480


def at(index: int, **answers: object) -> Apply:
    """Return what makes one GPU answer otherwise; ``ClockInfo_1`` is the call with the argument 1."""
    return says({
        f"gpu.{index}.nvmlDeviceGet{call.replace('_', '(')}{')' if '_' in call else ''}": value
        for call, value in answers.items()
    })  # fmt: skip


def busy(index: int, **answers: object) -> Apply:
    """Return what makes a GPU work at its highest clock, but for these answers."""

    def apply(node: Node, rec: Recording) -> None:
        top = TOP_MHZ[node.klass]
        at(index, **{"CurrentClocksEventReasons": BUSY, "ClockInfo_0": top, "ClockInfo_1": top, **answers})(node, rec)

    return apply


PAGES = says({
    "gpu.*.nvmlDeviceGetRetiredPages(0)": 0,
    "gpu.*.nvmlDeviceGetRetiredPages(1)": 0,
    "gpu.*.nvmlDeviceGetRetiredPagesPendingStatus": 0,
})  # fmt: skip
DIVIDED = says({
    "gpu.*.nvmlDeviceGetMigMode": "1,1",
    "gpu.*.nvmlDeviceGetMaxMigDeviceCount": 7,
    **{f"gpu.*.mig.nvmlDeviceGetUUID({index})": f"MIG-0000{index}" for index in (0, 2)},
    **{f"gpu.*.mig.nvmlDeviceGetMemoryErrorCounter({index},1,0,7)": 0 for index in (0, 2)},
})  # fmt: skip


def _check(name: str, does: str, check: str, apply: Apply, *more: str) -> Fault:
    return Fault(name, does, BOTH, dict.fromkeys((check, *more), FAIL), apply)


FAULTS = [
    _check("gpu3_application_clock", "the applications clock of GPU 3 was set low and forgotten",
           "gpu.clocks.application", at(3, ApplicationsClock_1=1200)),
    _check("gpu3_clock_held", "an applications clock setting holds GPU 3 while it works", "gpu.clocks.held",
           busy(3, CurrentClocksEventReasons="0x2", ClockInfo_0=345, ClockInfo_1=345), "gpu.clocks.sm_busy"),
    _check("gpu3_clock_locked", "the clock of GPU 3 is locked low, and the driver names no reason",
           "gpu.clocks.sm_busy", busy(3, ClockInfo_0=345, ClockInfo_1=345)),
    _check("gpu3_memory_clock_low", "the memory of GPU 3 rests at a low clock", "gpu.clocks.memory",
           at(3, ClockInfo_2=1593)),
    _check("gpu3_memory_clock_locked", "the memory clock of GPU 3 is locked low while it works", "gpu.clocks.memory",
           busy(3, ClockInfo_2=1593), "gpu.clocks.memory_busy"),
    _check("gpu3_clock_capped", "GPU 3 may reach 1200 MHz only", "gpu.clocks.sm_maximum", at(3, MaxClockInfo_1=1200)),
    _check("gpu3_p8", "GPU 3 works in performance state P8", "gpu.clocks.performance_state",
           busy(3, PerformanceState=8)),
    _check("gpu3_sync_boost", "GPU 3 waits for a sync boost group", "gpu.clocks.sync_boost",
           at(3, CurrentClocksEventReasons="0x11")),
    _check("gpu3_unknown_reason", "the driver holds the clock of GPU 3 for a reason that is new",
           "gpu.clocks.unexplained", at(3, CurrentClocksEventReasons="0x801")),
    _check("gpu3_sram_uncorrected", "GPU 3 has an uncorrected error of its on-chip memory", "gpu.ecc.sram_uncorrected",
           at(3, **{"MemoryErrorCounter_1,0,7": 1, "TotalEccErrors_1,0": 1}), "gpu.ecc.uncorrected"),
    _check("gpu3_inforom_corrupted", "the InfoROM of GPU 3 is corrupted", "gpu.inforom.corrupted",
           at(3, InforomConfigurationChecksum="!14")),
    _check("gpu3_memory_held", "20 GiB of GPU 3 are held and no process is listed", "gpu.memory.idle",
           says({"gpu.3.nvmlDeviceGetMemoryInfo_v2":
                 f"total={WHOLE} reserved=0 free={WHOLE - HELD} used={HELD}"})),
    _check("gpu3_busy_without_process", "GPU 3 is busy and no process is listed", "gpu.utilization.idle",
           at(3, UtilizationRates="gpu=100 memory=3")),
    _check("gpu3_unrepairable", "GPU 3 has memory that cannot be repaired", "gpu.memory.unrepairable",
           says({"gpu.3.nvmlDeviceGetUnrepairableMemoryFlag_v1": 1})),
    _check("gpu3_retired_pages", "GPU 3 remaps no rows, and has retired 61 pages", "gpu.retired_pages.count",
           both(PAGES, at(3, RetiredPages_1=61))),
    _check("gpu3_retired_page_pending", "GPU 3 remaps no rows, and a page waits to be retired",
           "gpu.retired_pages.pending", both(PAGES, gpu(3, RetiredPagesPendingStatus=1))),
    Fault("gpu3_mig_ecc", "a MIG instance of GPU 3 has uncorrected errors", BOTH, {"gpu.mig.ecc": FAIL},
          both(DIVIDED, says({"gpu.3.mig.nvmlDeviceGetMemoryErrorCounter(2,1,0,7)": 2})), {"gpu.mig": True}),
    Fault("nvlink_gpu2_link7_ber", "NVLink 7 of GPU 2 is left with bit errors", (TRAY,),
          {"nvlink.errors.effective_ber": FAIL}, says({"gpu.2.nvmlDeviceGetFieldValues(220,7)": 0x204})),
    Fault("nvlink_gpu2_link7_symbols", "NVLink 7 of GPU 2 receives damaged symbols", (TRAY,),
          {"nvlink.errors.symbol_ber": FAIL}, says({"gpu.2.nvmlDeviceGetFieldValues(222,7)": 0x304})),
    Fault("nvlink_gpu2_link7_retrains", "NVLink 7 of GPU 2 has to train anew every quarter of an hour", (TRAY,),
          {"nvlink.errors.recovery": FAIL}, says({"gpu.2.nvmlDeviceGetFieldValues(215,7)": 1200})),
]  # fmt: skip
