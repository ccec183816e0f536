# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``ethtool -S`` counts of congestion: pause frames of priorities, how long they held, storms, full buffers.

Every driver has names of its own. A counter that a driver lacks is ``None``, never 0.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional, Tuple

DAY_S = 86400.0
# What is counted -> the names that drivers give it (mlx5_core; bnxt_en; ice; ionic). Those of all priorities add up.
NAMES: Mapping[str, Tuple[str, ...]] = {
    "pause_sent": (
        r"tx_prio\d_pause",
        r"tx_pfc_ena_frames_pri\d",
        r"tx_priority_\d_xoff(\.nic)?",
        r"frames_tx_pripause",
    ),
    "pause_received": (
        r"rx_prio\d_pause",
        r"rx_pfc_ena_frames_pri\d",
        r"rx_priority_\d_xoff(\.nic)?",
        r"frames_rx_pripause",
    ),
    "pause_sent_us": (r"tx_prio\d_pause_duration", r"pfc_pri\d_tx_duration_us"),
    "pause_received_us": (r"rx_prio\d_pause_duration", r"pfc_pri\d_rx_duration_us"),
    "pause_storms": (r"tx_pause_storm_error_events",),
    "discards": (r"rx_discards_phy",),
    "packets_received": (r"rx_packets_phy",),
}
_LINE = re.compile(r"^\s*(\S[^:]{0,79}?)\s*:\s*(\d{1,20})\s*$", re.MULTILINE)


def counters(text: str) -> Optional[Dict[str, Optional[int]]]:
    """Return the counts by the names above since the driver started; ``None`` for what is no table of counters."""
    found = {name: int(value) for name, value in _LINE.findall(text)}
    if not found:
        return None
    return {what: _sum(found, names) for what, names in NAMES.items()}


def _sum(found: Mapping[str, int], names: Tuple[str, ...]) -> Optional[int]:
    values = [value for name, value in found.items() if any(re.fullmatch(pattern, name) for pattern in names)]
    return sum(values) if values else None


def rates(counts: Mapping[str, Optional[int]], uptime_s: Optional[float]) -> Dict[str, Optional[float]]:
    """Return shares and rates since boot: ``pause_sent_percent`` and ``pause_received_percent`` of the time in which
    traffic of a priority was held, ``pause_storms_per_day``, ``discards_per_million`` packets."""
    sent, received = (_percent(counts[f"pause_{way}_us"], uptime_s) for way in ("sent", "received"))
    storms, lost, packets = counts["pause_storms"], counts["discards"], counts["packets_received"]
    days = max((uptime_s or 0.0) / DAY_S, 1.0)
    return {
        "pause_sent_percent": sent,
        "pause_received_percent": received,
        "pause_storms_per_day": None if storms is None or not uptime_s else round(storms / days, 3),
        "discards_per_million": None if lost is None or packets is None else round(lost * 1e6 / max(packets, 1), 3),
    }


def _percent(microseconds: Optional[int], uptime_s: Optional[float]) -> Optional[float]:
    return None if microseconds is None or not uptime_s else round(microseconds / (uptime_s * 1e4), 4)
