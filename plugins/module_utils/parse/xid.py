# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What NVIDIA's error numbers mean: Xid (GPU) and SXid (NVSwitch), and the kernel log lines that carry them.

Sources: NVIDIA's Xid catalogue for Ampere and newer (docs.nvidia.com/deploy/xid-errors, read November 2026), its
archived list for older boards, and the Fabric Manager user guide for SXid. The words are ours.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional, Tuple

CRITICAL, WARNING, INFO = "critical", "warning", "info"

# What to do, by the kind of error.
APP = "Look at the application first: it has to be restarted; memory checkers name the faulty access."
RESET = "Drain the node and reset the GPU; when it comes back, run field diagnostics."
REBOOT = "Drain the node and power-cycle it; reseat or replace the GPU when it happens again."
MEMORY = "Drain the node, reset the GPU, then read ECC, row remap and SRAM threshold: they decide on replacement."
NVLINK = "Reset the GPUs of this NVLink domain and look at the link on both ends; replace what repeats it."
NOTE = "Nothing by itself; read it together with the errors around it."
SOON = "Reset the GPU at the next opportunity and watch whether it comes again."
VENDOR = "Update driver and firmware; send nvidia-bug-report to the vendor when it comes again."
ENGINE = "Restart the application; test the GPU when several applications meet it."


class Meaning(NamedTuple):
    """What a number stands for."""

    severity: str
    meaning: str
    action: str


_ENGINE = {
    "copy engine": (39, 40, 41, 70, 71, 72, 75, 76, 77, 85) + tuple(range(126, 136)),
    "video decoder": (65, 68, 83, 84, 88, 89, 96, 97, 98),
    "video encoder": (47, 142),
    "JPEG engine": (82, 99, 100, 101, 102, 103, 104, 105),
    "optical flow engine": (86, 139),
    "video or security processor": (60,),
}
_NVLINK5 = {144: "SAW", 145: "RLW", 146: "TLW", 147: "TREX", 148: "NVLPW_CTRL", 149: "NETIR", 150: "MSE"}

