# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ten faults that other health checkers were measured to let pass: a query that fails, a value on every device.

Each is what a real machine answered in such a case; none of them may ever be shown as passed.
"""

from __future__ import annotations

from . import gpu_amd_faults as amd
from . import pcimap
from .faults import Fault
from .gpu_amd_sysfs import card
from .gpu_nvidia_faults import BLIND, BOTH, FAIL, HGX, TRAY, gpu, says
from .log_faults import _blind
from .log_lines import BEFORE, DMESG, SINCE, TAIL
from .node import Node
from .recording import Recording

MIXED_VBIOS = "96.00.74.00.0D"


def _no_log(_node: Node, rec: Recording) -> None:
    """Neither a journal nor a log file is there, and the kernel's buffer has long been overwritten."""
    for argv in (SINCE, BEFORE):
        rec.command(argv, "-- No entries --\n", stderr="No journal files were found.\n")
    rec.command(DMESG, "")
    rec.command(TAIL, rc=1, stderr="tail: cannot open '/var/log/kern.log' for reading: No such file or directory\n")
    for path in ("/dev/kmsg", "/var/log/journal"):
        if any(known == path or known.startswith(path + "/") for kind in ("files", "dirs")
               for known in rec.document[kind]):  # fmt: skip
            rec.remove(path)


def _smi_fails(_node: Node, rec: Recording) -> None:
    """The library's first call ends with "unknown error", which nvidia-smi answers with exit code 9 or 255."""
    rec.nvml("nvmlInit", "!999")


def _links_fail(node: Node, rec: Recording) -> None:
    """Every question about links ends with an error, on every GPU."""
    for key in [key for key in rec.document["nvml"] if "NvLink" in key or "(164" in key]:
        rec.nvml(key, "!999")


def _no_tool(node: Node, rec: Recording) -> None:
    """The driver's management library and its tool were never installed."""
    rec.nvml("nvmlInit", "!12")


def _no_width(node: Node, rec: Recording) -> None:
    for function in pcimap.of(node.klass, pcimap.GPU):
        rec.file(f"{card(node, function)}/current_link_width", "Unknown\n")
    numbers = range(len(pcimap.of(node.klass, pcimap.GPU)))
    amd.prints("metric", *numbers, pcie__width="N/A")(node, rec)


LINKS_UNKNOWN = {
    klass: {f"nvlink.{name}": "unknown" for name in [*errors, "link.active", "link.count", "link.remote", "link.speed"]}
    for klass, errors in {
        HGX: ["errors.crc_data", "errors.crc_flit", "errors.recovery", "errors.replay"],
        TRAY: [
            *("errors.effective_ber", "errors.integrity", "errors.recovery", "errors.recovery_failed"),
            "errors.symbol_ber",
        ],
    }.items()
}
FAULTS = [
    Fault("peers_vbios_one_of_eight", "one of eight GPUs has another VBIOS", BOTH,
          {"gpu.firmware.vbios_uniform": FAIL}, gpu(2, VbiosVersion=MIXED_VBIOS)),
    Fault("peers_remapped_rows_all", "600 rows of every GPU were remapped after uncorrectable errors", BOTH,
          {"gpu.remap.uncorrected": FAIL}, says({"gpu.*.nvmlDeviceGetRemappedRows": "0,600,0,0"})),
    Fault("peers_slowdown_all", "hardware and heat slow every GPU down", BOTH,
          {"gpu.throttle.hw_slowdown": FAIL, "gpu.throttle.hw_thermal": FAIL},
          says({"gpu.*.nvmlDeviceGetCurrentClocksEventReasons": "0x48"})),
    Fault("peers_persistence_refused", "persistence mode is off on every GPU and cannot be switched on", (HGX,),
          {"gpu.persistence": FAIL}, says({"gpu.*.nvmlDeviceGetPersistenceMode": 0})),
    Fault("peers_kernel_log_missing", "there is no kernel log", tuple(_blind()),
          {klass: {**finds, "log.window.covered": "unknown", "log.journal.persistent": FAIL}
           for klass, finds in _blind().items()}, _no_log),
    Fault("peers_smi_exits_nonzero", "the management library cannot be started", BOTH, BLIND, _smi_fails),
    Fault("peers_nvlink_query_fails", "no GPU answers for its links", BOTH, LINKS_UNKNOWN, _links_fail),
    Fault("peers_health_tool_missing", "the tool that health is read with is not installed", BOTH, BLIND, _no_tool),
    Fault("peers_row_remap_failed_all", "a row could not be remapped on every GPU", BOTH, {"gpu.remap.failed": FAIL},
          says({"gpu.*.nvmlDeviceGetRemappedRows": "1,8,0,1"})),
    amd.fault("peers_amd_width_unknown", "no card tells its PCIe width",
              {"gpu.pcie.width": "unknown", "pci.gpu.width": "unknown"}, _no_width),
]  # fmt: skip
