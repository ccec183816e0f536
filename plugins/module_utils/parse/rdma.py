# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``/sys/class/infiniband`` says in words: states, rates, identifiers, and how far its counters count."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Optional

# Width in bits of the port counters in the InfiniBand PortCounters attribute (IBTA 1.5, 16.1.3.5), as the kernel
# reads them (drivers/infiniband/core/sysfs.c). They stop at their top and stay there until somebody resets them.
COUNTER_BITS: Mapping[str, int] = {
    "symbol_error": 16,
    "link_error_recovery": 8,
    "link_downed": 8,
    "port_rcv_errors": 16,
    "port_rcv_remote_physical_errors": 16,
    "port_rcv_switch_relay_errors": 16,
    "port_xmit_discards": 16,
    "port_xmit_constraint_errors": 8,
    "port_rcv_constraint_errors": 8,
    "local_link_integrity_errors": 4,
    "excessive_buffer_overrun_errors": 4,
    "VL15_dropped": 16,
}
HARDWARE_ERRORS = (
    "rnr_nak_retry_err",
    "local_ack_timeout_err",
    "packet_seq_err",
    "out_of_sequence",
    "out_of_buffer",
    "implied_nak_seq_err",
    "req_cqe_error",
    "resp_cqe_error",
    "req_remote_access_errors",
    "roce_slow_restart",
    "roce_adp_retrans",
    "rp_cnp_handled",
    "rp_cnp_ignored",
    "rx_icrc_encapsulated",
)
_RATE = re.compile(r"(\d+(?:\.\d+)?) Gb/sec(?: \((\d+)X(?: (\w+))?\))?")
_NUMBERED = re.compile(r"\d+: (\S.*)")
_ZERO = "0000:0000:0000:0000"


class Rate(NamedTuple):
    """A port's rate: Gb/s over all lanes, number of lanes, name of the lane speed (SDR ... XDR)."""

    gbps: Optional[float]
    lanes: Optional[int]
    speed: Optional[str]


def rate(text: Optional[str]) -> Rate:
    """Read ``400 Gb/sec (4X NDR)``."""
    found = _RATE.match(text or "")
    if not found:
        return Rate(None, None, None)
    return Rate(float(found.group(1)), int(found.group(2)) if found.group(2) else None, found.group(3))


def word(text: Optional[str]) -> Optional[str]:
    """Return the word of ``4: ACTIVE`` (and of ``5: LinkUp``); ``None`` for anything else."""
    found = _NUMBERED.match(text or "")
    return found.group(1) if found else None


def guid(text: Optional[str]) -> Optional[str]:
    """Return a GUID such as ``0c42:a103:00aa:bb01``; ``None`` when it is all zeros or no GUID."""
    return text if text and text != _ZERO and re.match(r"[0-9a-f]{4}(:[0-9a-f]{4}){3}$", text) else None


def gid_is_set(text: Optional[str]) -> bool:
    """Say whether a GID table entry is in use: empty entries hold zeros, or a prefix with a zero interface part."""
    return bool(text and re.match(r"[0-9a-f]{4}(:[0-9a-f]{4}){7}$", text) and not text.endswith(_ZERO))


def saturated(counters: Mapping[str, Optional[int]]) -> List[str]:
    """Return the names of the counters that stand at the most they can count, so that they say nothing any more."""
    return sorted(name for name, bits in COUNTER_BITS.items() if (counters.get(name) or 0) >= (1 << bits) - 1)


def per_time(
    counters: Mapping[str, Optional[int]], uptime_s: Optional[float], unit_s: float
) -> Dict[str, Optional[float]]:
    """Return the mean rate of every error counter since boot, in events per ``unit_s`` seconds.

    A machine that has been up for less than one unit is judged by the bare count. A saturated counter has no rate.
    """
    stuck = set(saturated(counters))
    rates: Dict[str, Optional[float]] = {}
    for name, count in counters.items():
        if name in COUNTER_BITS or name in HARDWARE_ERRORS:
            known = count is not None and uptime_s is not None and name not in stuck
            rates[name] = round((count or 0) / max((uptime_s or 0) / unit_s, 1.0), 3) if known else None
    return rates