XID: Dict[int, Meaning] = {
    8: Meaning(WARNING, "a channel stopped making progress", ENGINE),
    11: Meaning(INFO, "invalid command stream", APP),
    13: Meaning(INFO, "graphics engine exception, mostly an application's out-of-bounds access", APP),
    14: Meaning(INFO, "error injected on purpose", NOTE),
    25: Meaning(INFO, "illegal command stream", APP),
    31: Meaning(INFO, "GPU memory page fault, mostly an application's illegal address", APP),
    32: Meaning(WARNING, "corrupted command stream, often the quality of the PCIe link", ENGINE),
    37: Meaning(INFO, "unimplemented firmware method", APP),
    38: Meaning(WARNING, "watchdog of the context switch firmware expired", VENDOR),
    43: Meaning(INFO, "an application's channel was reset; the GPU stays healthy", APP),
    44: Meaning(WARNING, "fault during a context switch", VENDOR),
    45: Meaning(INFO, "channels were taken down after an abort or an earlier error", NOTE),
    46: Meaning(CRITICAL, "GPU stopped processing", RESET),
    48: Meaning(CRITICAL, "uncorrectable (double bit) ECC error", MEMORY),
    54: Meaning(CRITICAL, "auxiliary power is not connected", "Check the power cables of the board."),
    56: Meaning(WARNING, "display engine error", VENDOR),
    57: Meaning(CRITICAL, "memory interface failed to train", RESET),
    58: Meaning(CRITICAL, "unstable video memory interface", RESET),
    59: Meaning(CRITICAL, "internal micro-controller error (older drivers)", RESET),
    61: Meaning(CRITICAL, "internal micro-controller breakpoint (newer drivers)", RESET),
    62: Meaning(CRITICAL, "internal micro-controller halted", RESET),
    63: Meaning(INFO, "a faulty memory row or page was put aside", SOON),
    64: Meaning(CRITICAL, "a faulty memory row or page could not be put aside", MEMORY),
    66: Meaning(WARNING, "illegal access by the driver", VENDOR),
    67: Meaning(WARNING, "illegal access by the driver", VENDOR),
    69: Meaning(INFO, "graphics engine class error", APP),
    74: Meaning(CRITICAL, "NVLink error", NVLINK),
    78: Meaning(WARNING, "vGPU could not start", VENDOR),
    79: Meaning(CRITICAL, "GPU has fallen off the bus", REBOOT),
    80: Meaning(WARNING, "corrupted data sent to the GPU", ENGINE),
    81: Meaning(WARNING, "VGA subsystem error", VENDOR),
    92: Meaning(WARNING, "high rate of corrected memory errors", MEMORY),
    93: Meaning(WARNING, "write limit of the InfoROM reached", VENDOR),
    94: Meaning(WARNING, "uncorrectable error contained to one application", SOON),
    95: Meaning(CRITICAL, "uncorrectable error that was not contained", MEMORY),
    106: Meaning(INFO, "test message over SMBus", NOTE),
    107: Meaning(INFO, "silent test message over SMBus", NOTE),
    108: Meaning(WARNING, "NVLink remote translation error", NVLINK),
    109: Meaning(CRITICAL, "context switch timed out", RESET),
    110: Meaning(CRITICAL, "security fault", REBOOT),
    118: Meaning(WARNING, "display head register error", VENDOR),
    119: Meaning(CRITICAL, "the GPU's system processor (GSP) did not answer", RESET),
    120: Meaning(CRITICAL, "error on the GPU's system processor (GSP)", RESET),
    121: Meaning(INFO, "corrected errors on the link to the CPU (C2C)", SOON),
    122: Meaning(WARNING, "board flash could not be read", VENDOR),
    123: Meaning(WARNING, "board flash could not be written", VENDOR),
    124: Meaning(WARNING, "board flash could not be erased", VENDOR),
    125: Meaning(WARNING, "file system of the InfoROM is damaged", VENDOR),
    136: Meaning(CRITICAL, "NVLink training failed", NVLINK),
    137: Meaning(INFO, "illegal NVLink peer access, mostly an application's", APP),
    140: Meaning(CRITICAL, "uncorrectable memory error that could not be put aside", MEMORY),
    141: Meaning(INFO, "CUDA fast path error", APP),
    143: Meaning(CRITICAL, "GPU initialisation failed", RESET),
    151: Meaning(CRITICAL, "key rotation failed (confidential computing)", REBOOT),
    152: Meaning(INFO, "memory fault of a deep learning accelerator (embedded boards)", ENGINE),
    153: Meaning(INFO, "a deep learning accelerator timed out (embedded boards)", ENGINE),
    154: Meaning(INFO, "the driver's recommended recovery action changed", NOTE),
    155: Meaning(CRITICAL, "NVLink was taken down by software: the GPU has to be reset", NVLINK),
    156: Meaning(WARNING, "a faulty unit was retired", SOON),
    157: Meaning(CRITICAL, "a faulty unit could not be retired: no spare is left", MEMORY),
    158: Meaning(CRITICAL, "GPU fatal timeout", RESET),
    159: Meaning(WARNING, "error on the coherent link to the CPU", VENDOR),
    160: Meaning(WARNING, "a memory channel was retired", SOON),
    161: Meaning(CRITICAL, "a memory channel could not be retired", MEMORY),
    162: Meaning(INFO, "power smoothing works again", NOTE),
    163: Meaning(WARNING, "power smoothing was switched off", "Find the thermal cause, then reload the driver."),
    164: Meaning(WARNING, "power smoothing circuit is near the end of its life", "Plan the replacement."),
    165: Meaning(WARNING, "power smoothing circuit is worn out", "Replace the board if smoothing is needed."),
    166: Meaning(WARNING, "unencrypted NVLink traffic in confidential mode", NVLINK),
    167: Meaning(CRITICAL, "PCIe fatal timeout", REBOOT),
    168: Meaning(CRITICAL, "GPU runs with less memory: errors in the protected region", MEMORY),
    169: Meaning(CRITICAL, "security processor halted", RESET),
    170: Meaning(WARNING, "NVLink interrupt in confidential mode", NVLINK),
    171: Meaning(CRITICAL, "uncorrectable error in DRAM", MEMORY),
    172: Meaning(CRITICAL, "uncorrectable error in SRAM", MEMORY),
    **{code: Meaning(CRITICAL, f"NVLink 5 error ({unit})", NVLINK) for code, unit in _NVLINK5.items()},
    **{code: Meaning(INFO, f"{name} exception", ENGINE) for name, codes in _ENGINE.items() for code in codes},
}

