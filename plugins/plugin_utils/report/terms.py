# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words and orders that every report shares: statuses, severities, verdicts, phases and bands."""

from __future__ import annotations

from typing import Any, Mapping

# Worst first: the order in which anything is shown.
VERDICTS = ("not_ready", "unknown", "degraded", "ready")
# The order in which hosts are counted.
COUNTED = ("ready", "degraded", "not_ready", "unknown")
STATUSES = ("fail", "unknown", "waived", "not_applicable", "pass")
SEVERITIES = ("critical", "major", "minor", "info")
FINDING = ("fail", "unknown")
PASSED_MUSTER = ("ready", "degraded")

VERDICT_WORDS = {"not_ready": "Not ready", "unknown": "Unknown", "degraded": "Degraded", "ready": "Ready"}
DRY_RUN = "Dry run, nothing was changed"
STATUS_WORDS = {
    "fail": "Fail", "unknown": "Unknown", "waived": "Waived", "not_applicable": "Not applicable", "pass": "Pass",
}  # fmt: skip
PHASES = {
    0: "Physical and environment",
    1: "Out-of-band control",
    2: "BIOS and firmware",
    3: "OS and host baseline",
    4: "Networking",
    5: "Accelerators and drivers",
    6: "Orchestration",
    7: "Workload admission",
    8: "Models and artifacts",
    9: "Observability",
    10: "Security and compliance",
    11: "Lifecycle operations",
    12: "Handoff and ownership",
}

LIKELY_READY = 80.0
NEEDS_REVIEW = 70.0


def phase_title(phase: object) -> str:
    """The name of a phase of the bring-up checklist, or what was given when it is none of them."""
    return PHASES.get(phase, str(phase)) if isinstance(phase, int) else str(phase)


def band(percent: float | None) -> str:
    """The checklist's band: 80 % checked is likely ready; 30 % failing or unclear needs a review."""
    if percent is None:
        return "nothing to score"
    if percent >= LIKELY_READY:
        return "likely ready"
    return "needs review" if percent <= NEEDS_REVIEW else "between"


def rank(row: Mapping[str, Any]) -> tuple[int, int]:
    """Sort key of a result row: worst severity first, then fail before unknown."""
    return _place(SEVERITIES, row.get("severity")), _place(STATUSES, row.get("status"))


def _place(order: tuple[str, ...], word: object) -> int:
    return order.index(word) if word in order else len(order)
