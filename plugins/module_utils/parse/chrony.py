# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``chronyc -c tracking`` and ``chronyc -c sources``: lines of fields parted by commas, seconds throughout."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

TRACKING_FIELDS = 14
SOURCE_FIELDS = 10
STATES = {
    "*": "selected",
    "+": "combined",
    "-": "not combined",
    "?": "unreachable",
    "x": "falseticker",
    "~": "unstable",
}
MODES = {"^": "server", "=": "peer", "#": "reference clock"}


def tracking(text: str) -> Optional[Dict[str, Any]]:
    """Return how the clock is kept, or ``None`` for anything but one line of fourteen fields."""
    fields = text.strip().split(",")
    if len(fields) != TRACKING_FIELDS:
        return None
    try:
        leap = fields[13].strip().lower()
        return {
            "reference": fields[1] or fields[0],
            "stratum": int(fields[2]),
            "offset_s": abs(float(fields[4])),
            "rms_offset_s": float(fields[6]),
            "frequency_ppm": float(fields[7]),
            "root_delay_s": float(fields[10]),
            "root_dispersion_s": float(fields[11]),
            "leap": leap,
            "synchronised": leap != "not synchronised" and int(fields[2]) > 0,
        }
    except ValueError:
        return None


def sources(text: str) -> Optional[List[Dict[str, Any]]]:
    """Return the time sources that are configured; ``None`` when a line is not one."""
    found = []
    for line in text.strip().splitlines():
        fields = line.split(",")
        if len(fields) != SOURCE_FIELDS or fields[0] not in MODES or fields[1] not in STATES:
            return None
        try:
            found.append(
                {
                    "label": f"time source {fields[2]}",
                    "name": fields[2],
                    "mode": MODES[fields[0]],
                    "state": STATES[fields[1]],
                    "stratum": int(fields[3]),
                    "reachable": int(fields[5], 8) != 0,
                    "offset_s": abs(float(fields[7])),
                }
            )
        except ValueError:
            return None
    return found