SXID: Dict[int, str] = {
    10003: "host interface error",
    11001: "invalid command at a port's ingress",
    11012: "corrected memory error at a port's ingress",
    12028: "privilege error at a port's egress",
    14017: "corrected memory error in the crossbar",
    19077: "NVLink transmit timeout",
    20001: "NVLink replays",
    20009: "NVLink receives with a high error rate",
    20012: "NVLink transmit replays",
    20034: "NVLink link fault (link state machine)",
    22013: "NVLink micro-controller request failed",
    24007: "source track timeout",
    28002: "NVSwitch temperature warning",
    28006: "multicast store timeout",
}
_SXID_UNITS = {11: "port ingress", 12: "port egress", 14: "crossbar", 19: "NVLink transport", 20: "NVLink data link"}
_SXID_UNITS.update({22: "NVLink micro-controller", 23: "routing table", 24: "source tracking"})

_ADDRESS = r"(?:PCI:)?(?P<address>[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?)"
_XID_LINE = re.compile(r"NVRM: Xid \(" + _ADDRESS + r"(?P<part>[^)]*)\): (?P<code>\d{1,5})(?P<rest>.*)")
_SXID_LINE = re.compile(r"nvidia-nvswitch(?P<switch>\d+): SXid \(" + _ADDRESS + r"\): (?P<code>\d{4,6}), (?P<rest>.*)")
_RECOVERY = re.compile(r"to 0x[0-9a-fA-F]+ \(([^)]*)\)")


class Report(NamedTuple):
    """One line that carries a number; ``known`` is False for a number that the table lacks."""

    code: int
    address: str
    severity: str
    meaning: str
    action: str
    known: bool
    device: Optional[str]


def pci_address(text: str) -> str:
    """Return a PCI address as sysfs writes it: lower case, with its function."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:] if domain[:-4].strip('0') == '' else domain}:{rest}" + ("" if "." in rest else ".0")


def xid(text: str) -> Optional[Report]:
    """Read a kernel message of the form ``NVRM: Xid (PCI:0000:9b:00): 119, pid=…, name=…, …``."""
    found = _XID_LINE.match(text)
    if not found:
        return None
    code = int(found["code"])
    table = XID.get(code)
    severity, meaning = _graded(code, table.severity if table else WARNING, table and table.meaning, found["rest"])
    action = table.action if table else "Look the number up in NVIDIA's current Xid catalogue and update the driver."
    return Report(code, pci_address(found["address"]), severity, meaning, action, table is not None, None)


def _graded(code: int, severity: str, meaning: Optional[str], rest: str) -> Tuple[str, str]:
    """Grade the numbers whose weight only the rest of the line tells."""
    if code in _NVLINK5 and re.search(r"\bnon-?fatal\b", rest, re.IGNORECASE):
        return WARNING, f"{meaning}, not fatal"
    if code == 154:
        wanted = _RECOVERY.search(rest)
        if wanted and wanted[1] != "None":
            return CRITICAL, f"the driver asks for: {wanted[1]}"
    return severity, meaning or "not in the table of known numbers"


def sxid(text: str) -> Optional[Report]:
    """Read ``nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Fatal, Link 63 …``; ``None`` for its detail lines."""
    found = _SXID_LINE.match(text)
    if not found or found["rest"].startswith(("Severity", "Data")):
        return None  # these repeat an error that its first line already told
    code = int(found["code"])
    unit = _SXID_UNITS.get(code // 1000)
    meaning = SXID.get(code) or (f"{unit} error" if unit else "not in the table of known numbers")
    severity = CRITICAL if found["rest"].startswith("Fatal") else WARNING
    action = NVLINK if severity == CRITICAL else "Watch the link; follow it to its cable or board when it repeats."
    return Report(code, pci_address(found["address"]), severity, meaning, action, True, f"nvswitch{found['switch']}")
