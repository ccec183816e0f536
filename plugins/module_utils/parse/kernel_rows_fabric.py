# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What network adapters and their drivers say in trouble, and drivers of any kind that refuse their device."""

from __future__ import annotations

from .kernel_kind import CRITICAL as _C
from .kernel_kind import INFO as _I
from .kernel_kind import NETDEV, PCI, Rows, probe
from .kernel_kind import WARNING as _W

_MLX5 = r"mlx5_core " + PCI + r"\b.*"
OTHER_ADAPTERS = r"(?:bnxt_en|bnxt_re|bnge|ice|irdma|iavf|i40e|idpf|ionic|ionic_rdma|efa|hfi1|qede?|qedr|cxgb4|mana)"
_NIC = r"^" + OTHER_ADAPTERS + r"\b.*"
_FATAL = (
    r"(?:(?<![Nn]on-)\b[Ff]atal\b(?!.*(?:supported|enabled|disabled))|due to firmware status|"
    r"(?i:timed ?out|(?:\(|_)timeout\b|timeout[:,]|timeout (?:after|waiting|while|detected|occurred|error|on|during)\b"
    r"|timeout\W*$|fail\w*\b.*\btimeout|timeout.*\bfail|not responding|unresponsive|"
    r"unrecoverable|failed to recover|recovery failed|reset failed|health poll failed|critical error|"
    r"hardware error|hmc error|firmware reset aborted|(?:pf|core|glob)r failed|fw has asserted|"
    r"\bhang detected|heartbeat (?:stopped|lost|fail)|\bfw (?:is )?(?:down|dead|halted|stopped|not running)|safe mode))"
)

# fmt: off
ROWS: Rows = [
    ("network", _W, "tx_timeout", "nic", "NETDEV WATCHDOG: CPU", "a network queue stopped sending",
     NETDEV + r": NETDEV WATCHDOG: CPU: \d+: .*timed out"),
    ("network", _W, "tx_timeout", "nic", "timed out", "a network queue stopped sending",
     r"NETDEV WATCHDOG: " + NETDEV + r".*timed out"),
    ("network", _W, "tx_timeout", "nic", "TX timeout", "a network queue stopped sending",
     NETDEV + r": TX timeout"),

    *probe("mlx5", "load_failed", r"mlx5_\w+", "the driver could not start the adapter"),
    ("mlx5", _C, "load_failed", "driver", "mlx5_core", "the driver could not start the adapter",
     _MLX5 + r"(?:mlx5_load_one failed|mlx5_init_one failed|handle_hca_cap failed|failed with error code)"),
    ("mlx5", _C, "command_timeout", "nic", "mlx5_core", "a command to the adapter timed out",
     _MLX5 + r"(?:timeout\. Will cause a leak|No done completion)"),
    ("mlx5", _C, "health", "nic", "mlx5_core", "the adapter reports bad health",
     (_MLX5 + r"(?:health compromised|Fatal error \d|firmware internal error|Health issue observed|"
      r"health recovery (?:flow )?(?:failed|aborted)|[Ff]atal (?:firmware )?error|in error state)")),
    ("mlx5", _C, "power", "link", "nsufficient power", "the slot gives the adapter too little power",
     _MLX5 + r"insufficient power"),
    ("mlx5", _W, "module", "link", "module", "a transceiver or cable reports an error",
     _MLX5 + r"Port module event\[error\]"),
    ("mlx5", _W, "temperature", "cooling", "emperature", "the adapter is too hot",
     _MLX5 + r"[Hh]igh temperature"),

    ("fabric", _C, "port", "nic", "infiniband", "an RDMA port could not be started",
     r"infiniband (?P<device>[\w-]+): Couldn't (?:start|open|create|register|enable)\b"),
    *probe("fabric", "load_failed", OTHER_ADAPTERS, "the driver could not start the adapter"),
    ("fabric", _C, "detached", "link", "PCIe link lost|dapter removed", "an adapter is gone from the bus",
     r"^[\w-]+ " + PCI + r"\b.*(?:PCIe link lost|[Aa]dapter removed)"),
    ("fabric", _W, "module", "link", "", "a transceiver or cable is refused or reports an error",
     (_NIC + r"(?i:(?:unqualified|unsupported|not supported|faulty).*\bmodule|"
      r"module.*(?:fault|error|overheat|unqualif))")),
    ("fabric", _C, "firmware", "nic", "", "an adapter or its firmware stopped answering", _NIC + _FATAL),
    ("fabric", _W, "firmware", "nic", "", "an adapter's firmware reset itself or met a bad request",
     _NIC + r"(?:[Nn]on-fatal|(?i:malicious driver|\bmdd\b event|firmware reset event|pf reset))"),

    ("driver", _W, "symbols", "driver", "symbol", "a kernel module does not fit another one and was not loaded",
     r"^(?P<device>[\w-]+): (?:Unknown symbol|disagrees about version of symbol) \w+"),
    ("driver", _W, "module_refused", "driver", "modul|magic", "the kernel refused to load a module",
     (r"^(?P<device>[\w-]+): version magic .* should be|Loading of (?:unsigned )?module.* rejected|"
      r"unsigned module loading is restricted")),
    ("driver", _W, "probe_failed", "driver", "failed with error", "a driver refused its PCI device",
     (r"(?:[\w-]+: probe of " + PCI + r"|[\w-]+ (?P<other>[0-9a-fA-F:.]{10,}): probe with driver \S+)"
      r" failed with error -")),
    ("driver", _I, "probe_failed", "driver", "failed with error", "a driver refused a device",
     r"(?:[\w-]+: probe of (?P<device>\S+)|[\w-]+ (?P<other>\S+): probe with driver \S+) failed with error -"),
]
# fmt: on
